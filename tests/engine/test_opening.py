"""Tasks that are opened: objects like any other, made without asking each field anew."""

from __future__ import annotations

import pytest

from automations import settings
from automations.engine.opening import open_task
from automations.models import AutomationModel, AutomationTaskModel

NOW = settings.now()


def columns(task: AutomationTaskModel) -> dict[str, object]:
    """Return what the object has in each column."""
    return {field.attname: getattr(task, field.attname) for field in task._meta.concrete_fields}


@pytest.mark.parametrize("fork", [None, 7])
@pytest.mark.parametrize("previous", [None, AutomationTaskModel(pk=5)])
def test_a_task_that_is_opened_is_what_its_model_makes(
    previous: AutomationTaskModel | None, fork: int | None
) -> None:
    run = AutomationModel(pk=3)
    usual = AutomationTaskModel(
        automation=run, previous=previous, fork_id=fork, status="here", created=NOW, due=NOW
    )
    opened = open_task(run, "here", NOW, previous, fork)
    assert columns(opened) == columns(usual)
    assert opened._state.adding
    assert opened._state.db is None
    assert opened.automation is run
    assert opened.previous is previous


def test_what_one_task_keeps_in_a_list_is_not_in_the_next_one() -> None:
    run = AutomationModel(pk=3)
    one = open_task(run, "here", NOW)
    one.reminders.append(1)
    one.interaction_permissions.append("app.may")
    two = open_task(run, "here", NOW)
    assert (two.reminders, two.interaction_permissions) == ([], [])
