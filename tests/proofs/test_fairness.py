"""
A crowd of one class keeps no other waiting, however large it is: told by the order of effects.

``ATM_PROOF_BACKLOG=100000`` for the full proof; nobody waits for the end of so much.
"""

from __future__ import annotations

import os
import secrets
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Max
from django.test.utils import CaptureQueriesContext

from automations import settings
from automations.dispatch.lanes import Lanes
from automations.models import AutomationModel, AutomationTaskModel
from tests.proofs.schedulers import wait_until, workers
from tests.testapp.models import Effect
from tests.testapp.proof_processes import Branches, Counted, Line, Saved

pytestmark = [
    pytest.mark.processes,
    pytest.mark.no_cover,
    pytest.mark.django_db(transaction=True),
]

BACKLOG = int(os.environ.get("ATM_PROOF_BACKLOG", "200"))
BLOCK = settings.SETTINGS["ATM_BLOCK"].default
SECOND = timedelta(seconds=1)


def backlog(automation: type[Counted], node: str, wait: timedelta, number: int = BACKLOG) -> None:
    """Make so many runs that are at the node, due after ``wait``, one after the other."""
    now = settings.now()
    dues = [now + wait + timedelta(microseconds=place) for place in range(number)]
    label = automation.get_automation_name()
    AutomationModel.objects.bulk_create(
        [
            AutomationModel(
                automation_class=label, key=secrets.token_hex(16), created=now, updated=now, due=due
            )
            for due in dues
        ],
        batch_size=1000,
    )
    waiting = AutomationModel.objects.filter(automation_class=label).values_list("pk", "due")
    AutomationTaskModel.objects.bulk_create(
        [
            AutomationTaskModel(automation_id=run, status=node, created=now, due=due)
            for run, due in waiting
        ],
        batch_size=1000,
    )


def last_effect() -> int:
    """Return the number of the effect that was left last; 0 if there is none."""
    return int(Effect.objects.aggregate(last=Max("pk"))["last"] or 0)


def crowd_before(run: Counted, since: int) -> int:
    """Return how many runs of others were worked between the effect ``since`` and this run's."""
    first = Effect.objects.filter(run=run.id).order_by("pk")[0].pk
    between = Effect.objects.filter(pk__gt=since, pk__lt=first).exclude(run=run.id)
    return between.values("run").distinct().count()


@pytest.mark.parametrize("number", [1, 2])
def test_a_crowd_of_one_class_keeps_no_run_of_another_waiting(
    number: int, child_environment: dict[str, str], record_property: Any
) -> None:
    backlog(Line, "one", -60 * SECOND)
    # Of two other classes: one before that of the crowd in the alphabet, one behind it.
    others: list[Counted] = [Branches(autorun=False), Saved(autorun=False)]
    waits = []
    with workers(number, child_environment):
        for _ in range(3):
            since = last_effect()
            begun = time.monotonic()
            done = AutomationModel.objects.filter(pk__in=[run.id for run in others])
            assert wait_until(lambda done=done: not done.exclude(finished=True).exists())
            waits += [(crowd_before(run, since), time.monotonic() - begun) for run in others]
            # Due from now on, in the midst of the backlog.
            others = [Branches(autorun=False), Saved(autorun=False)]
        left = AutomationModel.objects.filter(
            automation_class=Line.get_automation_name(), finished=False
        )
        if BACKLOG > 1000:
            assert left.exists()
        else:
            assert wait_until(lambda: not left.exists())
    record_property("waits", waits)
    # The rest of the block in hand, a block of the next round, and those of the other classes.
    assert max(runs for runs, _ in waits) <= 3 * BLOCK * number, waits
    counted = Effect.objects.values_list("run", "node", "task")
    assert len(set(counted)) == len(counted)


def test_a_sweep_that_finds_nothing_due_costs_one_statement_however_many_runs_wait() -> None:
    backlog(Line, "one", 3600 * SECOND)
    with CaptureQueriesContext(connection) as queries:
        assert AutomationModel.run().ok
    assert len(queries) == 1


def test_finding_a_block_reads_no_more_than_a_block_whatever_the_backlog(
    database_vendor: str,
) -> None:
    """Told by PostgreSQL, which counts the rows that it reads."""
    if database_vendor != "postgresql":
        pytest.skip("PostgreSQL says how many rows a statement has read.")
    # A table that fits into a few pages is read as a whole.
    backlog(Line, "one", -60 * SECOND, max(BACKLOG, 5000))
    Saved(autorun=False)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {AutomationModel._meta.db_table}")
    with CaptureQueriesContext(connection) as queries:
        blocks = Lanes().blocks(settings.now())
        for _ in range(4):
            next(blocks)
    # Whether there is a backlog, of which classes; the first of each, and two blocks more.
    assert len(queries) == 1 + 3 + 2 + 2 * 2
    for query in queries.captured_queries:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + query["sql"])
            plan = cursor.fetchone()[0][0]["Plan"]
        assert rows_read(plan) <= BLOCK + 1, (query["sql"], plan)


def rows_read(plan: dict[str, Any]) -> int:
    """Return how many rows the parts of a plan have read at the most, those left out included."""
    own = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    return max([int(own), *(rows_read(part) for part in plan.get("Plans", []))])
