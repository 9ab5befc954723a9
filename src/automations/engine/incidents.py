"""
What an operator does to a run: retry or skip what has failed, cancel, suspend, resume.

Each is one transaction under the lock of the run, and writes down who did it and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automations import payload, settings
from automations.engine.announcing import announce
from automations.engine.attention import stand_still, take_up_again
from automations.engine.bindings import follow_data
from automations.engine.context import TaskContext
from automations.engine.going_on import follow
from automations.engine.locking import act_on, runs, tasks
from automations.engine.notifying import going_on_with, notify
from automations.engine.people import Action, locked, record
from automations.engine.states import change_state, move
from automations.engine.transitions import revive
from automations.exceptions import AutomationFinished, AutomationNotFound, NodeNotFound, TaskClosed
from automations.models import AutomationModel
from automations.models.runs import RunState
from automations.models.tasks import TaskState
from automations.signals import run_finished

#: Nobody works on the run any more.
FREE: dict[str, Any] = {"due": None, "claimed_by": "", "claimed_until": None}


def retry(
    run_id: int,
    task_id: int,
    *,
    user: Any = None,
    reason: str = "",
    data: Mapping[str, Any] | None = None,
) -> None:
    """
    Take a failed task up again, as if it had never run; its run goes on.

    ``data`` are entries of the run's data to set before. Raise `TaskClosed` if the task has not
    failed, `InvalidData` if ``data`` is no JSON, `RunBusy` if the run does not become free.
    """
    with act_on(run_id):
        context = failed(run_id, task_id)
        changes = change_data(context, data or {})
        fresh = {"message": "", "traceback": "", "error": "", "tries": 0, "retry_at": None}
        move(context, TaskState.READY, due=context.now, result=None, **fresh)
        revive(context)
        record(Action.RETRY, context.run, user, task=context.task, reason=reason, changes=changes)


def skip(
    run_id: int, task_id: int, *, user: Any = None, reason: str = "", result: Any = None
) -> None:
    """
    Leave the work of a failed task undone; its run goes on behind it.

    ``result`` is kept as the result of the task. Raise `TaskClosed` if the task has not failed,
    `InvalidData` if ``result`` is no JSON, `RunBusy` if the run does not become free.
    """
    with act_on(run_id):
        context = failed(run_id, task_id)
        context.load()
        kept = payload.clean(result, "The result")
        follow(context, TaskState.SKIPPED, message="skipped by a person", result=kept)
        revive(context)
        changes = {} if kept is None else {"result": kept}
        record(Action.SKIP, context.run, user, task=context.task, reason=reason, changes=changes)


def cancel(run_id: int, *, user: Any = None, reason: str = "") -> None:
    """
    End a run that has not ended, whether it goes on, stands still or has failed.

    Its open and failed tasks are cancelled. Raise `AutomationFinished` if it has ended, `RunBusy`
    if it does not become free.
    """
    with act_on(run_id):
        run, found = locked(run_id)
        if run.state in (RunState.FINISHED, RunState.CANCELLED):
            raise AutomationFinished(f"Run {run_id} is {run.state} and cannot be cancelled.")
        now = settings.now()
        stopped = tasks().filter(automation=run, state=TaskState.FAILED)
        for task in (*found, *stopped):
            message = task.message if task.state == TaskState.FAILED else "cancelled by a person"
            change_state(task, TaskState.CANCELLED, now, message=message)
        changes = {"state": RunState.CANCELLED, "finished": True, "ended": now, "updated": now}
        runs().filter(pk=run.pk).update(**changes, **FREE, unique_key=None)
        run.state = RunState.CANCELLED
        record(Action.CANCEL, run, user, reason=reason)
        announce(run_finished, run)


def suspend(run_id: int, *, user: Any = None, reason: str = "") -> None:
    """
    Let a running run stand still: nothing is executed, no form is offered, until it is resumed.

    Raise `AutomationFinished` if it is not running, `RunBusy` if it does not become free.
    """
    with act_on(run_id):
        run, found = locked(run_id)
        refuse_unless(run, RunState.RUNNING, "suspended")
        stand_still(run, found)
        changes = {"state": RunState.SUSPENDED, "updated": settings.now()}
        runs().filter(pk=run.pk).update(**changes, **FREE)
        record(Action.SUSPEND, run, user, reason=reason)


def resume(run_id: int, *, user: Any = None, reason: str = "") -> None:
    """
    Let a suspended run go on: every open task works its wait out anew, from when it was opened.

    Raise `AutomationFinished` if it is not suspended, `RunBusy` if it does not become free.
    """
    with act_on(run_id):
        run, found = locked(run_id)
        refuse_unless(run, RunState.SUSPENDED, "resumed")
        now = settings.now()
        take_up_again(found, now)
        due = now if found else None
        runs().filter(pk=run.pk).update(state=RunState.RUNNING, updated=now, due=due)
        notify(run.pk, due, now)
        record(Action.RESUME, run, user, reason=reason)


def heal() -> list[int]:
    """
    Retry what has failed only because the code did not know its class or its node, and does now.

    Return the primary keys of the runs that go on: with the sweep that has called this.
    """
    lost = [f"{error.__module__}.{error.__name__}" for error in (AutomationNotFound, NodeNotFound)]
    found = tasks().filter(
        state=TaskState.FAILED, error__in=lost, automation__state=RunState.FAILED
    )
    healed = []
    for task in found.select_related("automation").order_by("pk"):
        try:
            task.automation.definition.node(task.status)
            with going_on_with(task.automation_id):
                retry(task.automation_id, task.pk, reason="The code knows it again.")
        except (AutomationNotFound, NodeNotFound, TaskClosed):
            continue
        healed.append(task.automation_id)
    return healed


def failed(run_id: int, task_id: int) -> TaskContext:
    """Return the context of a failed task, under the lock. Raise `TaskClosed` if it is none."""
    run, others = locked(run_id)
    task = tasks().filter(pk=task_id, automation=run, state=TaskState.FAILED).first()
    if task is None or run.state != RunState.FAILED:
        raise TaskClosed(f"Task {task_id} has not failed, or has been taken care of already.")
    return TaskContext(task, run, settings.now(), others)


def change_data(context: TaskContext, entries: Mapping[str, Any]) -> dict[str, Any]:
    """Set entries of the run's data; return what has changed, by key: before and after."""
    run = context.run
    fresh = payload.clean(dict(entries))
    changed = {
        key: [run.data.get(key), value]
        for key, value in fresh.items()
        if key not in run.data or run.data[key] != value
    }
    if not changed:
        return {}
    run.data.update(fresh)
    follow_data(context)
    runs().filter(pk=run.pk).update(data=run.data, version=run.version + 1)
    return {"data": changed}


def refuse_unless(run: AutomationModel, state: RunState, what: str) -> None:
    """Raise `AutomationFinished` unless the run is in ``state``."""
    if run.state != state:
        raise AutomationFinished(f"Run {run.pk} is {run.state} and cannot be {what}.")
