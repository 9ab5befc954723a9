"""
Attempts that are counted before they are made: for tasks whose worker has not come back.

Whoever takes up such a run counts first, in a transaction of its own, so that a task that takes
its worker down each time is found out.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime
from functools import partial

from django.db.models import F

from automations import settings
from automations.engine.attention import due_tasks
from automations.engine.context import TaskContext
from automations.engine.locking import atomic, in_own_turn, tasks
from automations.engine.reading import lock_with_tasks
from automations.engine.run_row import settle
from automations.engine.transitions import apply
from automations.exceptions import AutomationError
from automations.models.runs import RunState
from automations.outcomes import Fail

logger = logging.getLogger("automations")


class WorkerLost(AutomationError):
    """A task has taken its worker down with it, more often than it may."""


def charge(run_id: int, *, seen: Collection[int] = (), now: datetime | None = None) -> int | None:
    """
    Count an attempt on the task that the next step would run, before it runs.

    For runs whose last worker has not come back: the task that took it down is counted each
    time, no other is. After ``ATM_ATTEMPTS`` attempts in all it becomes an incident. Return the
    task's primary key if it may be run, else None.
    """
    now = now or settings.now()
    with atomic():
        run, found = lock_with_tasks(run_id, wait=False)
        if run is None or run.state != RunState.RUNNING:
            return None
        due = [task for task in due_tasks(found, now) if task.pk not in seen]
        if not due:
            return None
        task = due[0]
        # The first attempt was made before anybody knew, and was not counted.
        if task.attempts + 1 < settings.get("ATM_ATTEMPTS"):
            tasks().filter(pk=task.pk).update(attempts=task.attempts + 1)
            return task.pk
        others = [other for other in found if other is not task]
        context = TaskContext(task, run, now, others)
        error = WorkerLost(
            f"The worker did not come back from this task {task.attempts + 1} times. Find out "
            f"what it does to its process, then retry or skip it."
        )
        apply(Fail(error), context)
        settle(context, {"claimed_by": "", "claimed_until": None})
        logger.error("Task %s (%s) of run %s: %s", task.pk, task.status, run.pk, error)
        return None


def give_back(task_id: int) -> None:
    """Take back an attempt that was counted and not made."""
    charged = tasks().filter(pk=task_id, attempts__gt=0)
    in_own_turn(partial(charged.update, attempts=F("attempts") - 1))
