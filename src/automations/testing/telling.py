"""Where a run stands, in words: what every message of a failed test says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils import timezone

from automations import settings
from automations.engine.locking import runs, tasks
from automations.exceptions import AutomationError
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.tasks import TaskState

#: Of a longer path only the end is told.
LONGEST = 40


def row_of(run: Any) -> AutomationModel:
    """
    Return the row of ``run``, an automation or a row, as it is now.

    An automation that is given, and has no data that is still to be saved, is brought up to date.
    Raise `AssertionError` if the run has been deleted, `TypeError` if it is no run.
    """
    row = getattr(run, "_row", run)
    if row is None:
        raise AssertionError(f"This {type(run).__name__} has been killed: there is no such run.")
    if not isinstance(row, AutomationModel):
        raise TypeError(f"A run is an automation or its row, not {run!r}.")
    fresh = runs().filter(pk=row.pk).first()
    if fresh is None:
        raise AssertionError(f"There is no run {row.pk} of {row.automation_class} any more.")
    if row is not run and not run._data_differs():
        run._bind(fresh)
    return fresh


def name_of(row: AutomationModel) -> str:
    """Return the name of the class and the primary key: ``Signup 3``."""
    return f"{row.automation_class.rpartition('.')[2]} {row.pk}"


def path_of(row: AutomationModel) -> list[str]:
    """Return the nodes that the run has come to, in the order in which it did."""
    return list(tasks().filter(automation=row.pk).order_by("pk").values_list("status", flat=True))


def standing(row: AutomationModel) -> str:
    """Return, in several lines, how a run is, where it stands and how it got there."""
    lines = [f"{name_of(row)} is {row.state}."]
    own = tasks().filter(automation=row.pk).select_related("automation").order_by("pk")
    lines += [f"  {task.status}: {', '.join(waits_for(task))}" for task in own.open()]
    for task in own.filter(state=TaskState.FAILED):
        lines.append(f"  {task.status}: has failed with {task.message}")
    path = path_of(row)
    told = ["..."] * (len(path) > LONGEST) + path[-LONGEST:]
    return "\n".join([*lines, f"  So far: {', '.join(told)}"])


def waits_for(task: AutomationTaskModel) -> Iterator[str]:
    """Yield what an open task waits for."""
    if task.requires_interaction:
        yield f"waits for {asked(task)}"
        if task.taken_by_id:
            yield f"taken by {task.taken_by}"
    elif message := message_of(task):
        yield f"waits for the message {message!r}"
    if task.due is None:
        if not task.requires_interaction:
            yield "nothing moves it by itself"
    elif task.due > settings.now():
        yield f"looked at again {local(task.due)}"
    else:
        yield "looked at in every sweep"
    if task.tries:
        yield f"tried {task.tries} times, the last time in vain with {task.message}"


def asked(task: AutomationTaskModel) -> str:
    """Return who may do the task: all that is named must hold."""
    named = [
        f"{kind} {name!r}"
        for kind, name in (
            ("user", task.interaction_user_name),
            ("group", task.interaction_group_name),
            *(("permission", permission) for permission in task.interaction_permissions),
        )
        if name
    ]
    return " and ".join(named) or "nobody"


def message_of(task: AutomationTaskModel) -> str:
    """Return the name of the message that the task waits for; "" if it waits for none."""
    try:
        return task.automation.definition.node(task.status).message
    except AutomationError:
        return ""


def local(moment: datetime) -> str:
    """Return the moment in ``TIME_ZONE``."""
    return timezone.localtime(moment, timezone.get_default_timezone()).isoformat(" ", "seconds")
