"""Work that runs out of stack or memory is the task's own error, wherever that has stopped it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from automations.dispatch.background import perform
from automations.dispatch.sweep import sweep
from automations.engine import steps
from automations.engine.trouble import exhaustion, is_transient
from automations.models import AutomationTaskModel
from tests.engine.rows import at, path, row
from tests.proofs.counting import audit
from tests.testapp.background import Sidestep
from tests.testapp.language import Careful, Newsletter, Sender
from tests.testapp.models import Effect
from tests.testapp.processes import Lost, Straight
from tests.testapp.proof_processes import Failing, Line, Saved


def raised(first: Exception, second: Exception) -> Exception:
    """Return ``second`` as it is when it is raised while ``first`` is handled."""
    try:
        try:
            raise first
        except type(first):
            raise second  # noqa: B904 - as it comes
    except type(second) as error:
        return error


def deeper(self: Any, *args: Any, level: int = 0) -> None:
    """Go on without end, and ask the database when it is near."""
    if level > 700:
        Effect.objects.create(run=self.id, node="deep")
    deeper(self, *args, level=level + 1)


def short_of_memory(self: Any, *args: Any) -> None:
    Effect.objects.create(run=self.id, node="large")
    raise MemoryError


def test_what_the_connection_says_after_it_is_no_trouble() -> None:
    own = RecursionError()
    for error in (InterfaceError(0, ""), OperationalError(2013, "Lost connection")):
        assert is_transient(error)
        after = raised(own, error)
        assert not is_transient(after)
        assert exhaustion(after) is own


def test_what_the_work_makes_of_it_is_the_error_of_the_work() -> None:
    own = raised(MemoryError(), ValueError("too large"))
    assert exhaustion(own) is own
    assert exhaustion(raised(KeyError(), ValueError())) is None


@pytest.mark.django_db(transaction=True)
def test_it_is_an_incident_at_once_and_the_others_in_the_block_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work = Line.work
    guilty = Line(autorun=False)
    innocent = [Line(autorun=False) for _ in range(3)]
    monkeypatch.setattr(
        Line, "work", lambda self, task: (deeper if self.id == guilty.id else work)(self, task)
    )
    report = sweep()
    assert (report.failed, report.delayed, report.broken) == (1, 0, 0)
    task = at(guilty, "one")
    assert (task.state, task.attempts) == ("failed", 0)
    assert task.message.startswith("RecursionError")
    assert row(guilty).state == "failed"
    assert row(guilty).claimed_by == ""
    assert not Effect.objects.filter(run=guilty.id).exists()
    assert audit([*innocent]).exact


@pytest.mark.django_db(transaction=True)
def test_a_condition_is_asked_again_under_the_lock_and_is_an_incident_then() -> None:
    failing = Failing(autorun=False, how="condition that asks")
    innocent = Line(autorun=False)
    report = sweep()
    assert (report.failed, report.delayed, report.broken) == (1, 0, 0)
    assert at(failing, "start").message.startswith("RecursionError")
    assert audit([innocent]).exact


@pytest.mark.parametrize("how", [deeper, short_of_memory])
@pytest.mark.django_db(transaction=True)
def test_it_goes_where_errors_go(how: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Saved, "fail", how)
    run = Saved(autorun=False)
    sweep()
    assert audit([run]).exact


@pytest.mark.django_db(transaction=True)
def test_asking_the_node_what_now_may_run_out_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Lost.Wrong, "recover", lambda self, context, error: deeper(context.automation)
    )
    run = Lost(answer="raise")
    task = at(run, "start")
    assert (task.state, row(run).state) == ("failed", "failed")
    assert task.message.startswith("RecursionError")
    assert "ValueError: first" in task.traceback
    assert not Effect.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_work_in_the_background_that_runs_out_is_an_incident(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Sidestep, "fail", deeper)
    run = Sidestep()
    progress = perform(run.id, at(run, "work").pk)
    assert (progress.failed, progress.delayed) == (1, 0)
    assert at(run, "work").message.startswith("RecursionError")


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_runs_out_is_an_error_of_who_sends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receivers = [Newsletter(email=f"{name}@example.com") for name in "ab"]
    receive = Newsletter.receive_fail
    first = receivers[0].id
    monkeypatch.setattr(
        Newsletter,
        "receive_fail",
        lambda self, *args: (deeper if self.id == first else receive)(self, *args),
    )
    sender = Careful(autorun=False)
    sweep()
    assert path(sender) == ["start", "rescue", "end"]
    assert [row(receiver).data.get("half") for receiver in receivers] == [None, True]


@pytest.mark.django_db(transaction=True)
def test_what_sends_may_run_out_when_it_has_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Sender(to="nobody", autorun=False)
    node = run._meta.node("start")
    monkeypatch.setattr(
        type(node), "sent", lambda self, context, answers: deeper(context.automation)
    )
    run.run()
    assert at(run, "start").message.startswith("RecursionError")


@pytest.mark.django_db
def test_in_a_transaction_of_the_callers_it_is_an_incident_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Straight, "note", short_of_memory)
    run = Straight()
    assert at(run, "first").message == "MemoryError"
    assert not Effect.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_where_the_callers_transaction_is_gone_with_it_the_error_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lost(self: Any, task: Any) -> None:
        connection.close()
        raise MemoryError

    monkeypatch.setattr(Straight, "note", lost)
    with pytest.raises(MemoryError), transaction.atomic():
        Straight()
    assert not AutomationTaskModel.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_driver_that_is_at_a_loss_afterwards_does_not_keep_the_error_from_being_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A savepoint that is not gone back to: none of its effects may stay."""

    def confused(*args: Any) -> None:
        raise AssertionError("got a packet that belongs to something else")

    def fail(self: Any, task: Any) -> None:
        monkeypatch.setattr(BaseDatabaseWrapper, "savepoint_rollback", confused)
        monkeypatch.setattr(BaseDatabaseWrapper, "rollback", confused)
        short_of_memory(self, task)

    leave = steps.leave_connections

    def left() -> None:
        monkeypatch.undo()
        leave()

    monkeypatch.setattr(Straight, "note", fail)
    monkeypatch.setattr(steps, "leave_connections", left)
    run = Straight()
    assert at(run, "first").message.startswith("MemoryError")
    assert not Effect.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_nobody_else_is_charged_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has moved the run meanwhile has done the task, and another one is due now."""
    run = Straight(autorun=False)
    work, leave = Straight.note, steps.leave_connections

    def overtaken() -> None:
        leave()
        monkeypatch.setattr(Straight, "note", work)
        steps.step(run.id)

    monkeypatch.setattr(Straight, "note", short_of_memory)
    monkeypatch.setattr(steps, "leave_connections", overtaken)
    assert steps.step(run.id) == steps.Step()
    assert [at(run, node).state for node in ("first", "second")] == ["completed", "ready"]
