"""The elements of BPMN that a process is made of: what engines want of gateways and events."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from automations import flow
from automations.definition.sequence import SequenceFlow
from automations.diagrams.elements import Element, Graph
from automations.diagrams.translation import graph_of
from automations.flow import this
from automations.outcomes import Complete, Outcome
from tests.diagrams.corpus import CORPUS, UNSOUND
from tests.diagrams.random_processes import random_process
from tests.diagrams.steered import Steered

DAY = timedelta(days=1)
SOUND = [*CORPUS.values(), *(random_process(seed) for seed in range(60))]
ALL = [*SOUND, *UNSOUND.values(), *(random_process(seed, wild=0.2) for seed in range(60))]


def named(automation: Any) -> str:
    return automation.__name__


def targets(graph: Graph, name: str) -> set[str]:
    return {flow.target for flow in graph.outgoing[name]}


@pytest.mark.parametrize("automation", ALL, ids=named)
def test_every_flow_has_two_ends_and_every_event_on_a_border_an_activity(automation: Any) -> None:
    graph = graph_of(automation._meta)
    for each in graph.flows:
        assert {each.source, each.target} <= set(graph.elements)
        assert graph.elements[each.target].kind not in ("startEvent", "boundaryEvent")
    for element in graph.elements.values():
        if element.kind == "boundaryEvent":
            assert graph.elements[element.host].kind.lower().endswith("task")
    ids = [*graph.elements, *(each.id for each in graph.flows)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("automation", SOUND, ids=named)
def test_ways_meet_and_part_at_gateways_only_and_none_does_both(automation: Any) -> None:
    graph = graph_of(automation._meta)
    for element in graph.elements.values():
        ways_in, ways_out = graph.incoming[element.id], graph.outgoing[element.id]
        if element.is_gateway:
            assert ways_in
            assert ways_out
            assert (len(ways_in) > 1) != (len(ways_out) > 1)
        else:
            assert len(ways_in) == (element.kind not in ("startEvent", "boundaryEvent"))
            assert len(ways_out) == (element.kind != "endEvent")


@pytest.mark.parametrize("automation", ALL, ids=named)
def test_every_way_out_of_a_deciding_gateway_but_one_has_a_condition(automation: Any) -> None:
    graph = graph_of(automation._meta)
    for element in graph.elements.values():
        ways = graph.outgoing[element.id]
        if element.kind == "exclusiveGateway" and len(ways) > 1:
            assert [each.default for each in ways].count(True) == 1
            assert all(each.default or each.condition is not None for each in ways)


@pytest.mark.parametrize("automation", ALL, ids=named)
def test_a_race_is_between_events_that_nothing_else_leads_to(automation: Any) -> None:
    graph = graph_of(automation._meta)
    for element in graph.elements.values():
        if element.kind == "eventBasedGateway":
            assert len(targets(graph, element.id)) > 1
            for name in targets(graph, element.id):
                assert graph.elements[name].kind == "intermediateCatchEvent"
                assert len(graph.incoming[name]) == 1


def test_the_four_ways_into_a_join_are_merged_to_one_for_each_of_its_three_branches() -> None:
    graph = graph_of(CORPUS["IssueDiscussion"]._meta)
    assert len(graph.incoming["join"]) == 3
    merges = {name for name in graph.elements if name.startswith("join.merge.")}
    assert merges == {"join.merge.conf_call"}


def test_a_join_waits_for_the_branches_of_that_split_which_was_come_to() -> None:
    graph = graph_of(CORPUS["EitherSplit"]._meta)
    assert {each.source for each in graph.incoming["join"]} == {"a", "b"}
    assert {each.source for each in graph.incoming["join.join.three_ways"]} == {"c", "d", "e"}
    assert targets(graph, "join") == targets(graph, "join.join.three_ways") == {"join.joined"}
    assert graph.elements["join.joined"].kind == "exclusiveGateway"


class Waits(Steered):
    """Waits where it joins, and twice before it may be too late."""

    class Meta:
        abstract = True
        schedule = flow.Cron("0 9 * * MON")

    split = flow.Split().Next(this.a).Next(this.b)
    a = flow.Execute(this.work).Next(this.join)
    b = flow.Execute(this.work)
    join = flow.Join().AfterWaitingFor(DAY)
    both = flow.Execute(this.work).AfterWaitingFor(DAY).AsSoonAs(this.asks).OnTimeout(DAY, this.end)
    late = flow.Execute(this.work).AsSoonAs(this.asks).OnTimeout(DAY, "nowhere")
    end = flow.End()


def test_what_the_branches_wait_for_at_a_join_is_waited_for_behind_it() -> None:
    graph = graph_of(Waits._meta)
    assert {each.source for each in graph.incoming["join"]} == {"a", "b"}
    assert targets(graph, "join") == {"join.wait"}


def test_a_time_limit_holds_for_each_of_several_waits() -> None:
    graph = graph_of(Waits._meta)
    assert targets(graph, "join.wait") == {"both.race"}
    assert targets(graph, "both.race") == {"both.wait", "both.timeout"}
    assert targets(graph, "both.wait") == {"both.race2"}
    assert targets(graph, "both.race2") == {"both.condition", "both.timeout2"}
    assert targets(graph, "both.condition") == {"both"}


def test_a_way_that_leads_nowhere_opens_no_race() -> None:
    graph = graph_of(Waits._meta)
    assert {name for name in graph.elements if name.startswith("late")} == {
        "late",
        "late.condition",
    }


def test_a_schedule_starts_a_process() -> None:
    start = graph_of(Waits._meta).elements["split.schedule"]
    assert start == Element(
        "split.schedule", "startEvent", "cron 0 9 * * MON", "split", "timer",
        detail=flow.Cron("0 9 * * MON"),
    )  # fmt: skip


class Ask(flow.Node):
    """A node of a project's own, which says itself where to go on."""

    bpmn = "subProcess"

    def execute(self, context: Any) -> Outcome:
        return Complete(to="left")

    def sequence_flows(self) -> Any:
        yield SequenceFlow(self.name, "left")
        yield SequenceFlow(self.name, "right", "to the right")


class Own(Steered):
    """Has nodes of its own."""

    class Meta:
        abstract = True

    ask = Ask()
    left = flow.Switch(this.which).Case(None, this.right).Case(1, this.right).Case("1", this.right)
    right = flow.End()


def test_a_node_of_the_projects_own_decides_at_a_gateway_behind_it() -> None:
    graph = graph_of(Own._meta)
    assert graph.elements["ask"].kind == "task"
    assert targets(graph, "ask") == {"ask.way"}
    ways = graph.outgoing["ask.way"]
    assert [(each.label, each.default) for each in ways] == [
        ("Left", False),
        ("to the right", True),
    ]


def test_cases_that_read_alike_and_one_of_none_are_ways_of_their_own() -> None:
    ways = graph_of(Own._meta).outgoing["left"]
    assert [(each.label, each.condition, each.default) for each in ways] == [
        ("None", None, False),
        ("1", 1, False),
        ("1", "1", False),
        ("else", None, True),
    ]
