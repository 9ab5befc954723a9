"""Which arrows are painted as taken: those that were, and none of which it is not known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from automations import flow
from automations.diagrams.elements import Graph
from automations.diagrams.painting import NOTHING, Mark, Paint, State
from automations.diagrams.translation import graph_of
from automations.diagrams.ways import Ways
from automations.flow import this
from tests.diagrams.corpus import CORPUS, UNSOUND
from tests.testapp.forms import ApprovalForm

DONE, HERE, WAITING, NEVER, SKIPPED = (
    State.DONE,
    State.HERE,
    State.WAITING,
    State.NEVER,
    State.SKIPPED,
)


class Drawn(flow.Automation):
    """Has several arrows from one node to another, and a wait before a form."""

    class Meta:
        abstract = True

    begin = flow.Execute(this.work)
    check = flow.If(this.asks).Then(this.work).Next(this.ask)
    ask = (
        flow.Form(ApprovalForm)
        .Group(name="reviewers")
        .AfterWaitingFor(timedelta(days=1))
        .SkipAfter(timedelta(days=9))
        .OnTimeout(timedelta(days=5), this.again)
        .Next(this.end)
    )
    again = flow.If(this.asks).Then(this.again).Else(this.begin)
    end = flow.End()

    def work(self, task: Any) -> None:
        """Do nothing."""

    def asks(self, task: Any) -> bool:
        """Say no."""
        return False


GRAPH = graph_of(Drawn._meta)


def taken(paint: Paint, graph: Graph = GRAPH) -> set[str]:
    ways = Ways(graph, paint)
    return {flow.id for flow in graph.flows if ways.is_taken(flow)}


def test_without_a_run_no_arrow_was_taken() -> None:
    assert taken(NOTHING) == set()


def test_all_arrows_up_to_where_a_run_waits_were_taken_and_none_behind() -> None:
    marks = {"begin": Mark(DONE), "check": Mark(DONE), "ask": Mark(HERE)}
    ways = frozenset({("begin", "check"), ("check", "ask")})
    paint = Paint(marks, ways, {("check", "ask"): frozenset({"no"})})
    came = {"begin.start-to-begin.merge", "begin.merge-to-begin", "begin-to-check"}
    came |= {"check-to-ask.merge", "ask.merge-to-ask.wait"}
    assert taken(paint) == came
    # A form is asked once its time has come.
    assert taken(Paint(marks | {"ask": Mark(WAITING)}, ways, paint.answers)) == came | {
        "ask.wait-to-ask"
    }


@pytest.mark.parametrize(
    ("answer", "by", "instead"),
    [("yes", "check.then-to-ask.merge", "check-to-ask.merge"),
     ("no", "check-to-ask.merge", "check.then-to-ask.merge")],
)  # fmt: skip
def test_the_answer_of_an_if_tells_by_which_of_two_arrows_it_went(
    answer: str, by: str, instead: str
) -> None:
    ways = frozenset({("check", "ask")})
    found = taken(Paint({}, ways, {("check", "ask"): frozenset({answer})}))
    assert by in found
    assert instead not in found
    assert ("check-to-check.then" in found) == (answer == "yes")
    both = taken(Paint({}, ways, {("check", "ask"): frozenset({"yes", "no"})}))
    assert {by, instead} <= both


def test_only_what_was_skipped_has_left_by_the_event_that_skips_it() -> None:
    ways = frozenset({("ask", "end")})
    assert taken(Paint({"ask": Mark(DONE), "end": Mark(DONE)}, ways)) & {
        "ask-to-end.merge",
        "ask.skip-to-end.merge",
    } == {"ask-to-end.merge"}
    assert taken(Paint({"ask": Mark(SKIPPED), "end": Mark(DONE)}, ways)) & {
        "ask-to-end.merge",
        "ask.skip-to-end.merge",
    } == {"ask.skip-to-end.merge"}


def test_an_arrow_back_to_the_same_node_is_one_that_was_gone() -> None:
    marks = {"again": Mark(DONE)}
    assert "again-to-again.merge" in taken(Paint(marks, frozenset({("again", "again")})))
    assert "again-to-again.merge" not in taken(Paint(marks, frozenset({("again", "begin")})))


def test_over_all_runs_the_way_has_no_gaps() -> None:
    marks = {name: Mark(note="7 times") for name in ("begin", "check", "ask", "end")}
    ways = frozenset({("begin", "check"), ("check", "ask"), ("ask", "end")})
    found = taken(Paint(marks, ways))
    assert {"begin.start-to-begin.merge", "ask.merge-to-ask.wait", "ask.wait-to-ask"} <= found
    assert not any(name.startswith("again") for name in found)


@pytest.mark.parametrize("name", [*CORPUS, *UNSOUND])
def test_where_all_ways_were_gone_every_arrow_on_them_was_taken(name: str) -> None:
    """But those of which only their own event tells: errors, times, reminders, several starts."""
    definition = {**CORPUS, **UNSOUND}[name]._meta
    graph = graph_of(definition)
    marks = {node: Mark(DONE) for node in definition.nodes}
    pairs = frozenset((each.source, each.target) for each in definition.flows)
    found = taken(Paint(marks, pairs), graph)
    for each in graph.flows:
        source = graph.elements[each.source]
        beside = source.host or ".remind" in each.source or source.kind == "startEvent"
        exit_of_race = any(part in each.id for part in (".timeout", ".skip", ".race"))
        dead = not graph.incoming[each.source] and source.kind != "startEvent"
        if not (beside or exit_of_race or dead):
            assert each.id in found or is_beside(graph, each.source), each.id


def is_beside(graph: Graph, name: str) -> bool:
    """Return whether only events on borders lead to the symbol."""
    return all(
        graph.elements[way.source].host or is_beside(graph, way.source)
        for way in graph.incoming[name]
        if way.source != name
    )
