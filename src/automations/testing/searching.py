"""
Looking for a story that fails, with Hypothesis, and making it as short as it can be.

A story is told act by act, each one of those for which there is an occasion. Of one that fails,
acts are left out and values are made simple, one by one, for as long as what is left fails in the
same way: that takes far fewer stories than to shrink all that was drawn.
"""

from __future__ import annotations

import time as machine
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.db import DatabaseError
from hypothesis import HealthCheck, Phase, Verbosity, find, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import DataObject, SearchStrategy

from automations.testing.clocks import Clock
from automations.testing.deeds import Act, Wait
from automations.testing.drawing import Teller
from automations.testing.entries import slots
from automations.testing.stories import Plan, Story, Told, staged
from automations.testing.telling import standing

#: How much of the time is for finding; the rest is for making shorter what was found.
FINDING = 0.7
#: So often a form is sent before one gives up that it may be valid.
IN_VAIN = 20
#: Without a deadline for each story, and without a memory of what has failed: it may be another
#: process. So many values are tried in the place of each.
SETTINGS = settings(
    max_examples=30,
    phases=[Phase.generate, Phase.shrink],  # to explain would take ten times as long
    database=None,
    deadline=None,
    derandomize=False,
    print_blob=False,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
    verbosity=Verbosity.quiet,
)

Kind = tuple[type, str]
#: The acts of a story, and when it begins.
Tale = tuple[list[Act], datetime]


class Enough(KeyboardInterrupt):
    """Enough was played: Hypothesis stops then, as if somebody had interrupted it."""


@dataclass
class Failure:
    """A story that has failed: its acts, when it began, with what, and where the run stood then."""

    acts: list[Act]
    began: datetime
    error: BaseException
    stands: str

    @property
    def kind(self) -> Kind:
        """What tells this way to fail from others."""
        return type(self.error), getattr(self.error, "law", "")

    @property
    def weight(self) -> tuple[int, int, int]:
        """How long the story is; of two as long, the one is lighter in which less is done."""
        lines = [line for act in self.acts for line in act.lines()]
        return len(lines), sum(map(len, lines)), len(retold(self.acts))


class Search:
    """The stories of one plan, and the shortest that has failed."""

    def __init__(self, plan: Plan, time: Clock) -> None:
        self.plan, self.time = plan, time
        self.told = Told(plan.definition.labels)
        self.found: Failure | None = None
        self.begun = machine.monotonic()
        self.is_flaky = False
        #: How the story has failed that was played last.
        self.last: Failure | None = None

    def is_late(self, share: float = 1) -> bool:
        """Return whether this share of the time is over."""
        return machine.monotonic() > self.begun + share * self.plan.seconds

    def run(self) -> None:
        """Find a story that fails, and make it as short and as simple as it can be."""
        self.look()
        found = self.found
        if found is None:
            return
        with suppress(Enough):
            self.is_flaky = self.again(retold(found.acts), found.began) is None
            self.shorten()
            self.simplify()
            self.shorten()

    def look(self) -> None:
        """Play random stories until one fails."""

        @seed(self.plan.seed)
        @settings(SETTINGS, max_examples=self.plan.stories, phases=[Phase.generate])
        @given(st.data())
        def story(data: DataObject) -> None:
            if self.is_late(FINDING) or self.told.stories >= self.plan.stories:
                raise Enough
            if self.told.never_valid(IN_VAIN):
                raise Enough
            try:
                self.tell(data)
            except Exception:
                if self.last is None:
                    raise
                self.found = self.last
                raise Enough from None

        with suppress(Enough):
            story()

    def tell(self, data: DataObject) -> None:
        """Play one random story."""
        with self.stage(data.draw(self.plan.at)) as story:
            teller = Teller(self.plan, data.draw)
            self.play(story, teller.start())
            while len(story.acts) < self.plan.acts:
                act = teller.next_act(story)
                if act is None:
                    break
                self.play(story, act)
            self.end(story)

    # Making it shorter

    def shorten(self) -> None:
        """Leave out what the story fails without, until nothing can be left out."""
        while (before := self.found) is not None:
            for acts in shorter(before.acts):
                after = self.again(acts, before.began)
                if after and after.weight < before.weight:
                    self.found = after
                    break
            else:
                return

    def simplify(self) -> None:
        """Put the simplest value in the place of each with which the story fails."""
        place = 0
        while (before := self.found) is not None:
            if place >= len(simpler := [*values(before, self.plan)]):
                return
            strategy, put = simpler[place]

            def fails(other: Any, put: Callable[[Any], Tale] = put) -> bool:
                return self.again(*put(other)) is not None

            with suppress(NoSuchExample):
                chance = Random(self.plan.seed)  # noqa: S311 - no secret
                simplest = find(strategy, fails, settings=SETTINGS, random=chance)
                self.found = self.again(*put(simplest)) or before
            place += 1

    def again(self, acts: list[Act], began: datetime) -> Failure | None:
        """Play the acts; return how that fails, if it is in the way that was found."""
        if self.found is None or self.is_late():
            raise Enough
        self.last = None
        with suppress(Exception), self.stage(began) as story:
            for act in acts:
                if not story.is_over and act.fits(story):
                    self.play(story, act)
            self.end(story)
        last: Failure | None = self.last
        return last if last and last.kind == self.found.kind else None

    # Playing

    def stage(self, begin: datetime) -> AbstractContextManager[Story]:
        """Return the stage of a story that begins then."""
        return staged(self.plan, self.time, self.told, begin)

    def play(self, story: Story, act: Act) -> None:
        """Play an act; remember how the story fails, if it does, and raise that."""
        try:
            story.play(act)
        except Exception as error:
            self.last = Failure(list(story.acts), story.began, error, stands_of(story))
            raise

    def end(self, story: Story) -> None:
        """Let the time pass within which the run is to end, and nobody do anything any more."""
        within = self.plan.within
        if within is not None and not story.has_ended:
            rest = story.began + within - self.time.now
            if rest > timedelta():
                self.play(story, Wait(rest, last=True))


def stands_of(story: Story) -> str:
    """Return where the run of the story stands; "" if there is none, or nobody can say."""
    try:
        return standing(story.row) if story.row else ""
    except DatabaseError:
        return ""


def is_last(act: Act) -> bool:
    """Return whether this is only the time that passes after a story."""
    return isinstance(act, Wait) and act.last


def retold(acts: list[Act]) -> list[Act]:
    """Return the acts as they are to be played once more."""
    return [act.again() for act in acts if not is_last(act)]


def shorter(told: list[Act]) -> Iterator[list[Act]]:
    """Yield the acts without some of them, or with simpler ones."""
    acts = retold(told)
    for size in (4, 2, 1):
        for place in range(len(acts) - size, 0, -1):
            yield acts[:place] + acts[place + size :]
    for place, act in enumerate(acts):
        for simpler in act.simpler():
            yield [*acts[:place], simpler, *acts[place + 1 :]]
    for place in range(1, len(acts) - 1):
        one, other = acts[place], acts[place + 1]
        if isinstance(one, Wait) and isinstance(other, Wait):
            yield [*acts[:place], Wait(one.by + other.by, at=other.at), *acts[place + 2 :]]


def values(
    failure: Failure, plan: Plan
) -> Iterator[tuple[SearchStrategy[Any], Callable[[Any], Tale]]]:
    """Yield the strategy of each value in a story, and what puts another in its place."""
    acts = retold(failure.acts)
    yield plan.at, lambda began: (acts, began)
    for place, act in enumerate(acts):
        for strategy, put in slots(getattr(act, act.given, None), act.source):

            def changed(other: Any, place: int = place, act: Act = act, put: Any = put) -> Tale:
                other_act = replace(act, **{act.given: put(other)})
                return [*acts[:place], other_act, *acts[place + 1 :]], failure.began

            yield strategy, changed
