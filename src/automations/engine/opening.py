"""
The tasks that a run opens, as objects that are not written yet.

Django asks every field of a new object for its default and works out what each relation allows,
which takes longer than the database needs for the row. Here that is done once for all; each object
is given what is its own.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from automations.models import AutomationModel, AutomationTaskModel

#: What is given to each task; all else is as its field has it at first.
GIVEN = ("automation_id", "previous_id", "fork_id", "status", "created", "due")


def open_task(
    run: AutomationModel,
    node: str,
    now: datetime,
    previous: AutomationTaskModel | None = None,
    fork_id: int | None = None,
) -> AutomationTaskModel:
    """Return a new task of ``run`` at ``node``, due at once; ``previous`` is the one it follows."""
    usual, makers, places = columns()
    values = list(usual)
    for at, make in makers:
        values[at] = make()
    given = (run.pk, previous.pk if previous else None, fork_id, node, now, now)
    for at, value in zip(places, given, strict=True):
        values[at] = value
    task = AutomationTaskModel(*values)
    task._state.fields_cache["automation"] = run
    if previous:
        task._state.fields_cache["previous"] = previous
    return task


@cache
def columns() -> tuple[list[Any], list[tuple[int, Callable[[], Any]]], list[int]]:
    """
    Return what a new task has in each column, as its fields say.

    Then what makes the value of a column, and which, where each task has one of its own (a list);
    and which columns `GIVEN` are.
    """
    fields: list[Any] = list(AutomationTaskModel._meta.concrete_fields)
    names = [field.attname for field in fields]
    makers = {
        at: field.get_default
        for at, field in enumerate(fields)
        if field.attname not in GIVEN and callable(field.default)
    }
    usual = [None if at in makers else field.get_default() for at, field in enumerate(fields)]
    return usual, list(makers.items()), [names.index(name) for name in GIVEN]
