"""
What the handle on a run does with the engine: begin, save, run, end.

It is imported with the first handle, not with the classes of a project.
"""

from __future__ import annotations

import json
from typing import Any

from automations import payload
from automations.bound_objects import as_data
from automations.definition.node import Node
from automations.definition.process import ProcessDefinition
from automations.dispatch.claims import new_claim
from automations.dispatch.inline import run_now
from automations.engine import starting
from automations.engine.locking import runs, tasks
from automations.engine.notifying import going_on_with
from automations.engine.steps import at_work
from automations.exceptions import AutomationFinished, RunBusy, WrongAutomation
from automations.models import AutomationModel


def row_of(
    definition: ProcessDefinition, given: AutomationModel | str | None, run_id: int | None
) -> AutomationModel:
    """
    Return the row that is given, or that has the key ``given``, or the primary key ``run_id``.

    Raise `WrongAutomation` for a run of another process.
    """
    if isinstance(given, AutomationModel):
        row = given
    elif given is not None:
        row = runs().get(key=given)
    else:
        row = runs().get(pk=run_id or 0)
    if row.automation_class not in definition.labels:
        raise WrongAutomation(
            f"Run {row.pk} belongs to {row.automation_class}, not to {definition.label}."
        )
    return row


def start(handle: Any, data: dict[str, Any], *, autorun: bool, at: str | None) -> None:
    """Start a run, or find the one that ``unique`` allows none beside, and bind the handle."""
    claim = new_claim() if autorun else ""
    row, is_new = starting.start(
        handle._meta,
        as_data(handle._meta, data),
        unique=handle._unique_names(data),
        claim=claim,
        at=at,
    )
    handle._bind(row)
    handle._is_new = is_new
    if is_new and autorun:
        handle._refresh(run_now(row.pk, claim=claim).row)


def save(handle: Any) -> None:
    """Save what the handle has changed in ``data``. Raise `RunBusy` in the middle of a step."""
    row = handle._db
    if at_work(row.pk) and not row.in_step:
        raise RunBusy(
            f"Run {row.pk} is in the middle of a step, which would overwrite what is saved "
            f"here. Change the data that the step works with, or save on commit."
        )
    fresh = starting.save_data(row.pk, json.loads(handle._before), row.data)
    row.data.clear()
    row.data.update(fresh)
    handle._before = payload.snapshot(fresh)


def run(handle: Any) -> Node | None:
    """Run what is due; return the node that the run has stopped at, None when it has ended."""
    if handle.finished():
        raise AutomationFinished(
            f"{handle.get_automation_name()} {handle._db.pk} is {handle._db.state} and cannot be "
            f"run."
        )
    if handle._data_differs():
        with going_on_with(handle.id):
            handle.save()
    run_now(handle.id)
    handle._refresh()
    first = tasks().open().filter(automation=handle.id).order_by("pk").first()
    if first is None or handle._db.finished:
        return None
    node: Node = handle._meta.node(first.status).ready(handle)
    return node


def is_over(row: AutomationModel) -> bool:
    """Return whether the run has ended or is gone; the row then says how it stands."""
    state = runs().filter(pk=row.pk).values_list("finished", "state").first()
    if state is None:
        return True
    row.finished, row.state = state
    return row.finished


def kill(handle: Any) -> None:
    """Delete the run with its whole history; the handle has none any more."""
    starting.kill(handle.id)
    handle._row = None
