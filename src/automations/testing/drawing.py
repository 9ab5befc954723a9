"""Drawing what is done in a story: act by act, each among those for which there is an occasion."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.forms import BaseFormSet
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from automations.models.runs import RunState
from automations.testing.acts import blank
from automations.testing.ahead import next_moment
from automations.testing.clocks import aware
from automations.testing.deeds import Act, Fill, Retry, Send, Start, Sweep, Wait
from automations.testing.entries import drawn, moments, sources
from automations.testing.stories import Plan, Story

#: One act in so many is the last; one person in so many has no right to what he or she does; one
#: form in so many is sent twice; in one act out of so many a worker may die, but twice in all.
LENGTH, STRANGE, DOUBLE, DEADLY, DEATHS = 14, 8, 5, 3, 2
#: One form in so many is filled in without care; so many forms more than must be has a formset.
CARELESS, MORE = 6, 2
#: The kinds of acts, some more often than others.
OFTEN = ["fill", "fill", "fill", "wait", "wait", "send", "send", "retry", "sweep"]
LONGER = (timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=30))


def begin_at(given: Any) -> SearchStrategy[datetime]:
    """Return the strategy of the moments at which stories begin."""
    if given is None:
        return moments()
    return given.map(aware) if isinstance(given, SearchStrategy) else st.just(aware(given))


@st.composite
def beginnings(draw: DrawFn, plan: Plan) -> Start:
    """Draw how the run is started."""
    start = plan.start
    if callable(start) and not isinstance(start, SearchStrategy):
        return Start(plan.automation, {}, start)
    source = start or {}
    at = death(draw, plan, 0)
    return Start(plan.automation, drawn(draw, source), source=source, at=at)


def death(draw: DrawFn, plan: Plan, deaths: int) -> int | None:
    """Draw after how many tasks a worker dies; None: in none."""
    if not plan.crashes or deaths >= DEATHS or draw(st.integers(1, DEADLY)) < DEADLY:
        return None
    return draw(st.integers(0, 2))


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


@st.composite
def next_act(draw: DrawFn, story: Story) -> Act | None:
    """Draw what is done next; None if nothing is."""
    there = sorted(set(occasions(story)))
    if not there or draw(st.integers(1, LENGTH)) == 1:
        return None
    kinds = {kind for kind, _ in there}
    kind = draw(st.sampled_from([each for each in OFTEN if each in kinds]))
    name = draw(st.sampled_from([name for each, name in there if each == kind]))
    plan = story.plan
    at = death(draw, plan, sum(bool(act.died) for act in story.acts))
    if kind == "fill":
        return draw(fillings(story, name, at))
    if kind == "send":
        source = plan.messages[name]
        return Send(name, drawn(draw, source), source=source, at=at)
    if kind == "wait":
        return Wait(draw(waits(story)), at=at)
    return Sweep() if kind == "sweep" else Retry(at=at)


@st.composite
def waits(draw: DrawFn, story: Story) -> timedelta:
    """Draw how long nothing is done: until something falls due, shorter, or longer."""
    ahead = ahead_of(story)
    until = ahead - story.time.now if ahead else timedelta(days=1)
    how = draw(st.integers(0, 3))
    if how <= 1:
        return until
    if how == 2 and until > timedelta(minutes=2):
        minutes = int(until.total_seconds() // 60)
        return timedelta(minutes=draw(st.integers(1, minutes - 1)))
    return draw(st.sampled_from(LONGER))


@st.composite
def fillings(draw: DrawFn, story: Story, node: str, at: int | None) -> Fill:
    """Draw who fills in the form at the node, and with what."""
    task, may = story.offered[node]
    strangers = [person for person in story.people if person not in may]
    if strangers and draw(st.integers(1, STRANGE)) == STRANGE:
        return Fill(node, draw(st.sampled_from(strangers)), {})
    person = draw(st.sampled_from(may))
    try:
        form = blank(task, person)
    except Exception:  # noqa: BLE001 - it is raised again when the form is sent
        return Fill(node, person, {}, at=at)
    careful = draw(st.integers(1, CARELESS)) < CARELESS
    number = draw(st.integers(0, MORE)) if isinstance(form, BaseFormSet) else 0
    source = sources(form, story.plan.forms.get(node, {}), number, careful=careful)
    twice = story.plan.crashes and draw(st.integers(1, DOUBLE)) == DOUBLE
    return Fill(node, person, drawn(draw, source), twice, source=source, at=at)
