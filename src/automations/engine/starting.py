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
from automations.engine.announcing import announce
from automations.engine.attention import wake
from automations.engine.bindings import bind, bindings, follow_data
from automations.engine.context import RunContext
from automations.engine.locking import (
    act_on,
    alias,
    atomic,
    from_now,
    in_transaction,
    lock_run,
    runs,
)
from automations.engine.notifying import notify
from automations.engine.opening import open_task
from automations.engine.reading import lock_with_tasks
from automations.engine.retention import delete_runs
from automations.engine.run_row import settle
from automations.engine.statements import insert_tasks
from automations.exceptions import AutomationFinished, AutomationNotFound
from automations.models import AutomationModel
from automations.models.runs import RunState
from automations.signals import run_started


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
    if unique_key and (found := _under_former_name(definition, kept, unique)):
        return found, False
    unattended = not claim
    claim = "" if in_transaction() else claim
    tries = 3 if unique_key else 1  # the one that is there may end before it is read
    while True:
        tries -= 1
        try:
            with atomic():
                run = _insert(definition, kept, unique_key, claim, at)
                if unattended:
                    notify(None, run.due, run.created)
                return run, True
        except IntegrityError:
            same = runs().filter(automation_class=definition.label, unique_key=unique_key)
            if unique_key and (found := same.first()):
                return found, False
            if not tries:
                raise


def _under_former_name(
    definition: ProcessDefinition, data: Mapping[str, Any], unique: bool | Iterable[str]
) -> AutomationModel | None:
    """Return the run that is there already, begun when the class had another name."""
    for label in definition.options.former_names:
        unique_key = make_unique_key(label, data, unique)
        same = runs().filter(automation_class=label, unique_key=unique_key)
        if found := same.first():
            return found
    return None


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
    insert_tasks([open_task(run, node.name, now)])
    bind(run, bindings(definition, data))
    announce(run_started, run)
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
            delete_runs([run_id])


def save_data(run_id: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """
    Save what has changed from ``before`` to ``after``, key by key, and return the whole.

    What somebody else has changed in other keys meanwhile stays. Conditions of the run are
    looked at again. Raise `InvalidData` if something cannot be kept as JSON, and
    `AutomationFinished` if there is no such run any more.
    """
    after = payload.clean(after)
    with act_on(run_id):
        run, found = lock_with_tasks(run_id, wait=True)
        if run is None:
            raise AutomationFinished(f"There is no run {run_id} any more; its data is not saved.")
        context = RunContext(run, settings.now(), found)
        payload.patch(run.data, before, after)
        if context.data_changed and run.finished:
            data, now = payload.clean(run.data), context.now
            follow_data(context)
            runs().filter(pk=run_id).update(data=data, version=F("version") + 1, updated=now)
        elif context.data_changed:
            look_again(context)
            settle(context, {})
    fresh: dict[str, Any] = run.data
    return fresh


def look_anew(run_id: int) -> None:
    """Let the run's open tasks be looked at, in a transaction of its own; see `look_again`."""
    with act_on(run_id):
        run, found = lock_with_tasks(run_id, wait=True)
        if run is not None and not run.finished:
            context = RunContext(run, settings.now(), found)
            look_again(context)
            # Also if nothing else is written: who has looked before, without a lock, sees it.
            settle(context, {"updated": context.now})


def look_again(context: RunContext) -> None:
    """Let the run's open tasks be looked at, for what they wait for may have changed."""
    if context.run.state != RunState.RUNNING:
        return
    try:
        context.load()
    except AutomationNotFound:
        return
    wake(context, context.others)
