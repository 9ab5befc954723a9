"""Trouble with the database delays: no run is ended, lost or doubled by it, and no worker ends."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from automations.dispatch.advancing import advance
from automations.models import AutomationModel, AutomationTaskModel
from tests import forks
from tests.plain import HOUR
from tests.proofs.counting import audit
from tests.proofs.recording import Recorder
from tests.proofs.schedulers import wait_until
from tests.proofs.test_processes import SCALE
from tests.proofs.test_races import at_once
from tests.proofs.trouble import another_connection, drop_connections, tables_locked
from tests.testapp.models import Effect, IssueList
from tests.testapp.proof_processes import SHAPES, Counted, Line

pytestmark = [
    pytest.mark.processes,
    pytest.mark.no_cover,
    pytest.mark.django_db(transaction=True),
]

DROPS = int(os.environ.get("ATM_TEST_DROPS", "4")) * SCALE
#: How many deadlocks, serialization failures, errors of a full disk.
FORCED = int(os.environ.get("ATM_PROOF_FORCED", "10"))

served = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite has no server: no connections, no row locks"
)


class Worker:
    """A worker that a scheduler would keep running, and what it says."""

    def __init__(self, environment: dict[str, str], said: Path) -> None:
        self.said = said
        command = ["-m", "django", "automation_step", "--every", "0.05", "--nice", "0"]
        with said.open("w") as file:
            self.process = forks.Popen(
                [sys.executable, *command],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=file,
            )

    def troubled(self) -> int:
        """Return how often it has said that the database is in trouble."""
        said = self.said.read_text()
        return said.count("The database is in trouble") + said.count("is delayed by the database")

    def end(self) -> int:
        """Tell it to end; return how it did."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def all_ended() -> bool:
    """Return whether no run is alive."""
    return not AutomationModel.objects.filter(finished=False).exists()


def untouched() -> bool:
    """Return whether no task was charged for the trouble, and no run is claimed."""
    charged = AutomationTaskModel.objects.filter(attempts__gt=0)
    return not (charged.exists() or AutomationModel.objects.exclude(claimed_by="").exists())


@served
def test_connections_that_are_dropped_end_no_run_and_no_worker(
    child_environment: dict[str, str], tmp_path: Path, record_property: Any, proof: Recorder
) -> None:
    seed = random.randrange(2**32)
    record_property("seed", seed)
    chance = random.Random(seed)
    child_environment |= {"ATM_TEST_CLAIM": "1", "ATM_TEST_TASK_SECONDS": "0.01"}
    runs: list[Counted] = [SHAPES[at % len(SHAPES)](autorun=False) for at in range(4 * DROPS)]
    worker = Worker(child_environment, tmp_path / "said")
    try:
        assert wait_until(Effect.objects.exists)
        dropped = 0
        with another_connection() as other:
            # A block of runs whose connection is dropped goes on one by one, and says nothing.
            while not (dropped >= DROPS and worker.troubled()):
                if all_ended() or worker.process.poll() is not None:
                    break
                dropped += drop_connections(other)
                time.sleep(chance.uniform(0, 0.1))
        finished = wait_until(all_ended)
    finally:
        code = worker.end()
    found = audit(runs)
    proof("P6", done=f"{dropped} connections dropped at random moments, 1 worker", found=found)
    assert finished, (seed, worker.said.read_text())
    assert found.exact, (seed, found)
    assert dropped >= DROPS
    assert worker.troubled()
    assert code == 0
    assert untouched()


def test_a_lock_that_is_held_longer_than_a_worker_waits_ends_no_run_and_no_worker(
    child_environment: dict[str, str], tmp_path: Path, proof: Recorder
) -> None:
    child_environment |= {"ATM_TEST_PATIENCE": "1", "ATM_TEST_CLAIM": "1"}
    child_environment |= {"ATM_TEST_TASK_SECONDS": "0.01"}
    runs: list[Counted] = [SHAPES[at % len(SHAPES)](autorun=False) for at in range(30)]
    worker = Worker(child_environment, tmp_path / "said")
    try:
        assert wait_until(Effect.objects.exists)
        with another_connection() as other, tables_locked(other):
            begun = time.monotonic()
            troubled = wait_until(lambda: worker.troubled() >= SCALE, 20 * SCALE)
            held = time.monotonic() - begun
        finished = wait_until(all_ended, 90)
    finally:
        code = worker.end()
    found = audit(runs)
    done = f"all writes locked for {held:.0f} s, of which a worker waits 1 s at a time"
    proof("P6", done=done, found=found)
    assert troubled, worker.said.read_text()
    assert finished, worker.said.read_text()
    assert found.exact, found
    assert held > 1
    assert code == 0
    assert untouched()


@served
def test_a_deadlock_of_two_runs_delays_one_of_them_and_ends_none(
    monkeypatch: pytest.MonkeyPatch, proof: Recorder
) -> None:
    lists = [IssueList.objects.create(title=title).pk for title in ("one", "other")]
    met: set[int] = set()
    work = Line.work

    def crosswise(self: Counted, task: Any) -> None:
        """Change both rows: in which order, the data says; the first time both runs have one."""
        work(self, task)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL deadlock_timeout = '20ms'")
        first, second = lists if self.data["upwards"] else reversed(lists)
        IssueList.objects.filter(pk=first).update(title=f"first of {self.id}")
        if self.id not in met:
            met.add(self.id)
            self.meet.wait(30)  # type: ignore[attr-defined] # the test sets it
        IssueList.objects.filter(pk=second).update(title=f"second of {self.id}")

    monkeypatch.setattr(Line, "work", crosswise)
    runs: list[Counted] = []
    deadlocks = 0
    for _ in range(FORCED):
        monkeypatch.setattr(Line, "meet", threading.Barrier(2), raising=False)
        pair = [Line(autorun=False, upwards=upwards) for upwards in (True, False)]
        runs += pair
        results = at_once(*[lambda run=run: advance(run.id) for run in pair])
        assert not [result for result in results if isinstance(result, BaseException)], results
        deadlocks += sum(result.delayed for result in results)
    AutomationModel.run(timestamp=timezone.now() + HOUR)
    found = audit(runs)
    proof("P6", done=f"{deadlocks} deadlocks of two runs each, forced", found=found)
    assert deadlocks >= FORCED
    assert found.exact, found
    assert untouched()
