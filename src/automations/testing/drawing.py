"""Drawing what is done in a story: act by act, each among those for which there is an occasion."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from automations.models.runs import RunState
from automations.testing.acts import blank
from automations.testing.ahead import next_moment
from automations.testing.clocks import aware
from automations.testing.dealings import Fill, Send
from automations.testing.deeds import Act, Retry, Start, Sweep, Wait
from automations.testing.entries import Draw, drawn, moments, sources
from automations.testing.stories import Plan, Story

#: One act in so many is the last; one person in so many has no right to what he or she does; one
#: form in so many is sent twice; in one act out of so many a worker dies, but so often in all.
LENGTH, STRANGE, DOUBLE, DEADLY, DEATHS = 14, 8, 5, 2, 3
#: One form in so many is filled in without care; so many forms more than must be has a formset.
CARELESS, MORE = 6, 2
#: In one story out of so many a form is never filled in, a message never comes, time never passes,
#: no worker dies.
SELDOM = 4
#: The kinds of acts, some more often than others.
OFTEN = ["fill", "fill", "fill", "wait", "wait", "send", "send", "retry", "sweep"]
LONGER = (timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=30))


def begin_at(given: Any) -> SearchStrategy[datetime]:
    """Return the strategy of the moments at which stories begin."""
    if given is None:
        return moments()
    return given.map(aware) if isinstance(given, SearchStrategy) else st.just(aware(given))


class Teller:
    """
    Decides what is done next in a story.

    What is entered comes from ``draw``, by strategies; who does what when comes from ``chance``,
    whose stories are more different from each other than those of Hypothesis.
    """

    def __init__(self, plan: Plan, draw: Draw) -> None:
        self.plan = plan
        self.draw = draw
        self.chance = Random(draw(st.binary(min_size=8, max_size=8)))  # noqa: S311 - no secret
        #: What never happens in this story: that nobody answers, say, for as long as it takes.
        self.never: dict[tuple[str, str], bool] = {}
        self.is_safe = not plan.crashes or self.one_in(SELDOM)

    def one_in(self, number: int) -> bool:
        """Return True once in so many times."""
        return self.chance.randrange(number) == 0

    def start(self) -> Start:
        """Return how the run is started."""
        start = self.plan.start
        if callable(start) and not isinstance(start, SearchStrategy):
            return Start(self.plan.automation, {}, start)
        source = {} if start is None else start
        data = drawn(self.draw, source)
        return Start(self.plan.automation, data, source=source, at=self.death(0))

    def death(self, deaths: int) -> int | None:
        """Return after how many tasks a worker dies; None: in none."""
        if self.is_safe or deaths >= DEATHS or not self.one_in(DEADLY):
            return None
        return self.chance.randrange(3)

    def next_act(self, story: Story) -> Act | None:
        """Return what is done next; None if nothing is."""
        there = [each for each in sorted(set(occasions(story))) if self.may_happen(each)]
        if not there or self.one_in(LENGTH):
            return None
        kinds = {kind for kind, _ in there}
        kind = self.chance.choice([each for each in OFTEN if each in kinds])
        name = self.chance.choice([name for each, name in there if each == kind])
        at = self.death(sum(bool(act.died) for act in story.acts))
        if kind == "fill":
            return self.filling(story, name, at)
        if kind == "send":
            source = self.plan.messages[name]
            return Send(name, drawn(self.draw, source), source=source, at=at)
        if kind == "wait":
            return Wait(self.length(story), at=at)
        return Sweep() if kind == "sweep" else Retry(at=at)

    def may_happen(self, occasion: tuple[str, str]) -> bool:
        """Return whether this happens in the story at all, which is decided once."""
        if occasion not in self.never:
            self.never[occasion] = self.one_in(SELDOM)
        return not self.never[occasion]

    def length(self, story: Story) -> timedelta:
        """Return how long nothing is done: until something falls due, shorter, or longer."""
        ahead = ahead_of(story)
        until = ahead - story.time.now if ahead else timedelta(days=1)
        how = self.chance.randrange(4)
        if how <= 1:
            return until
        if how == 2 and until > timedelta(minutes=2):
            minutes = int(until.total_seconds() // 60)
            return timedelta(minutes=self.chance.randrange(1, minutes))
        return self.chance.choice(LONGER)

    def filling(self, story: Story, node: str, at: int | None) -> Fill:
        """Return who fills in the form at the node, and with what."""
        task, may = story.offered[node]
        strangers = [person for person in story.people if person not in may]
        if strangers and self.one_in(STRANGE):
            return Fill(node, self.chance.choice(strangers), {})
        person = self.chance.choice(may)
        try:
            form = blank(task, person)
        except Exception:  # noqa: BLE001 - it is raised again when the form is sent
            return Fill(node, person, {}, at=at)
        careful = not self.one_in(CARELESS)
        number = self.chance.randint(0, MORE)
        source = sources(form, self.plan.forms.get(node, {}), number, careful=careful)
        twice = self.plan.crashes and self.one_in(DOUBLE)
        return Fill(node, person, drawn(self.draw, source), twice, source=source, at=at)


def occasions(story: Story) -> Iterator[tuple[str, str]]:
    """Yield what there is an occasion for: kinds of acts, each with a node or a message."""
    row = story.row
    if row is None or story.has_ended:
        return
    if row.due is not None and (row.due > story.time.now or ahead_of(story)):
        yield "wait", ""
    yield from (("fill", node) for node, (_, may) in story.offered.items() if may)
    yield from (("send", message) for message in story.plan.messages)
    if story.plan.crashes:
        yield "sweep", ""
    if row.state == RunState.FAILED:
        yield "retry", ""


def ahead_of(story: Story) -> datetime | None:
    """Return when something falls due next."""
    return next_moment(story.time.now, story.time.every)
