"""The sweep finds what is due, claims it, and has it run."""

from __future__ import annotations

import datetime
import os
import signal
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction

from automations.dispatch import advancing, claims, inline, sweep
from automations.engine import charging, locking, people, steps
from automations.management.commands import automation_step
from automations.models import AutomationModel, AutomationScheduleModel, AutomationTaskModel
from tests.engine.rows import at, path, row
from tests.plain import HOUR, NOW
from tests.testapp import processes
from tests.testapp.forms import ApprovalForm
from tests.testapp.models import Effect
from tests.testapp.processes import Fragile, Loop, Offer, Straight, Waiting

pytestmark = pytest.mark.django_db(transaction=True)


def claimed(run: Any, seconds: float, by: str = "somebody") -> None:
    """Put a claim of somebody else's on the run that ends in so many seconds."""
    until = locking.from_now(datetime.timedelta(seconds=seconds))
    AutomationModel.objects.filter(pk=run.id).update(claimed_by=by, claimed_until=until)


@pytest.mark.api("D9", "A25")
def test_a_sweep_runs_what_is_due_and_says_what_it_did() -> None:
    runs = [Straight(autorun=False) for _ in range(45)]
    report = AutomationModel.run()
    assert (report.looked_at, report.runs, report.done, report.failed) == (45, 45, 180, 0)
    assert str(report) == "45 runs, 180 tasks done, 0 failed"
    assert all(run.finished() for run in runs)
    assert not AutomationModel.objects.exclude(claimed_by="").exists()


def test_a_sweep_says_what_it_did_also_where_the_database_gives_no_keys_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As MySQL does, of an End that is opened and done at once."""
    monkeypatch.setattr(type(connection.features), "can_return_rows_from_bulk_insert", False)
    for number in range(1, 6):
        for _ in range(number):
            Straight(autorun=False)
        report = AutomationModel.run()
        assert (report.runs, report.done, report.failed) == (number, 4 * number, 0)


@pytest.mark.api("A25")
def test_a_sweep_may_be_told_what_time_it_is() -> None:
    run = Waiting()
    AutomationModel.run(timestamp=row(run).created + 2 * HOUR)
    assert run.finished()


@pytest.mark.api("A24")
def test_a_run_that_somebody_has_claimed_is_left_alone() -> None:
    run = Straight(autorun=False)
    claimed(run, 60)
    assert AutomationModel.run().looked_at == 0


def test_claims_use_the_time_of_the_database_not_process_time(
    clock: time_machine.Traveller,
) -> None:
    run = Straight(autorun=False)
    claimed(run, 60)
    clock.shift(1000 * HOUR)
    assert AutomationModel.run().looked_at == 0


def test_two_claims_on_one_run_are_impossible() -> None:
    run = Straight(autorun=False)
    now = row(run).created
    assert [taken.pk for taken in claims.claim_runs([run.id], now, "one")] == [run.id]
    assert claims.claim_runs([run.id], now, "two") == []
    assert row(run).claimed_by == "one"


def test_an_expired_claim_is_taken_over_and_counts_only_the_task_that_runs() -> None:
    run = Straight(autorun=False)
    claimed(run, -1)
    seen: list[int] = []

    def note(self: Any, task: Any) -> None:
        seen.append(task.attempts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes.Straight, "note", note)
        AutomationModel.run()
    assert seen == [1, 1, 1]
    assert set(AutomationTaskModel.objects.values_list("attempts", flat=True)) == {0}
    assert row(run).claimed_by == ""


def test_a_task_that_never_comes_back_becomes_an_incident(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Killed(BaseException):
        """What the end of a process looks like from inside."""

    def die(self: Any, task: Any) -> None:
        Effect.objects.create(run=self.id, node="died")
        deaths.append(task.pk)
        raise Killed

    deaths: list[int] = []
    monkeypatch.setattr(processes.Straight, "note", die)
    monkeypatch.setattr(sweep, "give_back", lambda *args: None)  # the dead give nothing back
    poison, innocent = Straight(autorun=False), Loop(limit=1, autorun=False)
    for _ in range(5):
        try:
            AutomationModel.run()
        except Killed:
            AutomationModel.objects.exclude(claimed_by="").update(
                claimed_until=locking.from_now(datetime.timedelta(seconds=-1))
            )
    assert len(deaths) == 3
    assert row(poison).state == "failed"
    assert at(poison, "first").message.startswith("WorkerLost: The worker did not come back")
    assert innocent.finished()
    assert not Effect.objects.exists()


def test_an_attempt_that_was_not_made_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Straight(autorun=False)
    claimed(run, -1)
    monkeypatch.setattr(steps, "step", lambda *args, **kwargs: steps.Step(obtained=False))
    AutomationModel.run()
    assert at(run, "first").attempts == 0


def test_a_careful_attempt_at_what_is_not_there_any_more_is_none() -> None:
    run = Straight(autorun=False)
    assert charging.charge(0) is None
    assert charging.charge(run.id, seen=[at(run, "first").pk]) is None
    run.run()
    assert charging.charge(run.id) is None


def test_a_claim_is_renewed_while_its_block_is_being_worked_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = [Straight(autorun=False) for _ in range(3)]
    renewed: list[list[int]] = []
    monkeypatch.setattr(claims.ClaimClock, "half_over", lambda self: True)

    def renew(run_ids: list[int], claim: str) -> None:
        renewed.append(list(run_ids))
        claims.renew(run_ids, claim)

    monkeypatch.setattr(sweep, "renew", renew)
    AutomationModel.run()
    assert [len(left) for left in renewed] == [3, 2, 1]
    assert all(run.finished() for run in runs)


def test_half_of_a_claim_is_told_by_the_monotonic_clock(settings: Any) -> None:
    watch = claims.ClaimClock()
    assert not watch.half_over()
    settings.ATM_CLAIM = 0
    assert watch.half_over()


def test_a_sweep_that_is_stopped_finishes_the_task_in_hand_and_gives_claims_back() -> None:
    runs = [Straight(autorun=False) for _ in range(3)]
    report = sweep.sweep(stopped=lambda: Effect.objects.count() >= 1)
    assert report.done == 1
    assert sorted(path(run)[-1] for run in runs) == ["first", "first", "second"]
    assert not AutomationModel.objects.exclude(claimed_by="").exists()
    assert sweep.sweep(stopped=lambda: True).looked_at == 0


@pytest.mark.api("D9")
def test_one_run_that_cannot_be_worked_on_keeps_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    broken, fine = Straight(autorun=False), Straight(autorun=False)
    real = advancing.advance

    def advance(run_id: int, **kwargs: Any) -> Any:
        if run_id == broken.id:
            raise RuntimeError("the engine itself")
        return real(run_id, **kwargs)

    monkeypatch.setattr(sweep, "advance", advance)
    report = AutomationModel.run()
    assert report.broken == 1
    assert not report.ok
    assert "1 could not be worked on" in str(report)
    assert fine.finished()


def test_inside_a_transaction_a_sweep_is_part_of_it() -> None:
    run = Straight(autorun=False)
    with transaction.atomic():
        assert AutomationModel.run().done == 4
        transaction.set_rollback(True)
    assert path(run) == ["first"]
    assert not Effect.objects.exists()


def test_inside_a_transaction_an_error_of_the_engine_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Straight(autorun=False)

    def advance(run_id: int, **kwargs: Any) -> Any:
        raise RuntimeError("the engine itself")

    monkeypatch.setattr(sweep, "advance", advance)
    with pytest.raises(RuntimeError), transaction.atomic():
        AutomationModel.run()


def test_a_claim_on_a_run_with_nothing_to_do_is_given_back(
    clock: time_machine.Traveller,
) -> None:
    run = Waiting()
    claimed(run, 60, by="me")
    seen = AutomationTaskModel.objects.values_list("pk", flat=True)
    assert steps.step(run.id, claim="me", seen=set(seen)) == steps.Step()
    assert row(run).claimed_by == ""
    claimed(run, 60, by="somebody")
    assert steps.step(run.id, claim="me", seen=set(seen)) == steps.Step()
    assert row(run).claimed_by == "somebody"


def test_a_form_that_is_answered_is_claimed_while_its_process_goes_on() -> None:
    ada = User.objects.create(username="ada")
    run = Offer(asked="ada")
    form = ApprovalForm({"approved": "on", "reason": "good"})
    assert form.is_valid()
    people.submit(run.id, at(run, "ask").pk, form, ada, claim="me")
    assert row(run).claimed_by == "me"
    inline.run_now(run.id, claim="me")
    assert run.finished()
    assert row(run).claimed_by == ""


def test_a_form_that_is_looked_at_again_stays_as_it_is(clock: time_machine.Traveller) -> None:
    User.objects.create(username="ada")
    run = Offer(asked="ada")
    task = at(run, "ask")
    AutomationTaskModel.objects.filter(pk=task.pk).update(attempts=1)
    steps.step(run.id)
    assert at(run, "ask").attempts == 0
    steps.step(run.id)
    assert at(run, "ask").due == task.due


# The command


def command(**options: Any) -> str:
    """Call ``automation_step`` and return what it printed."""
    out = StringIO()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        call_command("automation_step", stdout=out, stderr=out, **options)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return out.getvalue()


@pytest.mark.api("D9", "A26", "automation_step")
def test_the_command_says_what_it_did() -> None:
    Straight(autorun=False)
    assert command() == "1 runs, 4 tasks done, 0 failed\n"
    assert command() == "0 runs, 0 tasks done, 0 failed\n"
    assert command(verbosity=0) == ""


@pytest.mark.api("A26")
def test_the_command_fails_when_something_has_failed() -> None:
    run = Fragile(fail=True, autorun=False)
    with pytest.raises(CommandError, match=r"Something has failed: 1 runs, \d tasks done, 1 fail"):
        command()
    assert row(run).state == "failed"
    command()


def test_the_command_refuses_to_run_inside_a_transaction() -> None:
    with pytest.raises(CommandError, match="cannot run inside a transaction"), transaction.atomic():
        command()


def test_the_command_wants_a_real_interval() -> None:
    with pytest.raises(CommandError, match="above 0"):
        command(every=0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.api("automation_step")
def test_a_signal_finishes_the_task_in_hand_and_ends_the_command(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    def note(self: Any, task: Any) -> None:
        Effect.objects.create(run=self.id, node=task.status)
        signal.raise_signal(number)

    monkeypatch.setattr(processes.Straight, "note", note)
    run = Straight(autorun=False)
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    assert "1 runs, 1 tasks done" in command(every=0.01)
    # Who calls the command in a process of its own keeps its priority.
    assert os.getpriority(os.PRIO_PROCESS, 0) == mine
    assert path(run) == ["first", "second"]
    assert Effect.objects.count() == 1
    assert row(run).claimed_by == ""


@pytest.mark.api("automation_step")
def test_the_command_keeps_looking_and_is_patient_with_the_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tests.engine.test_trouble import DEADLOCKS

    calls: list[int] = []

    def trouble(**how: Any) -> sweep.Report:
        calls.append(1)
        if len(calls) == 1:
            raise DEADLOCKS[0]
        if len(calls) == 3:
            signal.raise_signal(signal.SIGTERM)
        return sweep.Report()

    monkeypatch.setattr(automation_step, "sweep", trouble)
    out = command(every=0.001)
    assert len(calls) == 3
    assert "The database is in trouble, trying again" in out


def test_the_command_is_not_patient_when_it_runs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.engine.test_trouble import DEADLOCKS

    def trouble(**how: Any) -> sweep.Report:
        raise DEADLOCKS[0]

    monkeypatch.setattr(automation_step, "sweep", trouble)
    with pytest.raises(OperationalError):
        command()


def test_outside_the_main_thread_the_command_leaves_signals_alone() -> None:
    import threading

    from django.db import connection

    Straight(autorun=False)
    printed: list[str] = []

    def work() -> None:
        out = StringIO()
        call_command("automation_step", stdout=out)
        printed.append(out.getvalue())
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert printed == ["1 runs, 4 tasks done, 0 failed\n"]


def test_a_claimed_run_that_is_locked_for_a_moment_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Straight(autorun=False)
    claimed(run, 3600, by="mine")
    tried = []
    burst = advancing.burst

    def busy(*args: Any, **kwargs: Any) -> list[steps.Step]:
        tried.append(args)
        return [steps.Step(obtained=False)] if len(tried) < 3 else burst(*args, **kwargs)

    monkeypatch.setattr(advancing, "burst", busy)
    assert advancing.advance(run.id, claim="mine").done == 4
    assert run.finished()


def test_a_claimed_run_that_stays_locked_is_left_and_its_claim_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Straight(autorun=False)
    claimed(run, 3600, by="mine")
    monkeypatch.setattr(advancing, "burst", lambda *a, **k: [steps.Step(obtained=False)])
    monkeypatch.setattr(advancing, "PAUSE", (0, 0))
    assert advancing.advance(run.id, claim="mine").done == 0
    assert AutomationModel.objects.get(pk=run.id).claimed_by == ""
    assert advancing.advance(run.id).done == 0


def test_the_command_waits_until_the_next_start_on_schedule(
    weekly: Any,
) -> None:
    with time_machine.travel(NOW, tick=False):
        AutomationModel.run()
        schedules = AutomationScheduleModel.objects.filter(automation_class=weekly._meta.label)
        assert automation_step.pause(60) == 60
        assert schedules.update(due=NOW + datetime.timedelta(seconds=10)) == 1
        assert automation_step.pause(60) == 10
        Straight(autorun=False)
        AutomationModel.objects.update(due=NOW + datetime.timedelta(seconds=5))
        assert automation_step.pause(60) == 5
        schedules.update(due=NOW)
        AutomationModel.objects.update(due=None)
        assert automation_step.pause(60) == 60


def test_the_command_waits_until_the_next_task_is_due_but_no_longer_than_it_was_told(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause = automation_step.pause
    with time_machine.travel(NOW, tick=False):
        assert pause(60) == 60
        run = Straight(autorun=False)
        for seconds, waits in ((10, 10), (600, 60), (-5, 60)):
            due = NOW + datetime.timedelta(seconds=seconds)
            AutomationModel.objects.filter(pk=run.id).update(due=due)
            assert pause(60) == waits
        AutomationModel.objects.update(due=NOW + datetime.timedelta(seconds=10))
        settings.ATM_CLOCK = "tests.dispatch.test_sweep.own_clock"
        assert pause(60) == 60  # its seconds are not ours
        del settings.ATM_CLOCK

        def trouble() -> None:
            raise OperationalError("gone")

        monkeypatch.setattr(automation_step, "runs", trouble)
        assert pause(60) == 60


def own_clock() -> datetime.datetime:
    """Return a time of its own."""
    return NOW
