"""
When the engine looks at a task next: the only writer of ``due`` for a task that stays as it is.

What changes the state of a task is in `automations.engine.transitions`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from automations import settings
from automations.engine.context import RunContext
from automations.engine.locking import is_past, tasks
from automations.engine.run_row import write_due
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.offers import asked_by, offer_for


def next_look(now: datetime, until: datetime | None, due: datetime | None) -> datetime:
    """Return when to ask a condition again: after ``ATM_POLL``, but by ``until``."""
    pause = settings.seconds("ATM_POLL")
    if not pause and due is not None and due <= now:
        return due  # every sweep finds it as it is
    look = now + pause
    return min(look, until) if until else look


def claim_look(now: datetime) -> datetime:
    """
    Return when to look at a task again that is claimed now: when the claim may have expired.

    A claim expires by the database's time. If the project has a clock of its own, that says
    nothing about it: then every sweep looks.
    """
    if settings.get("ATM_CLOCK") != settings.SETTINGS["ATM_CLOCK"].default:
        return now
    return now + settings.seconds("ATM_CLAIM")


def stay(task: AutomationTaskModel, due: datetime | None, reminded: tuple[int, ...] | None) -> None:
    """Leave the task as it is, but for its next look and its reminders."""
    changes: dict[str, Any] = {}
    if due != task.due or task.attempts:
        changes |= {"due": due, "attempts": 0}
    if reminded is not None:
        changes["reminders"] = list(reminded)
    if changes:
        tasks().filter(pk=task.pk).update(**changes)
        vars(task).update(changes)


def stand_still(run: AutomationModel, others: Iterable[AutomationTaskModel]) -> None:
    """Take the run's open tasks out of the sight of engine and people, until a person decides."""
    waiting = [task for task in others if task.due is not None or task.offer]
    if waiting:
        tasks().filter(pk__in=[task.pk for task in waiting]).update(due=None, offer="")
    for task in waiting:
        task.due, task.offer = None, ""


def take_up_again(others: Iterable[AutomationTaskModel], now: datetime) -> None:
    """Bring the run's open tasks back into the sight of engine and people."""
    still = list(others)
    tasks().filter(pk__in=[task.pk for task in still]).update(due=now)
    for task in still:
        if task.requires_interaction:
            tasks().filter(pk=task.pk).update(offer=offer_for(asked_by(task)))


def delay(task_id: int, run_id: int, now: datetime) -> None:
    """Look at the task again in about a second, for the database was in trouble."""
    later = now + timedelta(seconds=random.uniform(0.5, 1.5))  # noqa: S311 - jitter, no secret
    moved = tasks().filter(pk=task_id, due__lte=now).update(due=later)
    if moved:
        write_due(run_id)


def wake(context: RunContext, open_tasks: Iterable[AutomationTaskModel], message: str = "") -> None:
    """
    Look at once at those of ``open_tasks`` that a change may concern; `settle` notes it.

    Data or an object of the run has changed: conditions are asked again, and so are times that
    are asked for. Or a ``message`` has come: whoever listens for it gets it. A task whose node
    does nothing any more has nothing to wait for.
    """
    found = []
    for task in open_tasks:
        node = context.definition.nodes.get(task.status)
        if node is None or not task.is_open or is_past(task.due, context.now):
            continue
        if (
            node.follows
            or node.does_nothing
            or (node.polls and task.due)
            or (message and node.message == message)
        ):
            found.append(task)
    if found:
        tasks().filter(pk__in=[task.pk for task in found]).update(due=context.now)
    for task in found:
        task.due = context.now


def due_tasks(
    open_tasks: Iterable[AutomationTaskModel], now: datetime
) -> list[AutomationTaskModel]:
    """Return those of ``open_tasks`` that are due, the longest due first."""
    due = [task for task in open_tasks if is_past(task.due, now)]
    return sorted(due, key=lambda task: (task.due, task.pk))
