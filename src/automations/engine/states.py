"""
The states of a task: one table of what may follow what, and the one way from one to the next.

It belongs to `automations.engine.transitions`, which says when.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from automations.engine.announcing import announce
from automations.engine.context import TaskContext
from automations.engine.statements import update_task
from automations.exceptions import TransitionNotAllowed
from automations.models import AutomationTaskModel
from automations.models.tasks import TaskState
from automations.signals import task_finished

Tasks = Sequence[AutomationTaskModel]
Write = Callable[[int, str, Mapping[str, Any], Tasks], bool]

CLOSED = frozenset(set(TaskState) - {TaskState.READY, TaskState.WAITING})

#: Nobody works on the task outside of a transaction.
UNCLAIMED: dict[str, Any] = {"claimed_by": "", "claimed_until": None}

TRANSITIONS: dict[TaskState, frozenset[TaskState]] = {
    TaskState.READY: frozenset(TaskState),
    TaskState.WAITING: frozenset(TaskState) - {TaskState.READY, TaskState.MERGED},
    TaskState.FAILED: frozenset({TaskState.READY, TaskState.SKIPPED, TaskState.CANCELLED}),
}


def move(
    context: TaskContext,
    state: TaskState,
    opened: Tasks = (),
    write: Write = update_task,
    /,
    **changes: Any,
) -> None:
    """Bring the task of ``context`` into ``state`` and open those that follow it, or refuse."""
    change_state(context.task, state, context.now, opened, write, **changes)
    context.opened += opened


def change_state(
    task: AutomationTaskModel,
    state: TaskState,
    now: datetime,
    opened: Tasks = (),
    write: Write = update_task,
    /,
    **changes: Any,
) -> None:
    """
    Bring ``task`` into ``state``, if it still is in the state it was read in, or refuse.

    With it the rows ``opened`` are written; after a refusal they are to be undone. ``write`` does
    it, or sees to it, and returns whether the task is in that state.
    """
    before = TaskState(task.state)
    if state in TRANSITIONS.get(before, ()):
        changes |= {"state": state, "attempts": 0}
        if task.claimed_by:
            changes |= UNCLAIMED
        if state in CLOSED:
            changes |= {
                "finished": now,
                "due": None,
                "requires_interaction": False,
                "offer": "",
                "outbox": None,
            }
        else:
            changes |= {"finished": None}
        if write(task.pk, before, changes, opened):
            vars(task).update(changes)
            if state in CLOSED and state != TaskState.FAILED:
                announce(task_finished, task.automation, task)
            return
    raise TransitionNotAllowed(
        f"Task {task.pk} ({task.status}) is {before} and cannot become {state}."
    )
