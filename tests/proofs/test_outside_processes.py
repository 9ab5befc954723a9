"""Work outside of transactions under kill and freeze: each at least once, one key, one result."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import defaultdict
from typing import Any

import pytest

from automations.engine import locking
from automations.models import AutomationModel, AutomationTaskModel
from tests.proofs.counting import audit
from tests.proofs.recording import Recorder
from tests.proofs.schedulers import finish_all, step_forever, wait_until
from tests.proofs.test_processes import DEATHS, SCALE, die_and_begin_again, given_up
from tests.testapp.background import Twofold
from tests.testapp.models import Effect
from tests.testapp.proof_processes import Counted, DeadlyOutside, Line

pytestmark = [
    pytest.mark.processes,
    pytest.mark.no_cover,
    pytest.mark.django_db(transaction=True),
]

KILLS = int(os.environ.get("ATM_TEST_OUTSIDE_KILLS", "4")) * SCALE
FREEZES = int(os.environ.get("ATM_TEST_FREEZES", "2")) * SCALE


def whole(runs: list[Twofold]) -> None:
    """See that every run has ended, each work was done by its one key, and its result is kept."""
    pks = [run.id for run in runs]
    states = set(AutomationModel.objects.filter(pk__in=pks).values_list("state", flat=True))
    assert states == {"finished"}
    done: dict[tuple[int, int | None], set[str]] = defaultdict(set)
    for run, task, node in Effect.objects.filter(run__in=pks).values_list("run", "task", "node"):
        done[run, task].add(node)
    tasks = AutomationTaskModel.objects.filter(automation__in=pks).select_related("automation")
    outside = tasks.filter(status__in=["left", "right"])
    assert outside.count() == 2 * len(runs)
    for task in outside:
        assert done[task.automation_id, task.pk] == {task.idempotency_key}
        assert (task.state, task.result) == ("completed", task.idempotency_key)
        assert (task.claimed_by, task.attempts) == ("", 0)
    # What is done in a transaction is done once all the same.
    assert Effect.objects.filter(run__in=pks, node="last").count() == len(runs)
    assert tasks.filter(status="join", state="completed").count() == len(runs)
    assert tasks.filter(status="join", state="merged").count() == len(runs)


@pytest.mark.api("A29")
def test_workers_that_are_killed_lose_no_background_work(
    child_environment: dict[str, str], record_property: Any, proof: Recorder
) -> None:
    seed = random.randrange(2**32)
    record_property("seed", seed)
    chance = random.Random(seed)
    child_environment |= {
        "ATM_TEST_CLAIM": "1",
        "ATM_TEST_ATTEMPTS": "50",  # the kills are not the works' fault
        "ATM_TEST_TASK_SECONDS": "0.02",
    }
    runs = [Twofold(autorun=False) for _ in range(4 * KILLS)]
    for _ in range(KILLS):
        worker = step_forever(child_environment)
        before = Effect.objects.count()
        wait_until(lambda before=before: Effect.objects.count() > before, seconds=3)
        time.sleep(chance.uniform(0, 0.1))
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    finished = finish_all(child_environment)
    assert finished, seed
    whole(runs)
    done = f"{KILLS} kills, 1 worker, {2 * len(runs)} works in the background: one key each"
    proof("P5", done=done, exact=len(runs))


def freeze(worker: subprocess.Popen[bytes]) -> None:
    """
    Stop the worker at a moment at which it holds no lock that all the others need.

    On SQLite that is the one write lock, which this test takes meanwhile: whoever is frozen in a
    transaction there keeps everybody out, as the documentation says.
    """
    with locking.atomic():
        locking.take_write_lock()
        worker.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, worker.pid, os.WSTOPPED | os.WNOWAIT)


def test_a_worker_that_comes_back_after_its_claim_records_nothing(
    child_environment: dict[str, str], proof: Recorder
) -> None:
    child_environment |= {"ATM_TEST_CLAIM": "1", "ATM_TEST_ATTEMPTS": "50"}
    runs = []
    for _ in range(FREEZES):
        run = Twofold(autorun=False)
        runs.append(run)
        frozen = step_forever(child_environment | {"ATM_TEST_TASK_SECONDS": "0.5"})
        claimed = AutomationTaskModel.objects.filter(automation=run.id).exclude(claimed_by="")
        assert wait_until(lambda claimed=claimed: claimed.count() == 2)
        freeze(frozen)
        other = step_forever(child_environment)
        try:
            ended = AutomationModel.objects.filter(pk=run.id, state="finished")
            assert wait_until(ended.exists)
        finally:
            frozen.send_signal(signal.SIGCONT)
            for worker in (other, frozen):
                worker.send_signal(signal.SIGTERM)
            codes = [worker.wait(30) for worker in (other, frozen)]
        assert codes == [0, 0]
    whole(runs)
    doubled = Effect.objects.filter(run__in=[run.id for run in runs], node__contains="-").count()
    assert doubled >= 2 * len(runs)
    done = f"{FREEZES} workers frozen past their claim and woken, {doubled} works done meanwhile"
    proof("P5", done=done, exact=len(runs))


@pytest.mark.parametrize("how", ["segmentation fault"] if SCALE == 1 else DEATHS)
def test_background_work_that_kills_its_worker_becomes_an_incident_and_holds_nobody_up(
    how: str, child_environment: dict[str, str], proof: Recorder
) -> None:
    """The innocent are at work in the same processes, in steps and in the background."""
    child_environment |= {
        "ATM_TEST_CLAIM": "1",
        "ATM_TEST_DEADLY": how,
        "ATM_TEST_TASK_SECONDS": "0.05",
    }
    beside = [Twofold(autorun=False) for _ in range(4)]
    innocent: list[Counted] = [Line(autorun=False) for _ in range(5)]
    poison = DeadlyOutside(autorun=False)
    innocent += [Line(autorun=False) for _ in range(5)]
    deaths = die_and_begin_again(DEATHS[how], child_environment)
    assert deaths == 3
    task = given_up(poison)
    # At least once, and not more often than it may be tried.
    assert Effect.objects.filter(run=poison.id, node="died", task=task.pk).count() == 3
    whole(beside)
    found = audit(innocent)
    done = f"1 background work that kills its worker ({how}): {deaths} deaths, an incident"
    proof("P7", done=done, found=found)
    assert found.exact
