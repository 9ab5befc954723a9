"""A process is changed while it runs: nodes are added, and deleted in three steps."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group

from automations.definition import known
from automations.dispatch import noops
from automations.exceptions import RunBusy
from automations.models import AutomationModel, AutomationTaskModel
from tests.dispatch.test_sweep import command
from tests.engine.rows import at, path, row, states
from tests.testapp.promises import After, Before

pytestmark = pytest.mark.django_db(transaction=True)

WAITING = {"timer", "condition", "form", "message"}


@pytest.fixture
def run() -> Before:
    """A run that waits in four ways."""
    Group.objects.create(name="members")
    return Before()


def deploy(run: Before) -> None:
    """Let the run find the new code."""
    AutomationModel.objects.filter(pk=run.id).update(automation_class=After._meta.label)


@pytest.mark.api("changing a process", "automation_step")
def test_the_command_moves_every_task_on_from_a_node_that_does_nothing_any_more(
    run: Before,
) -> None:
    command()
    assert {name for name, state in states(run).items() if state in ("ready", "waiting")} == WAITING
    deploy(run)
    command()
    assert {states(run)[name] for name in WAITING} == {"completed"}
    assert not at(run, "form").requires_interaction
    assert path(run)[-3:] == ["join", "added", "end"]
    assert row(run).state == "finished"


def test_what_is_failed_or_suspended_or_busy_is_left_alone(
    run: Before, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(run)
    AutomationModel.objects.filter(pk=run.id).update(state="suspended", due=None)
    command()
    assert states(run)["timer"] == "ready"

    def busy(run_id: int) -> None:
        raise RunBusy("busy")

    AutomationModel.objects.filter(pk=run.id).update(state="running")
    with monkeypatch.context() as patch:
        patch.setattr(noops, "look_anew", busy)
        noops.move_on()
    assert states(run)["timer"] == "ready"


def test_it_costs_one_statement_when_nothing_is_to_be_moved_and_none_without_such_nodes(
    run: Before, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with django_assert_num_queries(1):
        noops.move_on()
    monkeypatch.setattr(known, "startable", lambda: iter([Before._meta]))
    with django_assert_num_queries(0):
        noops.move_on()
    assert AutomationTaskModel.objects.open().count() == 4
