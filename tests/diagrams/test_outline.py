"""A process in words: whoever does not see the picture is told all that it shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from automations import flow
from automations.definition.wording import readable
from automations.diagrams.outline import Line, Way, outline
from automations.diagrams.painting import NOTHING, Mark, Paint, State
from automations.diagrams.translation import graph_of
from automations.flow import this
from tests.diagrams.corpus import CORPUS, UNSOUND
from tests.diagrams.test_ways import Drawn
from tests.testapp.forms import ApprovalForm


class Told(flow.Automation):
    """Has something of everything that stands at a symbol."""

    class Meta:
        abstract = True
        schedule = flow.Cron("0 9 * * MON")

    hello = flow.SendMessage(1, "hello").OnError(this.ask, ValueError).OnError(this.stop)
    ask = (
        flow.Form(ApprovalForm, description="May it be done?")
        .Group(name="reviewers")
        .AfterWaitingFor(timedelta(days=1))
        .AsSoonAs(this.ready)
        .OnTimeout(timedelta(days=5), this.stop)
        .Remind(this.nudge, after=timedelta(days=2))
        .Next(this.check)
    )
    check = flow.If(this.ready).Then(this.nudge).Else(this.stop).Next(this.split)
    split = flow.Split().Next(this.left).Next(this.join)
    left = flow.Execute(this.nudge).SkipIf(this.ready).Next(this.join)
    join = flow.Join()
    again = flow.Repeat(this.ask).EveryDay()
    stop = flow.End(terminate=True)

    def ready(self, task: Any) -> bool:
        """Say yes."""
        return True

    def nudge(self, task: Any) -> None:
        """Do nothing."""


def by_name(paint: Paint = NOTHING, automation: Any = Told) -> dict[str, Line]:
    return {line.name: line for line in outline(automation._meta, paint)}


def ways(name: str) -> set[tuple[str, str, str]]:
    return {(way.label, way.work, way.target) for way in by_name()[name].ways}


def test_it_says_of_each_node_what_its_symbols_say() -> None:
    told = by_name()
    assert told["Hello"].facts[0].startswith("begins here: Start, ")
    assert told["Hello"].facts[1:] == ("sends a message",)
    assert told["Ask"].facts == (
        "waits for: 1 day",
        "waits for: Ready",
        "a form for: reviewers",
    )
    assert told["Ask"].description == "May it be done?"
    assert told["Check"].facts == ("asks: Ready?",)
    assert told["Split"].facts == ("all ways at once",)
    assert told["Join"].facts == ("waits for all branches",)
    assert told["Again"].facts[0].startswith("waits for: ")
    assert told["Stop"].facts == ("ends all branches",)


def test_it_says_where_each_node_leads_and_by_what() -> None:
    assert ways("Hello") == {
        ("", "", "Ask"),
        ("on error: ValueError", "", "Ask"),
        ("error", "", "Stop"),
    }
    assert ways("Ask") == {
        ("", "", "Check"),
        ("after 5 days", "", "Stop"),
        ("reminder after 2 days", "", "Nudge"),
    }
    assert ways("Check") == {("yes", "Nudge", "Split"), ("no", "", "Stop")}
    assert ways("Left") == {("", "", "Join"), ("if Ready", "", "Join")}


def test_it_says_how_a_run_stands_and_which_ways_were_taken() -> None:
    paint = Paint(
        {"begin": Mark(State.DONE), "check": Mark(State.DONE, link="#task-2")},
        frozenset({("begin", "check"), ("check", "ask")}),
        {("check", "ask"): frozenset({"no"})},
    )
    told = by_name(paint, Drawn)
    assert told["Check"].mark.link == "#task-2"
    assert told["Check"].ways == (
        Way("yes", "Ask", "Work", taken=False),
        Way("no", "Ask", "", taken=True),
    )
    assert [way.taken for way in told["Begin"].ways] == [True]
    assert not any(way.taken for way in told["Ask"].ways)


@pytest.mark.parametrize("name", [*CORPUS, *UNSOUND])
def test_all_nodes_are_told_and_all_events_on_borders(name: str) -> None:
    definition = {**CORPUS, **UNSOUND}[name]._meta
    told = outline(definition, NOTHING)
    assert [line.name for line in told] == [readable(node) for node in definition.nodes]
    for line, node in zip(told, definition.nodes, strict=True):
        events = [each.name for each in graph_of(definition).of(node) if each.host]
        labels = [way.label for way in line.ways]
        assert all(any(event in label for label in labels) for event in events)
