"""
Gates in the way of a form, and measures that are switched off there: for the processes that post.

Nothing of this is in the package: a process that a test starts puts it round what it calls. A
``gate`` is a function that comes back when the test lets the process go on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

from automations.dispatch import inline
from automations.engine import going_on, people, steps
from automations.engine.context import TaskContext
from automations.engine.locking import runs, tasks
from automations.engine.reading import open_tasks_of
from automations.models import AutomationTaskModel
from automations.models.tasks import TaskQuerySet, TaskState

Gate = Callable[[], None]


def before_the_engine(gate: Gate) -> None:
    """Stop where the page has found the task open and the form valid, before any lock."""
    submit = inline.submit

    def stopped(*arguments: Any) -> Any:
        gate()
        return submit(*arguments)

    mock.patch.object(inline, "submit", stopped).start()


def without_look(gate: Gate) -> None:
    """
    Switch off the look whether the task is still open, under the lock; and what else would notice.

    A process stops when it has read the task as open, and when it has completed it. That the
    state of a task has changed since, and that what comes next is there already, is not seen.
    """
    submit = people.submit

    def stale(run_id: int, *arguments: Any, **options: Any) -> None:
        run = runs().get(pk=run_id)
        read = run, open_tasks_of(run)
        gate()
        with (
            mock.patch.object(people, "locked", return_value=read),
            mock.patch.object(going_on, "move", move_blindly),
        ):
            submit(run_id, *arguments, **options)
        gate()

    mock.patch.object(people, "submit", stale).start()


def insert_carelessly(opened: list[AutomationTaskModel]) -> None:
    """Write what is not there yet: a second task that follows the same one is no error."""
    tasks().bulk_create(opened, ignore_conflicts=True)


def move_blindly(
    context: TaskContext, state: TaskState, opened: Any = (), /, **changes: Any
) -> None:
    """Bring the task into ``state``, whatever it is in, and open what follows."""
    changes |= {"state": state, "finished": context.now, "due": None, "requires_interaction": False}
    rows: TaskQuerySet = tasks().filter(pk=context.task.pk)
    rows.update(**changes)
    vars(context.task).update(changes)
    insert_carelessly(opened)
    context.opened += opened


def within_the_join(gate: Gate) -> None:
    """
    Stop behind the form, and round the writing of a branch's end that waits for other branches.

    Each process takes the branch to the Join that it has brought there itself.
    """
    submit, due_tasks, move = people.submit, steps.due_tasks, going_on.move
    mine: list[int] = []

    def stopped(run_id: int, task_id: int, *arguments: Any, **options: Any) -> None:
        submit(run_id, task_id, *arguments, **options)
        mine[:] = [task_id]
        gate()

    def own_first(*arguments: Any) -> list[AutomationTaskModel]:
        return sorted(due_tasks(*arguments), key=lambda task: task.previous_id not in mine)

    def counted(context: TaskContext, state: TaskState, *opened: Any, **changes: Any) -> None:
        if state == TaskState.MERGED:
            gate()
        move(context, state, *opened, **changes)
        if state == TaskState.MERGED:
            gate()

    mock.patch.object(people, "submit", stopped).start()
    mock.patch.object(steps, "due_tasks", own_first).start()
    mock.patch.object(going_on, "move", counted).start()
