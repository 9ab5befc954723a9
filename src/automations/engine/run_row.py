"""The writer of the row of a run that exists: its data, when it is due, its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from automations import payload, settings
from automations.engine.bindings import follow_data
from automations.engine.context import RunContext
from automations.engine.locking import runs, tasks
from automations.engine.notifying import notify
from automations.engine.statements import is_expression, update_run
from automations.engine.witnesses import tell_settled
from automations.exceptions import TransitionNotAllowed
from automations.models.runs import RunState


def end_run(context: RunContext, state: RunState) -> None:
    """Note that the run has ended; `settle` writes it."""
    context.changes |= {
        "state": state,
        "finished": True,
        "ended": context.now,
        "claimed_by": "",
        "claimed_until": None,
    }
    if state != RunState.FAILED:
        context.changes["unique_key"] = None


def settle(context: RunContext, claim: dict[str, Any], *, stays_due: bool = False) -> None:
    """
    Write the row of the run: its data if changed, when it is due next, and its end.

    ``claim`` are the columns of the claim to set. With ``stays_due`` what is noted is left as it
    is: a run that is due since an earlier time is found just as well. Nothing is written if nothing
    has changed. How a run ends that ends with others is kept until that of all is written.
    """
    tell_settled(context)
    run, changes = context.run, context.changes | claim
    new_data = context.data_changed
    if new_data:
        run.data = payload.clean(run.data)
        follow_data(context)
        changes["data"] = run.data
    due = run.due
    if not stays_due:
        due = None if changes.get("finished") else earliest_due(context)
    if due != run.due:
        changes["due"] = due
    if not changes:
        return
    changes["updated"] = context.now
    if context.ending is not None and context.together is not None:
        # The data has not changed: else it is written at once.
        context.together.keep(replace(context.ending, run=run.pk, about_run=changes))
    elif not update_run(run.pk, changes, new_data=new_data):
        raise TransitionNotAllowed(f"Run {run.pk} has ended and cannot be changed.")
    run.version += new_data
    vars(run).update({name: value for name, value in changes.items() if not is_expression(value)})
    notify(run.pk, due, context.now, fresh="due" in changes)


def earliest_due(context: RunContext) -> datetime | None:
    """Return when the engine has to look at the run next."""
    dues = [task.due for task in (*context.open_tasks, *context.opened) if task.due]
    return min(dues, default=None)


def write_due(run_id: int) -> None:
    """Work out anew, under the lock, when the run is due."""
    dues = tasks().open().filter(automation=run_id, due__isnull=False).order_by("due")
    due = dues.values_list("due", flat=True).first()
    runs().filter(pk=run_id, state=RunState.RUNNING).update(due=due)
    notify(run_id, due, settings.now())
