"""What a person does to a task: complete its form. And the record of what people do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.contrib.auth import get_user_model

from automations import settings
from automations.engine.attention import wake
from automations.engine.context import TaskContext
from automations.engine.locking import act_on, alias
from automations.engine.reading import lock_with_tasks
from automations.engine.run_row import settle
from automations.engine.steps import claim_columns, working_on
from automations.engine.transitions import apply
from automations.exceptions import NotAllowed, TaskClosed, TaskTaken
from automations.models import (
    AutomationAuditModel,
    AutomationDraftModel,
    AutomationModel,
    AutomationTaskModel,
)
from automations.nodes.interactions import AnyForm

Action = AutomationAuditModel.Action


def submit(run_id: int, task_id: int, form: AnyForm, user: Any, *, claim: str = "") -> None:
    """
    Complete the task with the valid ``form`` that ``user`` has sent, in one transaction.

    The user is read afresh under the lock of the run. Raise `TaskClosed` if the task does not
    wait for a person any more, `NotAllowed` if it is not for this one, `TaskTaken` if another has
    taken it, `InvalidData` if what was
    entered cannot be kept, and `RunBusy` if the run does not become free in
    ``ATM_LOCK_TIMEOUT`` seconds, the database is in trouble, or what the form does sends a message
    to this very run. Nothing is written then.
    """
    with act_on(run_id), working_on(run_id):
        run, task, others = offered(run_id, task_id)
        person = entitled(task, user)
        refuse_if_taken(task, {person.pk})
        context = TaskContext(task, run, settings.now(), others)
        context.load()
        apply(context.node.complete(context, form, person), context)
        if context.data_changed and not context.changes.get("finished"):
            wake(context, context.others)
        settle(context, claim_columns(run, claim, keep=True))
        record(Action.COMPLETE, run, person, task=task)
        # What anybody has kept for the task is of no use any more.
        AutomationDraftModel.objects.using(alias()).filter(task=task).delete()


def record(
    action: str,
    run: AutomationModel,
    user: Any,
    *,
    task: AutomationTaskModel | None = None,
    reason: str = "",
    changes: Mapping[str, Any] | None = None,
) -> None:
    """Write down, in the transaction of the act, who did what, and what it changed."""
    AutomationAuditModel.objects.using(alias()).create(
        automation=run,
        task=task,
        user=user,
        user_name=str(user)[:255] if user else "",
        action=action,
        reason=reason,
        changes=dict(changes or {}),
        time=settings.now(),
    )


def offered(
    run_id: int, task_id: int
) -> tuple[AutomationModel, AutomationTaskModel, list[AutomationTaskModel]]:
    """Return the run, locked, its task, which waits for a person, and its other open tasks."""
    run, found = locked(run_id)
    task = next((task for task in found if task.pk == task_id), None)
    if task is None or not task.is_offered:
        raise TaskClosed(f"Task {task_id} does not wait for anybody any more.")
    return run, task, [other for other in found if other is not task]


def entitled(task: AutomationTaskModel, user: Any) -> Any:
    """Return the user, read afresh, if the task is for him or her; else raise `NotAllowed`."""
    person = get_user_model()._default_manager.using(alias()).filter(pk=user.pk).first()
    if person is None or not task.may_be_done_by(person):
        raise NotAllowed(f"{user} may not complete task {task.pk} ({task.status}).")
    return person


def refuse_if_taken(task: AutomationTaskModel, but_by: Collection[Any]) -> None:
    """Raise `TaskTaken` if somebody has taken the task who is none of these primary keys."""
    if task.taken_by_id is not None and task.taken_by_id not in but_by:
        raise TaskTaken(f"{task.taken_by} has taken task {task.pk}.", task.taken_by)


def locked(run_id: int) -> tuple[AutomationModel, list[AutomationTaskModel]]:
    """Return the run, locked, and its open tasks. Raise `TaskClosed` if there is no such run."""
    run, found = lock_with_tasks(run_id, wait=True)
    if run is None:
        raise TaskClosed(f"There is no run {run_id} any more.")
    return run, found
