"""Serialization failures delay: no run is ended, lost or doubled by them, no change is lost."""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path

import pytest
from django.db import OperationalError, connection

from automations import settings
from tests.proofs.counting import audit
from tests.proofs.recording import Recorder
from tests.proofs.schedulers import wait_until
from tests.proofs.test_database_trouble import FORCED, Worker, all_ended, served, untouched
from tests.proofs.trouble import another_connection
from tests.testapp.contested import Contested
from tests.testapp.models import Effect, IssueList
from tests.testapp.proof_processes import Counted

pytestmark = [
    pytest.mark.processes,
    pytest.mark.no_cover,
    pytest.mark.django_db(transaction=True),
    served,
]

WORKERS = 2
#: How many runs a worker takes at a time: there is more than one needs.
BLOCK = settings.SETTINGS["ATM_BLOCK"].default
#: Of two that wait for each other, MariaDB often gives up whoever counts beside the workers.
RUNS = 2 * BLOCK + (2 * FORCED if connection.vendor == "mysql" else FORCED // 4)
#: What makes a title that is a number one more.
ONE_MORE = {
    "postgresql": "UPDATE {} SET title = title::int + 1 WHERE id = %s",
    "mysql": "UPDATE {} SET title = title + 1 WHERE id = %s",
}
#: By isolation level: what the database says to one that is late.
LATE = {
    "postgresql": {
        "repeatable read": "could not serialize",
        "serializable": "could not serialize",
    },
    "mysql": {
        "repeatable read": "OperationalError(1020,",
        "serializable": "OperationalError(1213,",
    },
}.get(connection.vendor, {"serializable": ""})


class Contest:
    """Workers and this process count in the same row, until the workers were late so often."""

    def __init__(self, level: str, runs: int, environment: dict[str, str], files: Path) -> None:
        row = IssueList.objects.create(title="0")
        self.runs: list[Counted] = [Contested(autorun=False, row=row.pk) for _ in range(runs)]
        environment = environment | {
            "ATM_TEST_CLAIM": "1",
            "ATM_TEST_TASK_SECONDS": "0.005",  # between reading the number and writing it
            "ATM_TEST_ISOLATION": level,
            "ATM_TEST_SNAPSHOT": "1" if level == "repeatable read" else "",
        }
        self.late = own = 0
        said = [files / f"said-{at}" for at in range(WORKERS)]
        workers = [Worker(environment, file) for file in said]
        count = ONE_MORE[connection.vendor].format(IssueList._meta.db_table)
        try:
            with another_connection() as other:
                while self.late < FORCED and not all_ended():
                    with contextlib.suppress(OperationalError):
                        other.execute(count, [row.pk])
                        own += 1
                    time.sleep(0.002)
                    self.late = sum(file.read_text().count(LATE.get(level, "?")) for file in said)
            # With one alone, nobody is late any more.
            for worker in workers[1:]:
                worker.end()
            self.finished = wait_until(all_ended, 120 + 2 * FORCED)
        finally:
            self.codes = {worker.process.pid: worker.end() for worker in workers}
        #: Those that have worked: one may be told to end before it has even begun.
        self.at_work = set(Effect.objects.values_list("process", flat=True))
        self.said = [file.read_text() for file in said]
        row.refresh_from_db()
        #: How often somebody counted, and it does not show.
        self.missing = Effect.objects.count() + own - int(row.title)


@pytest.mark.parametrize("level", LATE)
def test_transactions_that_cannot_be_serialized_end_no_run_and_lose_no_change(
    level: str, child_environment: dict[str, str], tmp_path: Path, proof: Recorder
) -> None:
    contest = Contest(level, RUNS, child_environment, tmp_path)
    found = audit(contest.runs)
    done = f"{contest.late} serialization failures at {level}, {WORKERS} workers"
    proof("P6", done=done, found=found)
    assert contest.finished, contest.said
    assert found.exact, found
    assert contest.missing == 0
    assert contest.late >= FORCED, contest.said
    assert contest.at_work <= set(contest.codes)
    for pid, code in contest.codes.items():
        assert code == 0 or (pid not in contest.at_work and code == -signal.SIGTERM), contest.codes
    assert untouched()


def test_without_an_isolation_level_the_same_count_finds_changes_that_are_lost(
    child_environment: dict[str, str], tmp_path: Path
) -> None:
    contest = Contest("read committed", 5, child_environment, tmp_path)
    assert contest.finished
    assert audit(contest.runs).exact
    assert contest.late == 0
    assert contest.missing > 0
