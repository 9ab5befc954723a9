"""
A block: bursts of several runs in one transaction, where each takes but a moment.

All is as in `automations.engine.bursts`, and so are the limits: of the tasks of all these runs
together. What is lost with the transaction is done again run by run.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from contextlib import ExitStack
from datetime import datetime
from functools import partial

from django.db import DatabaseError, transaction

from automations import settings
from automations.engine.attempts import Broken, Exhausted, Undo
from automations.engine.bursts import Burst, commit_every, longest, stands_alone
from automations.engine.locking import (
    Runs,
    abandon,
    alias,
    atomic,
    for_update,
    in_step,
    leave_connections,
    renew_connection,
    runs,
    take_write_lock,
    tasks,
)
from automations.engine.notifying import going_on_with
from automations.engine.steps import Step, working_on
from automations.engine.together import NotAsRead, Together
from automations.models import AutomationTaskModel

logger = logging.getLogger("automations")


def block(
    run_ids: Collection[int],
    *,
    claim: str,
    now: datetime,
    here: Collection[str] | None = None,
    stopped: Callable[[], bool] = lambda: False,
    seconds: Callable[[str, float], None] = lambda label, took: None,
) -> dict[int, list[Step]]:
    """
    Run what is due in the runs under ``claim`` in one transaction; return the steps of each.

    A run that is not in it is left as it was: it is locked, has nothing due, or is to have a
    transaction of its own; or there was no room for it. ``seconds`` is told how long the work of
    each run took, by the dotted path of its class. If the work of one runs out of stack or memory,
    or the database is in trouble, nothing is done. What fails on commit is raised, when all is
    done.
    """
    done: dict[int, list[Step]] = {}
    committed: list[str] = []
    try:
        with atomic(), ExitStack() as ours:
            transaction.on_commit(partial(committed.append, claim), alias(), robust=True)
            for run_id in run_ids:
                ours.enter_context(going_on_with(run_id))
            try:
                _work(run_ids, claim, now, here, stopped, seconds, done)
            except Exhausted:
                abandon()
                raise
    except (Broken, NotAsRead, DatabaseError) as error:
        if committed:
            raise
        logger.info("Runs %s go on one by one: %r", list(run_ids), error.__cause__ or error)
        renew_connection()
        return {}
    except Undo as error:
        if isinstance(error, Exhausted):
            leave_connections()
        return {}
    return done


def _work(
    run_ids: Collection[int],
    claim: str,
    now: datetime,
    here: Collection[str] | None,
    stopped: Callable[[], bool],
    seconds: Callable[[str, float], None],
    done: dict[int, list[Step]],
) -> None:
    take_write_lock()
    ends, room = time.monotonic() + longest(), settings.get("ATM_COMMIT_EVERY")
    together = Together()
    worked: list[Burst] = []
    claimed: Runs = runs().filter(pk__in=run_ids, claimed_by=claim).order_by("due", "pk")
    rows = [row for row in for_update(claimed, skip_locked=True) if in_step(row)]
    found: dict[int, list[AutomationTaskModel]] = {row.pk: [] for row in rows}
    for task in tasks().open().filter(automation__in=list(found)).order_by("pk"):
        found[task.automation_id].append(task)
    for row in rows:
        if room <= 0 or stopped() or time.monotonic() >= ends:
            break
        for task in found[row.pk]:
            task.automation = row
        most = min(room, commit_every(row), settings.get("ATM_SWEEP_TASKS"))
        one = Burst(row.pk, claim, set(), now, here, most, stopped, together=together)
        turn = one.choose(row, found[row.pk])
        if isinstance(turn, Step) or stands_alone(turn) or one.most <= 1:
            continue
        with working_on(row.pk):
            one.go(turn, ends)
        seconds(row.automation_class, sum(step.seconds for step in one.done))
        worked.append(one)
        room -= len(one.done)
        if not one.open:
            break
    together.write()
    done.update((one.run_id, one.told()) for one in worked)
