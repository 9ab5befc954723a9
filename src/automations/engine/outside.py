"""
Work outside of a step's transaction: taken with a claim, done without a lock, recorded if it may.

The task waits meanwhile, and other branches of the run go on. Whoever does the work has a claim
on the task, by the database's own time, and renews it. If the worker does not come back, somebody
else takes the task up once the claim has expired; what the first one records after that is
refused. So the work is done at least once, with one key, and its result is kept exactly once.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import F

from automations import payload, settings
from automations.engine.attempts import Known, attempt
from automations.engine.attention import claim_look, delay, stand_still
from automations.engine.bindings import follow_data
from automations.engine.charging import WorkerLost
from automations.engine.context import TaskContext, neutral
from automations.engine.escapes import contained
from automations.engine.failures import tidy
from automations.engine.locking import (
    atomic,
    from_now,
    in_own_turn,
    runs,
    tasks,
)
from automations.engine.reading import lock_with_tasks
from automations.engine.run_row import settle, write_due
from automations.engine.states import UNCLAIMED
from automations.engine.steps import Step, attended, close
from automations.engine.transitions import apply
from automations.engine.trouble import is_transient
from automations.models.runs import RunState
from automations.models.tasks import TaskState
from automations.outcomes import Fail, Outcome

logger = logging.getLogger("automations")


def take(
    run_id: int,
    task_id: int,
    claim: str,
    now: datetime | None = None,
    alone: Callable[[], bool] = lambda: True,
) -> TaskContext | None:
    """
    Put ``claim`` on the task, in one transaction; return what its work is done with.

    None if the work is not to be done now: it is done, somebody does it, the run stands still.
    A task whose worker has not come back ``ATM_ATTEMPTS`` times becomes an incident;
    before its last try ``alone`` is asked whether it may be made now.
    """
    now = now or settings.now()
    with atomic():
        run, found = lock_with_tasks(run_id, wait=False)
        if run is None or run.state != RunState.RUNNING:
            return None
        task = next((task for task in found if task.pk == task_id), None)
        if task is None or task.state != TaskState.WAITING:
            return None
        context = TaskContext(task, run, now, [other for other in found if other is not task])
        if context.is_claimed():
            return None
        attempts = task.attempts + 1 if task.claimed_by else 0
        if attempts >= settings.get("ATM_ATTEMPTS"):
            lose(context, attempts)
            return None
        if attempts and attempts + 1 >= settings.get("ATM_ATTEMPTS") and not alone():
            return None
        context.load()
        changes = {
            "claimed_by": claim,
            "attempts": attempts,
            "due": claim_look(now),
            "progress": None,
        }
        until = from_now(settings.seconds("ATM_CLAIM"))
        tasks().filter(pk=task_id).update(**changes, claimed_until=until)
        vars(task).update(changes)
        write_due(run_id)
    run.in_step = False  # what the work saves by itself is saved at once
    return context


def lose(context: TaskContext, attempts: int) -> None:
    """Make an incident of a task whose worker has not come back so often."""
    error = WorkerLost(
        f"The worker did not come back from this task {attempts} times. Find out what it does to "
        f"its process, then retry or skip it."
    )
    apply(Fail(error), context)
    settle(context, {})
    task = context.task
    logger.error("Task %s (%s) of run %s: %s", task.pk, task.status, context.run.pk, error)


def do(context: TaskContext) -> Outcome:
    """Do the work, in the project's own time zone and language; return or raise what comes."""
    with neutral():
        return contained(lambda: context.node.work(context))


def renew(task_id: int, claim: str, progress: float | None = None, message: str = "") -> bool:
    """Let ``claim`` expire a whole claim from now; return whether the task is still claimed so."""
    changes: dict[str, Any] = {"claimed_until": from_now(settings.seconds("ATM_CLAIM"))}
    if progress is not None:
        changes["progress"] = progress
    if message:
        changes["message"] = tidy(message)
    claimed = tasks().filter(pk=task_id, claimed_by=claim)
    return bool(in_own_turn(partial(claimed.update, **changes)))


def record(done: TaskContext, came: Outcome | Exception, now: datetime | None = None) -> Step:
    """
    Write down what the work has come to, in one transaction, if its claim is still on the task.

    ``done`` is what `take` gave, ``came`` what the work has returned or raised. What it has changed
    in ``data`` is changed key by key; if it has raised, nothing of that is kept, and the node says
    what now. Trouble with the
    database is no error of the work: it is done again a little later. Raise `RunBusy` if the
    run does not become free in ``ATM_LOCK_TIMEOUT`` seconds.
    """
    now = now or settings.now()
    return attended(done.run.pk, lambda known: _record(done, came, now, known), now, [])


def _record(done: TaskContext, came: Outcome | Exception, now: datetime, known: Known) -> Step:
    run, found = lock_with_tasks(done.run.pk, wait=True)
    task = next((task for task in found if task.pk == done.task.pk), None)
    if run is None or task is None or task.claimed_by != done.task.claimed_by:
        logger.warning(
            "What task %s (%s) of run %s came to is not kept: it was taken from its worker.",
            done.task.pk,
            done.task.status,
            done.run.pk,
        )
        return Step(obtained=False, task_id=done.task.pk)
    context = TaskContext(task, run, now, [other for other in found if other is not task])
    if isinstance(came, Exception) and is_transient(came):
        logger.warning("Task %s is delayed by the database: %r", task.pk, came)
        put_back(context)
        return Step(task_id=task.pk, postponed=True)
    if run.state != RunState.RUNNING:
        return _record_standing(context, done, came)

    def result() -> Outcome:
        if isinstance(came, Exception):
            raise came
        changed(context, done)
        return came

    attempt(context, result, known)
    return close(context, None, "")


def changed(context: TaskContext, done: TaskContext) -> None:
    """Change in the run's data, key by key, what the work has changed."""
    before = json.loads(done.automation._before)
    payload.patch(context.run.data, before, payload.clean(done.run.data))


def put_back(context: TaskContext) -> None:
    """Give the claim on the task back, so that its work is done again in a moment."""
    standing = context.run.state != RunState.RUNNING
    tasks().filter(pk=context.task.pk).update(due=None if standing else context.now, **UNCLAIMED)
    delay(context.task.pk, context.run.pk, context.now)


def _record_standing(context: TaskContext, done: TaskContext, came: Outcome | Exception) -> Step:
    """
    Keep what the work has come to although the run stands still: suspended, or failed elsewhere.

    What follows is opened and stands still as well. An error is not kept: the work is done again
    when the run goes on.
    """
    task, run = context.task, context.run
    if isinstance(came, Exception):
        put_back(context)
        return Step(task_id=task.pk, postponed=True)
    try:
        with atomic(), neutral():
            context.load()
            changed(context, done)
            apply(came, context)
            stand_still(run, context.open_tasks + context.opened)
            columns: dict[str, Any] = {"updated": context.now}
            if context.data_changed:
                follow_data(context)
                columns |= {"data": payload.clean(run.data), "version": F("version") + 1}
            runs().filter(pk=run.pk).update(**columns)
    except Exception as error:
        if is_transient(error):
            raise
        context.undo()
        put_back(context)
        return Step(task_id=task.pk, postponed=True)
    return Step(task_id=task.pk)
