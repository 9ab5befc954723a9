"""Any number of processes, killed at any moment: every effect exactly once."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from automations.dispatch import sweep
from automations.engine import locking, steps
from automations.engine.reading import open_tasks_of
from automations.models import AutomationModel, AutomationTaskModel
from tests.proofs.counting import audit
from tests.proofs.recording import Recorder
from tests.proofs.schedulers import WORKER, finish_all, start, step_forever, wait_until
from tests.testapp.models import Effect
from tests.testapp.proof_processes import SHAPES, Counted, Deadly, Failing, Line

pytestmark = [
    pytest.mark.processes,
    pytest.mark.no_cover,
    pytest.mark.django_db(transaction=True),
]

SCALE = int(os.environ.get("ATM_PROOF_SCALE", "1"))
#: How often workers are killed; ATM_TEST_KILLS=30, three times, for the full proof.
KILLS = int(os.environ.get("ATM_TEST_KILLS", "6")) * SCALE
#: How a task kills its worker, and what whoever started the worker sees of it.
DEATHS = {"exit": 9, "kill": -signal.SIGKILL, "segmentation fault": -signal.SIGSEGV}
#: How a task fails, and how what is kept of it begins.
FAILURES = {
    "recursion": "RecursionError",
    "recursion that asks": "RecursionError",
    "condition that asks": "RecursionError",
    "error": "ValueError",
}


def die_and_begin_again(says: int, environment: dict[str, str]) -> int:
    """Start workers until every run has ended; return how many have died, three at the most."""
    deaths = 0
    while AutomationModel.objects.filter(finished=False).exists():
        worker = start("-m", "django", "automation_step", environment=environment)
        code = worker.wait(60)
        assert code in (says, 0, 1)
        deaths += code == says
        assert deaths <= 3
        time.sleep(0.2)
    return deaths


def given_up(poison: Counted) -> AutomationTaskModel:
    """See that the only task of the run is an incident, and no other was charged; return it."""
    task = AutomationTaskModel.objects.get(automation=poison.id)
    assert (task.state, task.automation.state) == ("failed", "failed")
    assert task.message.startswith("WorkerLost")
    others = AutomationTaskModel.objects.exclude(automation=poison.id)
    assert set(others.values_list("attempts", flat=True)) == {0}
    return task


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="Processes have no such priority here")
@pytest.mark.parametrize(
    ("told", "given"), [([], 10), (["--nice", "0"], 0), (["--nice", "19"], 19)]
)
def test_a_scheduler_gives_way_to_other_processes_as_far_as_it_is_told(
    told: list[str], given: int, child_environment: dict[str, str]
) -> None:
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    arguments = ["-m", "django", "automation_step", "--every", "0.05", *told]
    worker = start(*arguments, environment=child_environment)
    run = Line(autorun=False)
    assert wait_until(lambda: AutomationModel.objects.get(pk=run.id).finished)
    assert os.getpriority(os.PRIO_PROCESS, worker.pid) == max(mine, given)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0


@pytest.mark.api("A24")
@pytest.mark.parametrize("sweeps", [2] if SCALE == 1 else [2, 8])
def test_sweeps_at_once_share_the_work_and_do_everything_once(
    sweeps: int, child_environment: dict[str, str], tmp_path: Path, proof: Recorder
) -> None:
    share = 60 if SCALE == 1 else 250
    runs: list[Counted] = [Line(autorun=False) for _ in range(share * sweeps)]
    gate = tmp_path / "gate"
    workers = [start(WORKER, str(gate), environment=child_environment) for _ in range(sweeps)]
    assert wait_until(lambda: len(list(tmp_path.glob("ready-*"))) == sweeps)
    gate.touch()
    assert [worker.wait(300) for worker in workers] == [0] * sweeps
    found = audit(runs)
    proof(
        "P2",
        done=f"{sweeps} sweeps from a barrier, each does half of its share at least",
        found=found,
    )
    assert found.exact, found
    shares = Counter(Effect.objects.values_list("process", flat=True))
    assert len(shares) == sweeps
    assert min(shares.values()) >= 2 * share, shares  # of four effects a run: half of a fair share
    assert not AutomationModel.objects.exclude(claimed_by="").exists()


@pytest.mark.api("A9", "A20")
def test_kills_at_random_moments_lose_nothing_and_double_nothing(
    child_environment: dict[str, str], record_property: Any, proof: Recorder
) -> None:
    seed = random.randrange(2**32)
    record_property("seed", seed)
    chance = random.Random(seed)
    child_environment |= {
        "ATM_TEST_CLAIM": "1",
        "ATM_TEST_ATTEMPTS": "50",  # the kills are not the tasks' fault
        "ATM_TEST_TASK_SECONDS": "0.01",
    }
    each = 40 if SCALE == 1 else 100
    runs = [SHAPES[number % len(SHAPES)](autorun=False) for number in range(each * SCALE)]
    for _ in range(KILLS):
        worker = step_forever(child_environment)
        done = AutomationTaskModel.objects.exclude(finished=None).count()
        wait_until(
            lambda before=done: AutomationTaskModel.objects.exclude(finished=None).count() > before,
            seconds=3,
        )
        time.sleep(chance.uniform(0, 0.15))
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    finished = finish_all(child_environment)
    found = audit(runs)
    proof("P1", done=f"{KILLS} kills at random moments, 1 worker, 5 shapes of runs", found=found)
    assert finished
    assert found.exact, (seed, found)
    assert set(AutomationTaskModel.objects.values_list("attempts", flat=True)) == {0}
    assert not AutomationModel.objects.exclude(claimed_by="").exists()


@pytest.mark.parametrize("how", ["exit", "segmentation fault"] if SCALE == 1 else DEATHS)
def test_a_task_that_kills_its_worker_becomes_an_incident_and_holds_nobody_up(
    how: str, child_environment: dict[str, str], proof: Recorder
) -> None:
    child_environment |= {"ATM_TEST_CLAIM": "1", "ATM_TEST_DEADLY": how}
    innocent: list[Counted] = [Line(autorun=False) for _ in range(5)]
    poison = Deadly(autorun=False)
    innocent += [Line(autorun=False) for _ in range(20)]
    deaths = die_and_begin_again(DEATHS[how], child_environment)
    assert deaths == 3
    given_up(poison)
    found = audit(innocent)
    done = f"1 task that kills its worker ({how}): {deaths} deaths, an incident"
    proof("P7", done=done, found=found)
    assert found.exact
    assert not Effect.objects.filter(node="died").exists()


@pytest.mark.parametrize("how", FAILURES)
def test_a_task_that_fails_becomes_an_incident_at_once_and_its_worker_goes_on(
    how: str, child_environment: dict[str, str], proof: Recorder
) -> None:
    innocent: list[Counted] = [Line(autorun=False) for _ in range(5)]
    failing = Failing(autorun=False, how=how)
    innocent += [Line(autorun=False) for _ in range(20)]
    worker = start("-m", "django", "automation_step", environment=child_environment)
    assert worker.wait(60) == 1  # it says that something has failed, and has done all the rest
    task = AutomationTaskModel.objects.get(automation=failing.id)
    assert (task.state, task.automation.state, task.attempts) == ("failed", "failed", 0)
    assert task.message.startswith(FAILURES[how])
    found = audit(innocent)
    proof("P7", done=f"1 task that fails ({how}): an incident at its first try", found=found)
    assert found.exact
    assert set(AutomationTaskModel.objects.values_list("attempts", flat=True)) == {0}
    assert not Effect.objects.filter(run=failing.id).exists()


def test_a_signal_ends_the_command_with_its_task_finished(
    child_environment: dict[str, str],
) -> None:
    child_environment |= {"ATM_TEST_TASK_SECONDS": "0.05"}
    runs: list[Counted] = [Line(autorun=False) for _ in range(20)]
    worker = step_forever(child_environment)
    assert wait_until(Effect.objects.exists)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    assert Effect.objects.count() < 80
    assert not AutomationModel.objects.exclude(claimed_by="").exists()
    for run in runs:
        run.run()
    assert audit(runs).exact


# The audit finds what goes wrong: each measure switched off once


def test_a_second_signal_ends_the_command_at_once_and_its_task_is_undone(
    child_environment: dict[str, str],
) -> None:
    child_environment |= {"ATM_TEST_TASK_SECONDS": "30"}
    run = Line(autorun=False)
    worker = step_forever(child_environment)
    claimed = AutomationModel.objects.filter(pk=run.id).exclude(claimed_by="")
    assert wait_until(claimed.exists)
    time.sleep(0.5)  # into the work, which takes half a minute
    worker.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 128 + signal.SIGTERM
    assert not Effect.objects.exists()
    assert AutomationTaskModel.objects.get().state == "ready"


def test_the_audit_finds_a_doubled_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without looking whether a task is still open, a step that is asked for twice works twice."""
    run = Line(autorun=False)
    stale = open_tasks_of(AutomationModel.objects.get(pk=run.id))
    run.run()
    row = AutomationModel(pk=run.id, automation_class=run._meta.label)
    monkeypatch.setattr(steps, "lock_with_tasks", lambda run_id, wait: (row, stale))
    monkeypatch.setattr(steps, "attempt", lambda context, *how: run.work(context.task))
    monkeypatch.setattr(steps, "settle", lambda *arguments, **how: None)
    steps.step(run.id)
    assert audit([run]).doubled


def test_the_audit_finds_a_lost_effect_and_a_run_that_is_stuck() -> None:
    """Without a claim that expires, what a dead worker had in hand is never taken up again."""
    run = Line(autorun=False)
    AutomationModel.objects.filter(pk=run.id).update(
        claimed_by="dead", claimed_until=locking.from_now(steps.settings.seconds("ATM_CLAIM"))
    )
    sweep.sweep()
    found = audit([run])
    assert found.stuck == [run.id]
    assert found.lost == [run.id]
