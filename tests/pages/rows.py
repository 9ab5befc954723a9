"""Rows of runs and tasks, made by hand: in any state and of any age."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from automations.models import AutomationModel, AutomationTaskModel
from automations.models.offers import asked_by, offer_for
from automations.models.runs import ALIVE


def make_run(
    automation: Any, state: str = "finished", *, days: float = 1, lasted: float = 1, tasks: int = 0
) -> AutomationModel:
    """Return a run that ended (or began, if it goes on) ``days`` ago, with that many tasks."""
    path = automation if isinstance(automation, str) else automation.get_automation_name()
    alive = state in ALIVE
    moment = timezone.now() - timedelta(days=days)
    run = AutomationModel.objects.create(
        automation_class=path,
        state=state,
        finished=not alive,
        created=moment if alive else moment - timedelta(days=lasted),
        updated=timezone.now(),
        ended=None if alive else moment,
    )
    previous = fork = None
    for number in range(tasks):
        previous = AutomationTaskModel.objects.create(
            automation=run,
            previous=previous,
            fork=fork,
            status=f"node_{number}",
            state="completed",
            finished=moment,
        )
        fork = previous if number % 2 else fork
    return run


def add_failed_task(run: AutomationModel, **changes: Any) -> AutomationTaskModel:
    """Return a new failed task of ``run``."""
    given = {"status": "risky", "message": "ValueError: no", "traceback": "Traceback: no"}
    return AutomationTaskModel.objects.create(
        automation=run, state="failed", finished=timezone.now(), **given | changes
    )


def add_question(run: AutomationModel, **changes: Any) -> AutomationTaskModel:
    """Return a new task of ``run`` that waits for somebody."""
    task = AutomationTaskModel(
        automation=run, state="waiting", requires_interaction=True, **{"status": "ask"} | changes
    )
    task.offer = offer_for(asked_by(task)) if run.state == "running" else ""
    task.save()
    return task
