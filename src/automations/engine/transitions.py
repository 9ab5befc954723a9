"""
What an outcome does to the rows: one arm for each, the only writer of task rows.

Everything here runs inside the transaction of a step, under the lock of the run.
"""

from __future__ import annotations

from typing import Any

from automations import payload
from automations.engine.announcing import announce
from automations.engine.attention import claim_look, next_look, stand_still, stay, take_up_again
from automations.engine.context import TaskContext
from automations.engine.failures import class_of, describe, report, tidy
from automations.engine.going_on import finish, follow, fork, merge
from automations.engine.locking import alias, messages, runs, tasks
from automations.engine.noticing import note_assigned
from automations.engine.notifying import notify
from automations.engine.run_row import end_run
from automations.engine.states import UNCLAIMED, move
from automations.engine.witnesses import tell_failed
from automations.exceptions import DefinitionError, InvalidData
from automations.models import AutomationTaskModel
from automations.models.offers import Asked, offer_for
from automations.models.runs import RunState
from automations.models.tasks import TaskState
from automations.outcomes import (
    Again,
    Ask,
    Complete,
    Fail,
    Finish,
    Fork,
    Listen,
    Merge,
    Outcome,
    Outside,
    Postpone,
    Send,
    Skip,
)
from automations.signals import run_failed


def apply(outcome: Outcome, context: TaskContext, error: BaseException | None = None) -> None:
    """
    Write down ``outcome``; ``error`` is what the node has recovered from, if it has.

    The row of the run is written by `settle`, last of all.
    """
    kept: dict[str, Any] = {"traceback": report(error)} if error else {}
    match outcome:
        case Complete():
            context.run.data.update(outcome.data or {})
            kept |= as_result(outcome)
            follow(context, TaskState.COMPLETED, outcome.to, **kept)
        case Skip():
            message = tidy(outcome.message)
            follow(context, TaskState.SKIPPED, outcome.to, message=message, **kept)
        case Postpone():
            postpone(context, outcome)
        case Again():
            try_again(context, outcome)
        case Ask():
            ask(context, outcome)
        case Listen():
            listen(context, outcome)
        case Outside():
            set_aside(context, outcome)
        case Send():
            post(context, outcome)
        case Fork():
            fork(context, outcome)
        case Merge():
            merge(context)
        case Finish():
            finish(context, outcome)
        case Fail():
            fail(context, outcome.error)
        case _:
            raise DefinitionError(
                f"Node {context.task.status!r} of {context.run.automation_class} answered "
                f"{outcome!r}, which is no outcome. Return one of automations.outcomes."
            )


def as_result(outcome: Complete) -> dict[str, Any]:
    """Return the columns that keep the result; the message says if it cannot be kept."""
    try:
        result, message = payload.clean(outcome.result, "The result"), outcome.message
    except InvalidData as error:
        result, message = None, f"{outcome.message}; not kept: {error}"
    return {"result": result, "message": tidy(message)}


def postpone(context: TaskContext, outcome: Postpone) -> None:
    """Note when to look at the task again; write nothing if that is noted already."""
    due = outcome.until
    if outcome.poll or due is None:
        due = next_look(context.now, outcome.until, context.task.due)
    stay(context.task, due, outcome.reminded)


def try_again(context: TaskContext, outcome: Again) -> None:
    """Keep the error, and note when the work is tried again."""
    task = context.task
    changes: dict[str, Any] = {
        "due": outcome.until,
        "retry_at": outcome.until,
        "tries": task.tries + 1,
        "attempts": 0,
        "message": describe(outcome.error),
        "traceback": report(outcome.error),
        "error": class_of(outcome.error),
        **UNCLAIMED,
    }
    tasks().filter(pk=task.pk).update(**changes)
    vars(task).update(changes)


def ask(context: TaskContext, outcome: Ask) -> None:
    """Offer the task to people; a task that is offered already only gets its next look."""
    offered_before = context.task.state == TaskState.WAITING
    permissions = list(outcome.permissions)
    asked = Asked(
        context.run.automation_class,
        context.task.status,
        outcome.user is not None,
        outcome.group is not None,
        permissions,
    )
    wait(
        context,
        outcome,
        requires_interaction=True,
        interaction_user_id=outcome.user,
        interaction_user_name=_name_of(AutomationTaskModel, "interaction_user", outcome.user),
        interaction_group_id=outcome.group,
        interaction_group_name=_name_of(AutomationTaskModel, "interaction_group", outcome.group),
        interaction_permissions=permissions,
        offer=offer_for(asked),
        due_date=outcome.due_date,
    )
    if not offered_before:
        note_assigned(context.task, context.now)


def wait(context: TaskContext, outcome: Ask | Listen, **changes: Any) -> None:
    """Let the task wait for somebody; one that waits already only gets its next look."""
    task = context.task
    due = next_look(context.now, outcome.until, task.due) if outcome.poll else outcome.until
    if task.state == TaskState.WAITING:
        stay(task, due, outcome.reminded)
        return
    if outcome.reminded is not None:
        changes["reminders"] = list(outcome.reminded)
    move(context, TaskState.WAITING, due=due, **changes)


def listen(context: TaskContext, outcome: Listen) -> None:
    """Take the oldest message that is kept, and let the node say what comes of it; else wait."""
    kept = context.kept_message(outcome.message)
    if kept is None:
        wait(context, outcome)
        return
    messages().filter(pk=kept.pk).update(taken=context.now, task=context.task)
    apply(context.node.received(context, kept.token, kept.data), context)


def set_aside(context: TaskContext, outcome: Outside) -> None:
    """
    Let the task wait for work outside of the transaction, unless somebody is doing it.

    Then it is looked at again when that claim may have expired.
    """
    task = context.task
    if context.is_claimed():
        due = claim_look(context.now)
    else:
        due = context.now
        context.outside = outcome
    changes: dict[str, Any] = {"due": min(due, outcome.until) if outcome.until else due}
    if outcome.reminded is not None:
        changes["reminders"] = list(outcome.reminded)
    if task.state != TaskState.WAITING:
        move(context, TaskState.WAITING, **changes)
    elif any(getattr(task, name) != value for name, value in changes.items()):
        tasks().filter(pk=task.pk).update(**changes)
        vars(task).update(changes)


def post(context: TaskContext, outcome: Send) -> None:
    """Put the message into the task's own row: it is delivered once this is committed."""
    outbox = payload.clean(
        {
            "message": outcome.message,
            "token": outcome.token,
            "data": outcome.data,
            "automation": outcome.automation,
            "run": outcome.run,
            "everyone": outcome.everyone,
        },
        "The message",
    )
    move(context, TaskState.WAITING, due=context.now, outbox=outbox)


def _name_of(model: Any, column: str, key: Any) -> str:
    if key is None:
        return ""
    related = model._meta.get_field(column).related_model
    return str(related._default_manager.using(alias()).get(pk=key))[:255]


def fail(context: TaskContext, error: BaseException) -> None:
    """Keep the error and stop the run; its other open tasks stand still."""
    move(
        context,
        TaskState.FAILED,
        message=describe(error),
        traceback=report(error),
        error=class_of(error),
        result=None,
    )
    stand_still(context.run, context.others)
    end_run(context, RunState.FAILED)
    announce(run_failed, context.run, context.task)
    tell_failed(context.task, error)


def revive(context: TaskContext) -> None:
    """
    Let a failed run go on: every open task is looked at anew.

    A task that waits works its wait out again, counted from when it was opened.
    """
    take_up_again(context.others, context.now)
    runs().filter(pk=context.run.pk, state=RunState.FAILED).update(
        state=RunState.RUNNING, finished=False, ended=None, updated=context.now, due=context.now
    )
    notify(context.run.pk, context.now, context.now)
