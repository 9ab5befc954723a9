"""Work that fails and is tried again, and errors that lead elsewhere."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import time_machine

from automations import flow
from automations.flow import this
from automations.models import AutomationModel
from automations.nodes.work import Tries
from automations.outcomes import Again, Complete, Fail
from tests.engine.rows import at, path, row
from tests.plain import DAY, NOW, PlainContext
from tests.testapp.durable import MINUTE, Patient, Tried
from tests.testapp.models import Effect

in_all_ways = True


def effects(run: Any) -> int:
    return Effect.objects.filter(run=run.id, node="charge").count()


def test_work_that_fails_is_tried_again_a_little_later(clock: time_machine.Traveller) -> None:
    run = Tried(fails=2)
    task = at(run, "charge")
    assert (task.state, task.tries, task.error) == ("ready", 1, "ValueError")
    assert task.message == "ValueError: no money"
    assert task.traceback.endswith("ValueError: no money\n")
    assert task.due == task.retry_at == row(run).due == NOW + MINUTE
    assert row(run).state == "running"
    assert row(run).data == {"fails": 2}
    assert effects(run) == 0
    clock.shift(MINUTE)
    AutomationModel.run()
    assert at(run, "charge").due == NOW + 3 * MINUTE
    clock.shift(2 * MINUTE)
    AutomationModel.run()
    assert path(run) == ["charge", "ship", "end"]
    assert at(run, "charge").tries == 2
    assert at(run, "charge").result == "paid"
    assert effects(run) == 1


def test_the_last_try_leads_to_the_handler_of_its_error(clock: time_machine.Traveller) -> None:
    for error, way in (("value", "call"), ("connection", "wait")):
        run = Tried(fails=9, error=error)
        for _ in range(3):
            assert path(run) == ["charge"]
            clock.shift(DAY)
            AutomationModel.run()
        assert path(run) == ["charge", way, "end"]
        assert at(run, "charge").tries == 3


def test_the_last_try_without_a_handler_stops_the_run(clock: time_machine.Traveller) -> None:
    run = Tried(fails=9, error="runtime")
    for _ in range(3):
        clock.shift(DAY)
        AutomationModel.run()
    assert row(run).state == "failed"
    assert at(run, "charge").tries == 3
    at(run, "charge").retry()
    assert at(run, "charge").tries == 1  # as if it had never run
    assert row(run).state == "running"


def test_an_error_that_is_not_worth_another_try_goes_on_at_once() -> None:
    assert path(Tried(fails=1, error="key")) == ["charge", "call", "end"]


def test_a_change_of_the_data_does_not_hurry_the_next_try(clock: time_machine.Traveller) -> None:
    run = Tried(fails=1)
    run.data["more"] = 1
    run.save()
    AutomationModel.run()
    assert at(run, "charge").tries == 1
    assert at(run, "charge").due == NOW + MINUTE


def test_trying_again_ends_where_the_node_says(clock: time_machine.Traveller) -> None:
    run = Patient()
    for _ in range(6):
        clock.shift(10 * MINUTE)
        AutomationModel.run()
    assert path(run) == ["work", "end"]
    assert at(run, "work").state == "skipped"
    assert at(run, "work").tries == 6


# What the node decides


def recovered(node: Any, error: Exception, tries: int = 0) -> Any:
    context = PlainContext()
    context.task.tries = tries
    return node.bound("node", "next", frozenset()).recover(context, error)


def test_a_look_before_its_time_tries_nothing() -> None:
    context = PlainContext()
    context.task.retry_at = NOW + MINUTE
    work = flow.Execute(this.boom).bound("node", "next", frozenset())
    assert work.run(context).until == NOW + MINUTE
    soon = flow.Execute(this.boom).SkipAfter(MINUTE / 2).bound("node", "next", frozenset())
    assert soon.run(context).until == NOW + MINUTE / 2


def test_the_pause_grows_up_to_a_day_and_jitter_makes_it_shorter() -> None:
    tries = Tries(9, MINUTE, 3, False, (Exception,), ())
    assert [tries.pause(number) for number in range(3)] == [MINUTE, 3 * MINUTE, 9 * MINUTE]
    assert tries.pause(50) == DAY
    assert tries.pause(5000) == DAY
    mixed = Tries(9, MINUTE, 1, True, (Exception,), ())
    pauses = {mixed.pause(0) for _ in range(20)}
    assert len(pauses) > 1
    assert all(datetime.timedelta() <= pause <= MINUTE for pause in pauses)


def test_what_counts_as_worth_another_try() -> None:
    node = flow.Execute(print).Retry(
        3, MINUTE, jitter=False, on=ConnectionError, unless=BrokenPipeError
    )
    reset, broken = ConnectionResetError(), BrokenPipeError()
    assert recovered(node, reset) == Again(until=NOW + MINUTE, error=reset)
    assert recovered(node, reset, 1) == Again(until=NOW + 2 * MINUTE, error=reset)
    assert recovered(node, reset, 2) == Fail(reset)
    assert recovered(node, broken) == Fail(broken)


def test_of_several_handlers_the_first_that_fits_counts() -> None:
    node = flow.Execute(print).OnError(this.a, on=[KeyError]).OnError(this.b)
    assert recovered(node, KeyError("x")) == Complete(message="KeyError('x')", to="a")
    assert recovered(node, ValueError("x")) == Complete(message="ValueError('x')", to="b")
    flows = node.bound("node", None, frozenset()).sequence_flows()
    assert [(flow.target, flow.label) for flow in flows] == [
        ("a", "error KeyError"),
        ("b", "error"),
    ]


@pytest.mark.parametrize(
    ("node", "wrong"),
    [
        (flow.Execute(print).Retry(), []),
        (flow.Execute(print).Retry().Retry(), ["E106"]),
        (flow.Execute(print).Retry(1), ["E139"]),
        (flow.Execute(print).Retry("3"), ["E139"]),
        (flow.Execute(print).Retry(True), ["E139"]),
        (flow.Execute(print).Retry(delay=5), ["E139"]),
        (flow.Execute(print).Retry(delay=-MINUTE), ["E139"]),
        (flow.Execute(print).Retry(factor=0.5), ["E139"]),
        (flow.Execute(print).Retry(factor="x"), ["E139"]),
        (flow.Execute(print).Retry(factor=float("nan")), ["E139"]),
        (flow.Execute(print).Retry(on="Error"), ["E138"]),
        (flow.Execute(print).Retry(unless=5), ["E138"]),
        (flow.Execute(print).OnError(this.a, on=[KeyError, int]), ["E138"]),
        (flow.Execute(print).OnError(this.a).OnError(this.b), ["E106"]),
        (flow.Execute(print).OnError(this.a, on=KeyError).OnError(this.b), []),
    ],
)
def test_the_mistakes_of_retries_and_handlers_are_told(node: flow.Node, wrong: list[str]) -> None:
    bound = node.bound("node", None, frozenset())
    assert [problem.code for problem in bound.problems("shop.Order.node")] == wrong


@pytest.mark.parametrize(
    ("modifier", "node"),
    [
        ("Retry", flow.Execute(print).Retry(on="Error")),
        ("Retry", flow.Execute(print).Retry(unless=5)),
        ("OnError", flow.Execute(print).OnError(this.a, on=[KeyError, int])),
    ],
)
def test_what_is_no_error_is_told_with_its_modifier(modifier: str, node: flow.Node) -> None:
    (problem,) = node.bound("node", None, frozenset()).problems("shop.Order.node")
    assert problem.message.startswith(f".{modifier}() of shop.Order.node needs classes")
