"""
What is done when a trigger fires: a run is made and executed on commit, or some look again.

It is imported when the first one fires, not with the classes of a project.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from django.db import connections, transaction
from django.db.models import Model

from automations.dispatch.inline import run_all
from automations.engine.bindings import label_of
from automations.engine.locking import alias, atomic, runs
from automations.engine.notifying import going_on_with
from automations.engine.starting import look_anew
from automations.models.runs import RunState

logger = logging.getLogger("automations")


def start_run(
    owner: Any,
    start: str | None,
    sender: Any,
    data: dict[str, Any],
    bound: dict[str, Any] | None = None,
) -> None:
    """Make a run and execute it on commit; make it then too if the sender has another database."""
    using = data.get("using")
    source = using if isinstance(using, str) and using in connections else alias()
    make = partial(make_run, owner, start, sender, data, bound or {})
    if source == alias():
        make()
    else:
        transaction.on_commit(make, using=source, robust=True)


def make_run(
    owner: Any, start: str | None, sender: Any, data: dict[str, Any], bound: dict[str, Any]
) -> None:
    """Make the run, let it take what was sent, and have it executed on commit."""
    with atomic():
        with going_on_with(None):
            run = owner(autorun=False, _at=start, **bound)
        hook = getattr(run, "started_by_signal", None)
        if callable(hook):
            hook(sender, data)
            if not run.killed():
                with going_on_with(run.id):
                    run.save()
        if not run.killed():
            transaction.on_commit(partial(run_all, [run.id]), using=alias(), robust=True)


def look_at_runs_of(models: list[type[Model]], key: str) -> None:
    """
    Let the engine look at the conditions and times of the running runs bound to the object.

    One that cannot be told keeps no other from it: its times are asked again when they come.
    """
    found = runs().filter(
        bound_objects__model__in={label_of(model) for model in models},
        bound_objects__object_key=key,
        state=RunState.RUNNING,
    )
    for run_id in found.order_by("pk").distinct().values_list("pk", flat=True):
        try:
            look_anew(run_id)
        except Exception:
            logger.exception("Run %s could not be told that an object was saved", run_id)
