"""Threads of a process work outside of transactions, and keep their claims meanwhile."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connections, transaction
from django.utils import timezone

from automations.dispatch import background, heart, working
from automations.dispatch.advancing import Progress
from automations.dispatch.background import Workers, perform, threads
from automations.dispatch.heart import Heart
from automations.dispatch.sweep import sweep
from automations.engine import bursts, outside
from automations.engine.steps import Step
from automations.exceptions import ClaimLost, RunBusy
from automations.management.commands import automation_step
from automations.models import AutomationModel, AutomationTaskModel
from tests.engine.rows import at, path, row
from tests.plain import DAY
from tests.testapp.background import (
    Beside,
    Courier,
    Export,
    Gated,
    InterruptedLink,
    InThread,
    Leaving,
)
from tests.testapp.language import Careful, Newsletter, Order, Ping, Sender
from tests.testapp.models import Effect
from tests.testapp.processes import Straight

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def gate() -> Any:
    """A gate that is closed at first, and open in the end."""
    Gated.inside.clear()
    Gated.leave.clear()
    yield Gated
    Gated.leave.set()


def eventually(condition: Any, what: threading.Event | None = None) -> bool:
    """Look again and again, for ten seconds at most, whether ``condition`` holds."""
    pause = what or threading.Event()
    for _ in range(1000):
        if condition():
            return True
        pause.wait(0.01)
    return False


@pytest.mark.api("A29", "D21")
def test_work_in_a_thread_is_begun_by_the_request_that_comes_to_it() -> None:
    run = InThread()
    threads().wait()
    assert path(run) == ["work", "again", "end"]
    assert row(run).state == "finished"
    for node in ("work", "again"):
        name, in_transaction = at(run, node).result
        assert name.startswith("automations-")
        assert in_transaction is False


def test_work_in_a_thread_begins_when_the_transaction_of_the_request_is_through() -> None:
    with transaction.atomic():
        run = InThread()
        assert at(run, "work").state == "waiting"
        other = InThread()
        threads().wait()
        assert at(other, "work").state == "waiting"
    threads().wait()
    assert row(run).state == row(other).state == "finished"
    with transaction.atomic():
        gone = InThread()
        transaction.set_rollback(True)
    threads().wait()
    assert not AutomationModel.objects.filter(pk=gone.id).exists()


def test_in_a_test_that_never_commits_no_thread_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    run = InThread(autorun=False)
    with transaction.atomic():
        from automations.dispatch import inline

        inline.begin(run.id, at(run, "work").pk)
        threads().wait()
    assert at(run, "work").state == "ready"


def test_a_sweep_ends_when_the_work_that_it_came_to_is_done() -> None:
    runs = [Export() for _ in range(6)] + [Export(fails=9)]
    report = AutomationModel.run()
    assert report.done == 6 * 3
    assert report.failed == 0
    assert [row(run).state for run in runs] == ["finished"] * 6 + ["running"]


def test_the_connection_of_a_thread_is_closed_after_its_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed: list[str] = []
    real = connections.close_all

    def close_all() -> None:
        closed.append(threading.current_thread().name)
        real()

    monkeypatch.setattr(connections, "close_all", close_all)
    Export()
    AutomationModel.run()
    assert "automations-1" in closed


def test_the_same_task_offered_twice_is_done_once(gate: Any) -> None:
    run = Gated()
    AutomationModel.objects.filter(pk=run.id).first()
    with Workers() as workers:
        task = at(run, "work").pk
        workers.offer(run.id, task)
        assert Gated.inside.wait(10)
        workers.offer(run.id, task)
        workers.wait(lambda: True)
        Gated.leave.set()
        workers.wait()
        assert workers.progress().done == 2
        assert workers.progress().done == 0
    assert row(run).state == "finished"


def labels(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the classes whose works are put into the line, as they are."""
    seen: list[str] = []
    put = workers._rota.put

    def note(label: str, work: Any) -> None:
        seen.append(label)
        put(label, work)

    monkeypatch.setattr(workers._rota, "put", note)
    return seen


def test_whoever_has_work_done_says_of_which_class_it_is(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that each class gets its turn: works of a sweep, of a request, and runs for a thread."""
    Export()
    with Workers() as workers:
        seen = labels(workers, monkeypatch)
        sweep(workers=workers)
        workers.wait()
    assert seen == [Export.get_automation_name()]
    seen = labels(threads(), monkeypatch)
    InThread()
    threads().wait()
    # The second work of the run is offered by the thread that has done the first.
    assert seen == [InThread.get_automation_name()] * 2
    settings.ATM_DISPATCHER = "thread"
    Straight()
    threads().wait()
    assert seen[2:] == [Straight.get_automation_name()]


@pytest.mark.parametrize(("attempts", "together"), [(0, True), (1, False)])
def test_the_last_try_of_suspected_work_is_made_alone(
    attempts: int, together: bool, gate: Any, settings: Any
) -> None:
    """What is innocent is not in hand each time that the guilty takes its worker down."""
    settings.ATM_ATTEMPTS = 3
    runs = [Gated(), Gated(), Straight(autorun=False)]
    dead = {"claimed_by": "dead", "claimed_until": timezone.now() - DAY}
    AutomationTaskModel.objects.filter(status="work").update(attempts=attempts, **dead)
    AutomationModel.objects.filter(pk=runs[2].id).update(**dead)
    AutomationTaskModel.objects.filter(automation=runs[2].id).update(attempts=attempts)
    with Workers() as workers:
        for run in runs[:2]:
            workers.offer(run.id, at(run, "work").pk)
        assert Gated.inside.wait(10)
        assert eventually(lambda: together or len(workers._offered) == 1)
        assert eventually(lambda: not together or not rows_of("dead").exists())
        assert rows_of("dead").count() == (0 if together else 1)
        sweep(workers=workers)
        assert row(runs[2]).state == ("finished" if together else "running")
        Gated.leave.set()
        workers.wait()
    for _ in range(2):  # the one may be in the way of the other again
        sweep()
    assert [row(run).state for run in runs] == ["finished"] * 3
    assert set(AutomationTaskModel.objects.values_list("attempts", flat=True)) == {0}


def rows_of(claim: str) -> Any:
    """Return the tasks that somebody has claimed."""
    return AutomationTaskModel.objects.filter(claimed_by=claim)


def test_a_class_of_which_enough_works_wait_is_offered_more_later_and_none_is_lost(
    gate: Any, settings: Any
) -> None:
    settings.ATM_THREADS = 1
    runs = [Gated() for _ in range(6)]
    other = Export()
    with Workers(2) as workers:
        workers.offer(runs[0].id, at(runs[0], "work").pk)
        assert Gated.inside.wait(10)
        report = sweep(workers=workers)
        assert report.left == 3  # one is in hand, two wait
        assert workers._rota.waiting(Gated.get_automation_name()) == 2
        # Of another class there is room.
        assert workers._rota.waiting(Export.get_automation_name()) == 1
        Gated.leave.set()
        while report.left:
            workers.wait()
            report = sweep(workers=workers)
        workers.wait()
    assert {row(run).state for run in [*runs, other]} == {"finished"}


def test_the_command_does_not_sleep_long_while_works_are_left_to_it(
    monkeypatch: pytest.MonkeyPatch, settings: Any, gate: Any
) -> None:
    settings.ATM_THREADS = 1
    monkeypatch.setattr(background, "MOST", 1)
    monkeypatch.setattr(automation_step, "SOON", 0.01)
    runs = [Gated() for _ in range(5)]
    main = threading.main_thread().ident
    assert main is not None
    ended = []

    def watch() -> None:
        try:
            Gated.inside.wait(10)
            Gated.leave.set()
            states = AutomationModel.objects.filter(state="finished")
            ended.append(eventually(lambda: states.count() == len(runs)))
        finally:
            signal.pthread_kill(main, signal.SIGTERM)
            connections.close_all()

    watcher = threading.Thread(target=watch)
    watcher.start()
    call_command("automation_step", every=3600, verbosity=0)
    watcher.join()
    assert ended == [True]


def test_leaving_waits_for_the_work_in_hand_and_begins_nothing_more(
    gate: Any, settings: Any
) -> None:
    settings.ATM_THREADS = 1
    held, waiting = Gated(), Gated()
    with Workers() as workers:
        for run in (held, waiting):
            workers.offer(run.id, at(run, "work").pk)
        assert Gated.inside.wait(10)
        closing = threading.Thread(target=workers.close)
        closing.start()
        assert eventually(lambda: workers._closing)
        Gated.leave.set()
        closing.join(10)
        workers.offer(waiting.id, at(waiting, "work").pk)
    assert row(held).state == "finished"
    assert at(waiting, "work").state == "waiting"
    assert at(waiting, "work").claimed_by == ""


def test_who_is_told_twice_to_end_does_not_wait_for_work(gate: Any) -> None:
    run = Gated()
    workers = Workers()
    with pytest.raises(SystemExit), workers:
        workers.offer(run.id, at(run, "work").pk)
        assert Gated.inside.wait(10)
        raise SystemExit(143)
    assert at(run, "work").state == "waiting"
    Gated.leave.set()
    workers.close()


def test_work_that_would_end_its_thread_does_not_end_the_pool(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ATM_THREADS = 1

    def leave() -> Progress:
        raise SystemExit(1)

    run = Export()
    with Workers() as workers:
        workers.submit("leave", leave)
        workers.wait()
        assert "'leave' could not be done" in caplog.text
        workers.offer(run.id, at(run, "work").pk)
        workers.wait()
    assert row(run).state == "finished"


@pytest.mark.parametrize("error", Leaving.raised)
def test_work_that_would_end_its_thread_has_failed_and_lets_its_claim_go(error: str) -> None:
    run = Leaving(error=error)
    with Workers() as workers:
        for _ in range(2):  # it is tried again, as after any error
            sweep(workers=workers)
            workers.wait()
            assert not workers._heart._pulses
    task = at(run, "background")
    name = type(Leaving.raised[error]).__name__
    assert (task.state, task.claimed_by) == ("failed", "")
    assert task.message.startswith(f"WorkAborted: The work has raised {name}(")
    assert "raise self.raised" in task.traceback
    assert row(run).state == "failed"
    assert "left" not in row(run).data
    assert Effect.objects.filter(run=run.id).count() == 2


@pytest.mark.parametrize("raised", [SystemExit, KeyboardInterrupt])
def test_whoever_ends_the_process_of_a_worker_is_heard(
    raised: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the main thread a signal may have said so: the work is done again by another."""
    run = Export()

    def told(*args: Any) -> None:
        raise raised

    beating = Heart()
    with monkeypatch.context() as patch, pytest.raises(raised):
        patch.setattr(Export, "export", told)
        perform(run.id, at(run, "work").pk, heart=beating)
    assert not beating._pulses
    assert at(run, "work").state == "waiting"


@pytest.mark.parametrize("error", Leaving.raised)
@pytest.mark.parametrize("asks", [False, True])
def test_a_step_that_would_end_its_thread_has_failed(error: str, asks: bool) -> None:
    run = Leaving(error=error, here=True, asks=asks, autorun=False)

    def work() -> None:
        try:
            AutomationModel.run()
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)
    assert at(run, "step").state == row(run).state == "failed"
    assert at(run, "step").message.startswith("WorkAborted: ")
    assert not Effect.objects.filter(run=run.id).exists()
    assert row(run).claimed_by == ""


@pytest.mark.parametrize("asks", [False, True])
def test_work_that_is_cancelled_in_a_step_does_not_end_the_process(asks: bool) -> None:
    run = Leaving(error="cancelled", here=True, asks=asks, autorun=False)
    other = Straight(autorun=False)
    AutomationModel.run()
    assert row(run).state == "failed"
    assert row(other).state == "finished"


def test_a_receiver_that_is_cancelled_is_an_error_of_the_sender(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cancelled(*args: Any) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(Newsletter, "receive_fail", cancelled)
    Newsletter(email="ada")
    run = Careful(autorun=False)
    AutomationModel.run()
    assert path(run) == ["start", "rescue", "end"]


def test_a_step_in_the_main_thread_may_be_ended_by_a_signal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    It is undone, with what shares its transaction, and its run is taken up again.

    What does so by itself is told by its kills.
    """
    monkeypatch.setattr(bursts, "longest", lambda: math.inf)
    run = Leaving(error="exit", here=True, autorun=False)
    with pytest.raises(SystemExit):
        AutomationModel.run()
    (task,) = AutomationTaskModel.objects.filter(automation=run.id)
    assert task.state == "ready"
    assert row(run).state == "running"
    assert not Effect.objects.filter(run=run.id).exists()


def test_an_error_of_the_engine_leaves_the_work_to_another(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = Export()

    def broken(*args: Any) -> Any:
        raise OSError("the engine itself")

    with monkeypatch.context() as patch:
        patch.setattr(outside, "record", broken)
        AutomationModel.run()
    assert "could not be done" in caplog.text
    task = at(run, "work")
    assert (task.state, bool(task.claimed_by)) == ("waiting", True)


@pytest.mark.parametrize("times", [2, 100])
def test_what_a_work_came_to_is_recorded_patiently(
    times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Export()
    real, asked = outside.record, []

    def busy(*args: Any) -> Step:
        asked.append(args)
        if len(asked) == 1:
            raise RunBusy("somebody is at work")
        return Step(delayed=True) if len(asked) < times else real(*args)

    monkeypatch.setattr(outside, "record", busy)
    monkeypatch.setattr(background, "PAUSE", 0)
    progress = perform(run.id, at(run, "work").pk)
    if times == 2:
        assert (progress.done, progress.delayed) == (3, 0)
        assert row(run).state == "finished"
    else:
        assert len(asked) == background.TRIES
        assert (progress.done, progress.delayed) == (0, 1)
        assert at(run, "work").state == "waiting"


def test_a_claim_is_renewed_as_long_as_the_work_lasts(gate: Any, settings: Any) -> None:
    run = Gated()
    with Workers() as workers:
        workers.offer(run.id, at(run, "work").pk)
        assert Gated.inside.wait(10)
        assert eventually(lambda: at(run, "work").progress == 0.25)
        before = at(run, "work").claimed_until
        assert at(run, "work").message == "at the gate"
        assert before is not None
        workers._heart.hurry()
        assert eventually(lambda: (at(run, "work").claimed_until or before) > before)
        Gated.leave.set()
    assert at(run, "work").state == "completed"


def test_work_whose_task_was_taken_away_is_told_so(gate: Any) -> None:
    run = Gated()
    with Workers() as workers:
        workers.offer(run.id, at(run, "work").pk)
        assert Gated.inside.wait(10)
        beats = [*workers._heart._pulses]
        assert len(beats) == 1
        row(run).cancel()
        workers._heart.hurry()
        assert eventually(lambda: beats[0].lost)
        assert eventually(lambda: not workers._heart._pulses)
        with pytest.raises(ClaimLost, match="taken from this worker"):
            beats[0].beat(0.5, "")
        Gated.leave.set()
    assert at(run, "work").state == "cancelled"


def test_a_beat_that_does_not_get_through_is_made_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = Export()
    context = outside.take(run.id, at(run, "work").pk, "me")
    assert context is not None
    pulse = heart.Pulse(Heart(), context.task.pk, "me")
    pulse.beat(0.5, "half of it")
    with monkeypatch.context() as patch:
        patch.setattr(outside, "renew", lambda *args: 1 / 0)
        pulse.renew()
    assert not pulse.lost
    assert "was not renewed" in caplog.text
    pulse.beat(None, "")
    pulse.renew()
    assert (at(run, "work").progress, at(run, "work").message) == (0.5, "half of it")


def test_the_command_does_background_work_beside_its_sweeps_until_a_signal(gate: Any) -> None:
    slow, other = Gated(), Beside()
    ended = []

    def watch() -> None:
        try:
            Gated.inside.wait(10)
            # The sweeps go on meanwhile: what came later is done before.
            ended.append(eventually(lambda: at(other, "slow").state == "completed"))
            signal.pthread_kill(main, signal.SIGTERM)
            Gated.leave.set()
        finally:
            connections.close_all()

    main = threading.main_thread().ident
    assert main is not None
    watcher = threading.Thread(target=watch)
    watcher.start()
    call_command("automation_step", every=0.05, verbosity=0)
    watcher.join()
    assert ended == [True]
    assert row(slow).state == "finished"


@pytest.mark.parametrize("sender", [Sender, Courier])
def test_what_a_message_reaches_in_a_sweep_does_not_wait_for_the_works_in_hand(
    sender: Any, gate: Any, settings: Any
) -> None:
    """Whether a step or what follows a work has sent it."""
    settings.ATM_THREADS = 2
    slow, order = Gated(), Order()
    assert at(order, "paid").state == "waiting"
    run = sender(to=order.id, autorun=False)
    taken = []

    def watch() -> None:
        try:
            Gated.inside.wait(10)
            taken.append(eventually(lambda: at(order, "paid").state == "completed"))
        finally:
            Gated.leave.set()
            connections.close_all()

    watcher = threading.Thread(target=watch)
    watcher.start()
    AutomationModel.run()
    watcher.join()
    assert taken == [True]
    assert row(slow).state == row(run).state == "finished"


def test_runs_that_reach_each_other_without_end_do_not_keep_a_sweep(
    gate: Any, settings: Any
) -> None:
    """They go on while it waits for the works in hand, and no longer."""
    settings.ATM_BUDGET_TASKS = 1
    one = Ping(turns=10**9)
    two = Ping(turns=10**9, other=one.id)
    one.data["other"] = two.id
    one.save()
    AutomationModel.run()
    slow = Gated()
    one.dispatch_message(one.id, "ball", None, {"turn": 0})

    def watch() -> None:
        try:
            Gated.inside.wait(10)
            eventually(lambda: Effect.objects.count() >= 6)
        finally:
            Gated.leave.set()
            connections.close_all()

    watcher = threading.Thread(target=watch)
    watcher.start()
    AutomationModel.run()
    watcher.join()
    assert Effect.objects.count() >= 6
    assert row(slow).state == "finished"
    assert row(one).state == row(two).state == "running"


def test_a_queue_goes_on_with_what_a_message_behind_a_work_reaches() -> None:
    order = Order()
    run = Courier(to=order.id, autorun=False)
    working.work(run.id, "inline")
    assert row(run).state == "finished"
    assert at(order, "paid").state == "completed"


def test_a_task_that_somebody_works_on_is_left_alone() -> None:
    run = Export()
    task = at(run, "work").pk
    assert outside.take(run.id, task, "me")
    assert perform(run.id, task) == Progress()


def test_trouble_with_the_database_loses_nothing_of_what_a_standing_run_gets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Export()
    context = outside.take(run.id, at(run, "work").pk, "me")
    assert context is not None
    context.task.claimed_by = "me"
    came = outside.do(context)
    row(run).suspend()

    def trouble(*args: Any) -> None:
        raise OperationalError from InterruptedLink

    with monkeypatch.context() as patch:
        patch.setattr(outside, "follow_data", trouble)
        assert outside.record(context, came).delayed
    assert at(run, "work").claimed_by == "me"
    assert not outside.record(context, came).delayed
    assert at(run, "work").state == "completed"


@pytest.fixture
def unclosable(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let no thread but this one close its connections; return those that have tried."""
    tried: list[str] = []
    real, here = connections.close_all, threading.current_thread()

    def close_all() -> None:
        real()
        if threading.current_thread() is here:
            return
        tried.append(threading.current_thread().name)
        raise OperationalError("the line is dead")

    monkeypatch.setattr(connections, "close_all", close_all)
    return tried


def test_a_connection_that_cannot_be_closed_does_not_end_a_thread_of_the_pool(
    unclosable: list[str], settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ATM_THREADS = 1
    runs = [Export(), Export()]
    with Workers() as workers:
        for run in runs:
            workers.offer(run.id, at(run, "work").pk)
        assert eventually(lambda: not workers._offered)
        (thread,) = workers._threads
        assert thread.is_alive()
    assert unclosable.count("automations-1") == 2
    assert "could not be closed" in caplog.text
    assert [row(run).state for run in runs] == ["finished"] * 2


def test_a_connection_that_cannot_be_closed_does_not_end_the_heart(
    unclosable: list[str], gate: Any
) -> None:
    run = Gated()
    with Workers() as workers:
        workers.offer(run.id, at(run, "work").pk)
        assert Gated.inside.wait(10)
        for times in (1, 2):
            workers._heart.hurry()
            assert eventually(lambda times=times: unclosable.count("automations-heart") >= times)
        Gated.leave.set()
    assert row(run).state == "finished"


class NoThreads:
    """A machine that has no thread to give, for a while."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.none_left = True
        self.asked: list[str] = []
        start = threading.Thread.start

        def refuse(thread: threading.Thread) -> None:
            if self.none_left and thread.name.startswith("automations-"):
                self.asked.append(thread.name)
                raise RuntimeError("can't start new thread")
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", refuse)


def test_work_for_which_there_is_no_thread_is_offered_again_by_the_next_sweep(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    machine = NoThreads(monkeypatch)
    runs = [Export(), Export()]
    with Workers() as workers:
        assert sweep(workers=workers).broken == 0
        workers.wait()
        assert machine.asked == ["automations-1"] * 2
        assert "no thread" in caplog.text
        assert [at(run, "work").state for run in runs] == ["waiting"] * 2
        machine.none_left = False
        sweep(workers=workers)
        workers.wait()
    assert [row(run).state for run in runs] == ["finished"] * 2


def test_a_run_for_which_there_is_no_thread_is_left_to_a_sweep_at_once(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.ATM_DISPATCHER = "thread"
    monkeypatch.setattr(background, "_threads", Workers())
    machine = NoThreads(monkeypatch)
    run = Straight()
    assert len(machine.asked) == 1
    assert row(run).claimed_by == ""
    AutomationModel.run()
    assert row(run).state == "finished"


def test_work_waits_for_the_threads_that_there_are_if_there_is_no_other(
    monkeypatch: pytest.MonkeyPatch, gate: Any
) -> None:
    runs = [Gated(), Gated()]
    with Workers() as workers:
        workers.offer(runs[0].id, at(runs[0], "work").pk)
        assert Gated.inside.wait(10)
        NoThreads(monkeypatch)
        workers.offer(runs[1].id, at(runs[1], "work").pk)
        Gated.leave.set()
        workers.wait()
    assert [row(run).state for run in runs] == ["finished"] * 2


def test_work_is_done_without_a_heart_that_cannot_be_started_and_starts_it_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    machine = NoThreads(monkeypatch)
    run = Gated()
    Gated.leave.set()
    beating = Heart()
    perform(run.id, at(run, "work").pk, heart=beating)
    assert row(run).state == "finished"
    assert "no thread" in caplog.text
    assert machine.asked[0] == "automations-heart"
    machine.none_left = False
    pulse = beating.begin(10**9, "me")
    assert beating._thread is not None
    assert beating._thread.is_alive()
    beating.end(pulse)


@pytest.mark.processes
@pytest.mark.skipif(not hasattr(os, "fork"), reason="Nothing forks here.")
def test_a_forked_child_begins_with_no_work_and_no_lock_of_its_parent(
    child_environment: dict[str, str],
) -> None:
    script = str(Path(__file__).with_name("forking.py"))
    ended = subprocess.run(
        [sys.executable, script],
        env=child_environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def test_a_heart_without_work_stops() -> None:
    beating = Heart()
    pulse = beating.begin(10**9, "me")
    thread = beating._thread
    assert thread is not None
    beating.begin(10**9 + 1, "me")
    assert beating._thread is thread
    beating.end(pulse)
    for other in [*beating._pulses]:
        beating.end(other)
    thread.join(10)
    assert not thread.is_alive()


def test_whoever_closes_a_heart_waits_for_its_last_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ends while a driver talks to the database in another thread may crash."""
    begun, through = threading.Event(), threading.Event()

    def slowly(*about: Any) -> bool:
        begun.set()
        return through.wait(30)

    monkeypatch.setattr(heart, "LEAST", 60)  # nobody waits for the rest between two beats
    monkeypatch.setattr(heart, "PATIENCE", 60)
    monkeypatch.setattr(outside, "renew", slowly)
    beating = Heart()
    pulse = beating.begin(10**9, "me")
    beating.hurry()
    assert begun.wait(30)
    thread = beating._thread
    assert thread is not None
    beating.end(pulse)
    threading.Timer(0.2, through.set).start()
    beating.close()
    assert through.is_set()
    assert not thread.is_alive()


def test_workers_that_have_ended_have_closed_their_heart() -> None:
    with Workers() as workers:
        assert not workers._heart._closed.is_set()
    assert workers._heart._closed.is_set()


def test_a_heart_that_has_not_begun_is_closed_without_a_beat() -> None:
    beating = Heart()
    beating.close()
    assert beating._thread is None


def test_a_work_that_is_offered_while_it_is_tried_in_vain_is_tried_once_more() -> None:
    """A sweep that holds the run for a moment offers its work anew, which must not be left out."""
    tried: list[int] = []
    with Workers() as workers:

        def in_vain_at_first() -> Progress:
            tried.append(1)
            if len(tried) == 1:
                for _ in range(3):
                    assert workers.submit("work", in_vain_at_first)
            return Progress()

        workers.submit("work", in_vain_at_first)
        assert eventually(lambda: len(tried) == 2)
        workers.wait()
        assert not workers.busy()
    assert len(tried) == 2
