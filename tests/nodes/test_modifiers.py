"""What every node keeps of what is given to it, and what it says of what is given twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from automations import flow
from automations.definition.node import Node
from automations.flow import this
from automations.outcomes import Complete, Fail
from tests.testapp.forms import ApprovalForm

HOUR = timedelta(hours=1)
DAY = datetime(2026, 3, 2, tzinfo=UTC)


def a_method(task: Any) -> None:
    """Do nothing."""


#: A node of each kind, by what makes one with more arguments.
KINDS: dict[str, Any] = {
    "Execute": lambda **more: flow.Execute(a_method, **more),
    "End": flow.End,
    "If": lambda **more: flow.If(this.ready, **more).Then(this.end),
    "Switch": lambda **more: flow.Switch(this.ready, **more).Case("a", this.end),
    "Split": lambda **more: flow.Split(**more).Next(this.end),
    "Join": flow.Join,
    "Form": lambda **more: flow.Form(ApprovalForm, **more),
    "ModelForm": lambda **more: flow.ModelForm(ApprovalForm, "key", **more),
    "SendMessage": lambda **more: flow.SendMessage(this.other, "paid", **more),
    "ReceiveMessage": lambda **more: flow.ReceiveMessage("paid", **more),
    "Repeat": lambda **more: flow.Repeat(this.end, **more),
}

TWICE: dict[str, tuple[Any, str]] = {
    "AfterWaitingFor": (lambda node: node.AfterWaitingFor(HOUR), "AfterWaiting"),
    "AfterWaitingUntil": (lambda node: node.AfterWaitingUntil(DAY), "AfterWaiting"),
    "SkipAfter": (lambda node: node.SkipAfter(HOUR), "SkipAfter"),
    "OnTimeout": (lambda node: node.OnTimeout(HOUR, this.end), "OnTimeout"),
    "Retry": (lambda node: node.Retry(3), "Retry"),
    "OnError": (lambda node: node.OnError(this.end), "OnError"),
    "DispatchTo": (lambda node: node.DispatchTo("thread"), "DispatchTo"),
}

RULES: dict[str, tuple[Any, str]] = {
    "EveryHour": (lambda node: node.EveryHour(), "Every"),
    "EveryNMinutes": (lambda node: node.EveryNMinutes(5), "Every"),
    "EveryDay": (lambda node: node.EveryDay(), "Every"),
    "EveryNDays": (lambda node: node.EveryNDays(2), "Every"),
    "Cron": (lambda node: node.Cron("0 9 * * *"), "Every"),
    "At": (lambda node: node.At(9), "At"),
}


def told_twice(node: Node) -> list[str]:
    """Return what the node says of modifiers that it has been given twice."""
    return [problem.message for problem in node.problems("x.y") if problem.code == "E106"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_node_keeps_its_description(kind: str) -> None:
    assert KINDS[kind](description="because").description == "because"
    assert KINDS[kind]().description == ""


@pytest.mark.parametrize("modifier", TWICE)
def test_a_modifier_that_is_given_twice_is_told_by_its_name(modifier: str) -> None:
    once, name = TWICE[modifier]
    node = once(KINDS["Execute"]())
    assert told_twice(node) == []
    (said,) = told_twice(once(node))
    assert f" .{name}() modifier" in said


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_that_is_given_twice_is_told_by_its_name(rule: str) -> None:
    once, name = RULES[rule]
    node = once(KINDS["Repeat"]())
    assert told_twice(node) == []
    (said,) = told_twice(once(node))
    assert f" .{name}() modifier" in said


@pytest.mark.parametrize("kind", ["Execute", "If", "Switch", "Form", "ModelForm", "SendMessage"])
def test_every_kind_of_node_tells_what_any_node_would(kind: str) -> None:
    """What a kind has to say for itself comes in addition."""
    node = KINDS[kind]().SkipAfter(HOUR).SkipAfter(HOUR)
    assert len(told_twice(node)) == 1


@pytest.mark.parametrize("kind", ["Execute", "If", "Switch", "Form", "SendMessage"])
def test_every_kind_of_node_names_the_values_that_any_node_may_have(kind: str) -> None:
    node = KINDS[kind]().SkipIf(this.idle).SkipAfter(HOUR)
    assert "SkipIf" in [label for label, _ in node.values()]
    assert "SkipAfter" in [label for label, _ in node.time_values()]


def test_a_form_names_its_deadline_beside_the_times_of_any_node() -> None:
    node = KINDS["Form"]().SkipAfter(HOUR).DueIn(2 * HOUR)
    assert list(node.time_values()) == [("SkipAfter", HOUR), ("DueIn", 2 * HOUR)]


@pytest.mark.parametrize("kind", ["Execute", "If", "Switch", "Form", "SendMessage"])
def test_where_an_author_has_given_something_to_call_own_code_runs(kind: str) -> None:
    assert KINDS[kind]().runs_own_code


@pytest.mark.parametrize("kind", ["End", "Split", "Join"])
def test_where_nothing_of_an_author_is_called_none_does(kind: str) -> None:
    assert not KINDS[kind]().runs_own_code


def test_an_error_that_nobody_handles_fails_and_one_that_is_handled_goes_on() -> None:
    error = ValueError("no")
    context: Any = SimpleNamespace(task=SimpleNamespace(tries=0), now=DAY)
    node = flow.Execute(a_method)
    assert node.recover(context, error) == Fail(error)
    handled = node.OnError(this.sorry, on=KeyError).OnError(this.end)
    assert handled.recover(context, error) == Complete(message=repr(error), to="end")
    assert handled.recover(context, KeyError("a")) == Complete(message="KeyError('a')", to="sorry")


def test_a_model_form_is_a_form_in_all_that_it_is_given() -> None:
    node = flow.ModelForm(ApprovalForm, "key", "page.html", {"a": 1}, True, "/done/")
    plain = flow.Form(ApprovalForm, "page.html", {"a": 1}, True, "/done/")
    assert vars(node) | {"key": None} == vars(plain) | {"key": None}
    assert node.key == "key"


def test_a_repeat_without_a_target_goes_on_at_what_follows() -> None:
    assert flow.Repeat().next_name is None
    assert flow.Repeat(this.begin).next_name == "begin"
    assert flow.Repeat().EveryHour().every == ("hours", 1)
    assert flow.Repeat().EveryDayAt(9).at == (9, 0)


#: What is given, and by which names a node tells it again.
GIVEN: dict[str, tuple[Any, set[str]]] = {
    "nothing": (lambda: flow.Join(), set()),
    "Next and Commit": (
        lambda: flow.Split().Next(this.a).Next(this.b).Commit(),
        {"Next", "Commit"},
    ),
    "waits": (
        lambda: flow.Join().AfterWaitingFor(HOUR).AsSoonAs(this.x).SkipIf(this.y).SkipAfter(HOUR),
        {"AfterWaitingFor", "AsSoonAs", "SkipIf", "SkipAfter"},
    ),
    "boundaries": (
        lambda: flow.Join().OnTimeout(HOUR, this.end).Remind(this.ask, every=HOUR),
        {"OnTimeout", "Remind"},
    ),
    "clauses": (lambda: flow.If(this.x).Then(this.a).Else(this.b), {"condition", "Then", "Else"}),
    "cases": (
        lambda: flow.Switch(this.x).Case(1, this.a).Default(this.b),
        {"value", "Case", "Default"},
    ),
    "rules": (lambda: flow.Repeat(this.a).EveryDayAt(9), {"Next", "Every", "At"}),
    "people": (
        lambda: flow.Form(ApprovalForm).User(pk=1).Group(pk=1).Permission("a.b").DueIn(HOUR),
        {"form", "repeated_form", "User", "Group", "Permission", "DueIn"},
    ),
    "work": (
        lambda: flow.Execute(a_method).Retry(3).OnError(this.a).DispatchTo("thread"),
        {"args", "Retry", "OnError", "DispatchTo"},
    ),
    "background": (lambda: flow.Execute(a_method).InBackground(), {"args", "InBackground"}),
}


@pytest.mark.parametrize("what", GIVEN)
def test_a_node_tells_what_it_was_given_by_the_names_that_the_author_wrote(what: str) -> None:
    make, names = GIVEN[what]
    assert {name for name, _ in make().given()} == names


def test_what_a_node_is_in_its_process_is_nothing_that_it_was_given() -> None:
    """Its name, its place, and what is derived from arguments: all that is told otherwise."""

    class Placed(flow.Automation):
        """One of several nodes."""

        class Meta:
            abstract = True

        ask = flow.If(a_method).Then(this.tell).Else(this.end)
        tell = flow.SendMessage(this.other, "paid").Next(this.end)
        end = flow.End()

    for node in Placed._meta.nodes.values():
        mine = dict(node.ready(SimpleNamespace()).given())
        assert set(mine).isdisjoint(
            {"name", "_frozen", "following", "places", "first", "automation_name", "automation"}
        )
        assert set(mine).isdisjoint({"asked", "sends", "repeated_modifiers", "next_name"})


def test_a_flaw_of_one_clause_hides_none_of_the_other() -> None:
    node = flow.If(this.x).Then(this.a, 1).Else(this.b, this.c)
    assert {label for label, _ in node.values()} >= {"Then", "Else"}


#: BPMN 2.0, chapter 10: the element that each kind of node is.
ELEMENTS = {
    "Execute": "scriptTask",
    "End": "endEvent",
    "If": "exclusiveGateway",
    "Switch": "exclusiveGateway",
    "Split": "parallelGateway",
    "Join": "parallelGateway",
    "Form": "userTask",
    "ModelForm": "userTask",
    "SendMessage": "sendTask",
    "ReceiveMessage": "receiveTask",
    "Repeat": "intermediateCatchEvent",
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_node_is_an_element_of_bpmn(kind: str) -> None:
    assert KINDS[kind]().bpmn == ELEMENTS[kind]


def test_only_an_end_ends_a_split_opens_and_a_join_joins() -> None:
    made = {kind: make() for kind, make in KINDS.items()}
    assert [kind for kind, node in made.items() if node.ends] == ["End"]
    assert [kind for kind, node in made.items() if node.forks] == ["Split"]
    assert [kind for kind, node in made.items() if node.merges] == ["Join"]
    assert [kind for kind, node in made.items() if node.repeats] == ["Repeat"]
    assert [kind for kind, node in made.items() if node.asks] == ["Form", "ModelForm"]
    assert [kind for kind, node in made.items() if not node.skippable] == [
        *("End", "Split", "Join", "Repeat"),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_node_names_no_message_but_the_one_that_it_sends_or_waits_for(kind: str) -> None:
    node = KINDS[kind]()
    assert (node.sends != "") is (kind == "SendMessage")
    assert (node.message != "") is (kind == "ReceiveMessage")
