"""What looking and stepping cost, in statements to the database: it stays flat."""

from __future__ import annotations

import secrets
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from automations import settings
from automations.models import AutomationModel, AutomationTaskModel
from tests.testapp.processes import Straight, Waiting

pytestmark = pytest.mark.django_db(transaction=True)


def statements() -> list[str]:
    """Sweep once; return the statements that it took, transaction control included."""
    with CaptureQueriesContext(connection) as queries:
        assert AutomationModel.run().ok
    return [query["sql"] for query in queries]


def waiting(number: int, node: str, wait: timedelta) -> None:
    """Make runs that wait at the node, due after ``wait``."""
    now = settings.now()
    due = now + wait
    name = Waiting.get_automation_name()
    runs = AutomationModel.objects.bulk_create(
        AutomationModel(
            automation_class=name, key=secrets.token_hex(16), created=now, updated=now, due=due
        )
        for _ in range(number)
    )
    AutomationTaskModel.objects.bulk_create(
        AutomationTaskModel(automation=run, status=node, created=now, due=due) for run in runs
    )


@pytest.mark.parametrize("number", [0, 10, 1000])
@pytest.mark.api("A23", "AutomationModel")
def test_a_sweep_that_finds_nothing_due_costs_one_statement(number: int) -> None:
    waiting(number, "timer", timedelta(hours=1))
    assert len(statements()) == 1


@pytest.mark.api("A23")
def test_a_condition_that_is_not_met_costs_a_fifth_of_a_statement_at_most() -> None:
    waiting(100, "condition", timedelta(0))
    took = statements()
    assert len(took) <= 0.2 * 100, took
    assert not [sql for sql in took if sql.startswith(("INSERT", "UPDATE"))]


def test_a_step_costs_five_statements_and_its_transaction() -> None:
    for _ in range(10):
        Straight(autorun=False)
    took = [sql for sql in statements() if "testapp_effect" not in sql]
    control = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    steps = 40
    assert len(took) <= 9 * steps
    assert len([sql for sql in took if not sql.startswith(control)]) <= 5 * steps
