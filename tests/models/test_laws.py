"""What must never happen is refused by the database itself."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.db.models import CheckConstraint, Model, UniqueConstraint

from automations.models import (
    AutomationMessageModel,
    AutomationModel,
    AutomationObjectModel,
    AutomationScheduleModel,
    AutomationTaskModel,
)
from tests.plain import NOW

MODELS = [
    AutomationModel,
    AutomationTaskModel,
    AutomationMessageModel,
    AutomationObjectModel,
    AutomationScheduleModel,
]
UNIQUE = {
    "atm_run_one_per_unique_key",
    "atm_task_opened_once",
    "atm_message_once",
    "atm_object_one_per_name",
    "atm_schedule_one_per_class",
}

pytestmark = pytest.mark.django_db

RUN_VIOLATIONS: dict[str, list[dict[str, Any]]] = {
    "atm_run_state_known": [{"state": "lost", "finished": True, "ended": NOW}],
    "atm_run_finished_is_a_state": [
        {"state": "running", "finished": True, "ended": NOW},
        {"state": "failed", "finished": False},
    ],
    "atm_run_ended_when_finished": [
        {"state": "finished", "finished": True},
        {"state": "running", "ended": NOW},
    ],
    "atm_run_due_only_running": [
        {"state": "suspended", "due": NOW},
        {"state": "failed", "finished": True, "ended": NOW, "due": NOW},
    ],
    "atm_run_ended_frees_key": [
        {"state": "finished", "finished": True, "ended": NOW, "unique_key": "k"},
        {"state": "cancelled", "finished": True, "ended": NOW, "unique_key": "k"},
    ],
    "atm_run_claim_whole": [{"claimed_by": "me"}, {"claimed_until": NOW}],
    "atm_run_key_given": [{"key": ""}],
}
TASK_VIOLATIONS: dict[str, list[dict[str, Any]]] = {
    "atm_task_state_known": [{"state": "lost", "finished": NOW}],
    "atm_task_open_xor_finished": [
        {"state": "ready", "finished": NOW},
        {"state": "completed"},
    ],
    "atm_task_due_only_open": [{"state": "completed", "finished": NOW, "due": NOW}],
    "atm_task_asks_only_waiting": [{"state": "ready", "requires_interaction": True}],
    "atm_task_claim_only_waiting": [
        {"state": "ready", "claimed_by": "me", "claimed_until": NOW},
        {"state": "waiting", "claimed_by": "me"},
        {"state": "waiting", "claimed_until": NOW},
    ],
    "atm_task_has_a_node": [{"status": ""}],
}


def cases(violations: dict[str, list[dict[str, Any]]]) -> list[Any]:
    """Return each violation with the name of its law."""
    return [pytest.param(row, id=name) for name, rows in violations.items() for row in rows]


@pytest.mark.parametrize("violation", cases(RUN_VIOLATIONS))
def test_a_run_that_breaks_a_law_cannot_be_written(violation: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        AutomationModel.objects.create(**{"automation_class": "x"} | violation)


@pytest.mark.parametrize("violation", cases(TASK_VIOLATIONS))
def test_a_task_that_breaks_a_law_cannot_be_written(violation: dict[str, Any]) -> None:
    run = AutomationModel.objects.create(automation_class="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        AutomationTaskModel.objects.create(**{"automation": run, "status": "x"} | violation)


@pytest.mark.api("get_key")
def test_two_runs_never_have_the_same_key() -> None:
    first = AutomationModel.objects.create(automation_class="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        AutomationModel.objects.create(automation_class="x", key=first.key)


@pytest.mark.api("unique")
def test_one_running_run_for_each_unique_key_of_a_class() -> None:
    AutomationModel.objects.create(automation_class="x", unique_key="k")
    AutomationModel.objects.create(automation_class="y", unique_key="k")
    AutomationModel.objects.create(automation_class="x")
    AutomationModel.objects.create(automation_class="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        AutomationModel.objects.create(automation_class="x", unique_key="k")


def test_a_task_opens_each_of_its_successors_once() -> None:
    run = AutomationModel.objects.create(automation_class="x")
    first = AutomationTaskModel.objects.create(automation=run, status="a")
    AutomationTaskModel.objects.create(automation=run, status="b", previous=first)
    AutomationTaskModel.objects.create(automation=run, status="c", previous=first)
    with pytest.raises(IntegrityError), transaction.atomic():
        AutomationTaskModel.objects.create(automation=run, status="b", previous=first)


def test_one_sending_reaches_a_run_once_and_a_message_has_a_name() -> None:
    run = AutomationModel.objects.create(automation_class="x")
    message = partial(AutomationMessageModel.objects.create, automation=run)
    message(name="paid", key="k")
    message(name="paid", key=None)
    message(name="paid", key=None)
    for wrong in ({"name": "sent", "key": "k"}, {"name": "", "key": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            message(**wrong)


def test_a_run_is_bound_to_one_object_under_each_name() -> None:
    run = AutomationModel.objects.create(automation_class="x")
    bound = partial(AutomationObjectModel.objects.create, automation=run, model="a.b")
    bound(name="order", object_key="1")
    bound(name="other", object_key="1")
    with pytest.raises(IntegrityError), transaction.atomic():
        bound(name="order", object_key="2")


def test_an_automation_has_one_schedule() -> None:
    AutomationScheduleModel.objects.create(automation_class="x", rule="cron")
    with pytest.raises(IntegrityError), transaction.atomic():
        AutomationScheduleModel.objects.create(automation_class="x", rule="other")


def test_every_law_has_a_violation_here() -> None:
    """A new constraint without a test of it fails here."""
    tested = {*RUN_VIOLATIONS, *TASK_VIOLATIONS}
    for model in MODELS:
        for law in model._meta.constraints:
            if isinstance(law, CheckConstraint):
                assert law.name in {*tested, "atm_message_has_a_name"}
            else:
                assert isinstance(law, UniqueConstraint)
                assert law.name in UNIQUE


def test_no_law_depends_on_what_some_database_drops_silently() -> None:
    for model in MODELS:
        for law in model._meta.constraints:
            if isinstance(law, UniqueConstraint):
                assert law.condition is None
                assert law.nulls_distinct is None
        assert all(index.condition is None for index in model._meta.indexes)


def test_the_checks_of_the_database_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check", databases=["default"], fail_level="DEBUG")
    assert "no issues" in capsys.readouterr().out


def test_the_migrations_say_what_the_models_say() -> None:
    call_command("makemigrations", "automations", check=True, dry_run=True, verbosity=0)


@pytest.mark.api("AutomationModel", "AutomationTaskModel")
@pytest.mark.parametrize(
    ("model", "columns", "properties"),
    [
        (
            AutomationModel,
            {"automation_class", "finished", "data", "key", "created", "updated"},
            {"paused_until", "instance"},
        ),
        (
            AutomationTaskModel,
            {
                *("automation", "previous", "status", "requires_interaction", "interaction_user"),
                *("interaction_group", "interaction_permissions", "created", "finished"),
                *("message", "result"),
            },
            {"locked", "data"},
        ),
    ],
)
def test_what_a_row_tells_has_its_documented_name(
    model: type[Model], columns: set[str], properties: set[str]
) -> None:
    assert columns <= {field.name for field in model._meta.get_fields()}
    assert all(isinstance(getattr(model, name), property) for name in properties)
