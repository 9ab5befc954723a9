"""A history of a million tasks is deleted, and no statement and no transaction takes long."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from automations.engine import retention
from automations.models import (
    AutomationAuditModel,
    AutomationMessageModel,
    AutomationModel,
    AutomationTaskModel,
)
from tests.crowds import lengthen, look_at_tables, multiply
from tests.pages.rows import add_question, make_run
from tests.proofs.recording import Recorder
from tests.testapp.processes import Straight

pytestmark = [
    pytest.mark.alone,
    pytest.mark.no_cover,
    pytest.mark.django_db(transaction=True),
]

#: How many tasks are deleted, and how many a run has.
MANY, EACH = int(os.environ.get("ATM_PROOF_HISTORY", "12000")), 10
FULL = MANY >= 1_000_000
#: Seconds that a statement, and a whole transaction, takes at the most.
LONGEST, LONGEST_WHOLE = 1.0, 2.0
#: Statements of a transaction, with looking for what is next.
STATEMENTS = 60
#: Rows that a transaction deletes at the most: of a table, for what is long; of all, for a block.
ROWS = 2 * retention.MANY


@dataclass
class Clock:
    """How many statements there were, and how long the longest took."""

    statements: int = 0
    longest: float = 0
    which: str = ""

    def __call__(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        """Take the time of a statement."""
        begun = time.perf_counter()
        try:
            return execute(sql, *rest)
        finally:
            took = time.perf_counter() - begun
            self.statements += 1
            if took > self.longest:
                self.longest, self.which = took, sql[:300]


@contextmanager
def timed() -> Iterator[Clock]:
    """Take the time of all statements meanwhile: also of COMMIT, which looks at foreign keys."""
    clock, usual = Clock(), connection.commit
    connection.commit = lambda: clock(lambda _: usual(), "COMMIT")  # type: ignore[method-assign] # for a while
    try:
        with connection.execute_wrapper(clock):
            yield clock
    finally:
        connection.commit = usual  # type: ignore[method-assign] # as it was


def kept() -> int:
    """Let there be a run that goes on; return it."""
    run = make_run(Straight, "running", tasks=3)
    add_question(run)
    return run.pk


def short_runs() -> None:
    """Let many runs have ended long ago; each has received a message, and a person was there."""
    run = make_run(Straight, days=31, tasks=EACH)
    task = run.automationtaskmodel_set.latest("pk")
    AutomationMessageModel.objects.create(automation=run, name="paid", taken=timezone.now())
    AutomationAuditModel.objects.create(automation=run, task=task, action="complete")
    multiply(run, MANY // EACH)


def one_long_run() -> None:
    """Let one run have ended long ago that has gone round and round."""
    lengthen(make_run(Straight, days=31, tasks=EACH), MANY // EACH)


@pytest.mark.parametrize("fill", [short_runs, one_long_run])
def test_deleting_history_takes_no_long_statement_and_no_long_transaction(
    fill: Callable[[], None], record_property: Any, proof: Recorder
) -> None:
    stays = kept()
    fill()
    look_at_tables()
    assert AutomationTaskModel.objects.count() == MANY + 4
    total: Counter[str] = Counter()
    longest, most, begun = 0.0, 0, time.perf_counter()
    batches = retention.delete_in_batches(30)
    with timed() as clock:
        while True:
            before, since = clock.statements, time.perf_counter()
            deleted = next(batches, None)
            longest = max(longest, time.perf_counter() - since)
            assert clock.statements - before <= STATEMENTS
            if deleted is None:
                break
            most = max(most, deleted.total())
            total += deleted
    took = time.perf_counter() - begun
    assert total["automations.AutomationTaskModel"] == MANY
    assert list(AutomationModel.objects.values_list("pk", flat=True)) == [stays]
    assert AutomationTaskModel.objects.count() == 4
    assert most <= ROWS
    record_property("longest", (clock.longest, clock.which))
    record_property("transaction", longest)
    if FULL:
        assert clock.longest < LONGEST, (clock.longest, clock.which)
        assert longest < LONGEST_WHOLE, (longest, clock.longest, clock.which)
    about = {short_runs: f"{MANY // EACH} runs", one_long_run: "one run"}[fill]
    done = f"{MANY} tasks of {about} deleted in {took:.0f} s, {most} rows at a time at the most: "
    done += f"the longest statement took {1000 * clock.longest:.0f} ms, "
    done += f"the longest transaction {1000 * longest:.0f} ms"
    proof("P19", done=done, exact=MANY)
