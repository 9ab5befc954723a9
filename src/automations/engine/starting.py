"""How a run comes into being and goes away, and how its data is saved from outside a step."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError
from django.db.models import F

from automations import payload, settings
from automations.definition.process import ProcessDefinition
from automations.definition.validation import refuse_if_flawed
from automations.engine.locking import (
    act_on,
    alias,
    atomic,
    from_now,
    in_transaction,
    lock_run,
    runs,
    tasks,
)
from automations.engine.run_row import write_due
from automations.engine.transitions import wake
from automations.exceptions import AutomationFinished
from automations.models import AutomationModel, AutomationTaskModel


def start(
    definition: ProcessDefinition,
    data: Mapping[str, Any],
    *,
    unique: bool | Iterable[str] = False,
    claim: str = "",
    at: str | None = None,
) -> tuple[AutomationModel, bool]:
    """
    Make a run and its first task in one transaction; execute nothing.

    With ``unique`` (true, or the names in ``data`` that count), return the run that is there
    already instead of a second one. ``claim`` is put on the new run, so that no sweep takes what
    the caller is about to run. Return the row and whether it is new. Raise `DefinitionError` if
    the process is flawed and `InvalidData` if ``data`` cannot be kept as JSON.
    """
    refuse_if_flawed(definition)
    kept = payload.clean(dict(data))
    unique_key = make_unique_key(definition.label, kept, unique)
    claim = "" if in_transaction() else claim
    tries = 3 if unique_key else 1  # the one that is there may end before it is read
    while True:
        tries -= 1
        try:
            with atomic():
                return _insert(definition, kept, unique_key, claim, at), True
        except IntegrityError:
            same = runs().filter(automation_class=definition.label, unique_key=unique_key)
            if unique_key and (found := same.first()):
                return found, False
            if not tries:
                raise


def _insert(
    definition: ProcessDefinition,
    data: dict[str, Any],
    unique_key: str | None,
    claim: str,
    at: str | None,
) -> AutomationModel:
    now = settings.now()
    run = AutomationModel(
        automation_class=definition.label,
        data=data,
        unique_key=unique_key,
        due=now,
        created=now,
        updated=now,
    )
    if claim:
        run.claimed_by = claim
        run.claimed_until = from_now(settings.seconds("ATM_CLAIM"))
    run.save(using=alias(), force_insert=True)
    run.claimed_until = None  # was an expression; nobody reads it from here
    node = definition.node(at) if at else definition.start
    AutomationTaskModel(automation=run, status=node.name, created=now, due=now).save(
        using=alias(), force_insert=True
    )
    return run


def make_unique_key(
    label: str, data: Mapping[str, Any], unique: bool | Iterable[str]
) -> str | None:
    """Return what only one running run of the automation may have; None if any number may run."""
    if not unique:
        return None
    names = [] if unique is True else list(unique)
    counted = json.dumps([label, {name: data[name] for name in names}], sort_keys=True)
    return hashlib.sha256(counted.encode()).hexdigest()


def kill(run_id: int) -> None:
    """Delete the run with its whole history, in one transaction, once nobody works on it."""
    with act_on(run_id):
        if lock_run(run_id, wait=True):
            tasks().filter(automation=run_id).update(fork=None, previous=None)
            runs().filter(pk=run_id).delete()


def save_data(run_id: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """
    Save what has changed from ``before`` to ``after``, key by key, and return the whole.

    What somebody else has changed in other keys meanwhile stays. Conditions of the run are
    looked at again. Raise `InvalidData` if something cannot be kept as JSON, and
    `AutomationFinished` if there is no such run any more.
    """
    after = payload.clean(after)
    with act_on(run_id):
        run = lock_run(run_id, wait=True)
        if run is None:
            raise AutomationFinished(f"There is no run {run_id} any more; its data is not saved.")
        fresh: dict[str, Any] = dict(run.data)
        payload.patch(fresh, before, after)
        if fresh != run.data:
            now = settings.now()
            runs().filter(pk=run_id).update(data=fresh, version=F("version") + 1, updated=now)
            if settings.get("ATM_POLL"):
                wake(run, now)
                write_due(run_id)
    return fresh
