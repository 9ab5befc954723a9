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
from dataclasses import dataclass, field
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
from automations.models import AutomationModel, AutomationTaskModel

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
    this = Block(run_ids, claim, now, here, stopped, seconds)
    committed: list[str] = []
    try:
        with atomic(), ExitStack() as ours:
            transaction.on_commit(partial(committed.append, claim), alias(), robust=True)
            for run_id in run_ids:
                ours.enter_context(going_on_with(run_id))
            try:
                this.work()
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
    return this.done


@dataclass
class Block:
    """One block: what it may do, and what it has done in each run."""

    run_ids: Collection[int]
    claim: str
    now: datetime
    here: Collection[str] | None
    stopped: Callable[[], bool]
    seconds: Callable[[str, float], None]
    done: dict[int, list[Step]] = field(default_factory=dict)

    def work(self) -> None:
        """Do it all, inside the transaction."""
        take_write_lock()
        ends, room = time.monotonic() + longest(), settings.get("ATM_COMMIT_EVERY")
        together = Together()
        worked: list[Burst] = []
        for row, found in self.read():
            # What has taken long to read is not read in vain.
            if room <= 0 or self.stopped() or (worked and time.monotonic() >= ends):
                break
            most = min(room, commit_every(row), settings.get("ATM_SWEEP_TASKS"))
            one = Burst(
                row.pk, self.claim, set(), self.now, self.here, most, self.stopped, together
            )
            turn = one.choose(row, found)
            if isinstance(turn, Step) or stands_alone(turn) or one.most <= 1:
                continue
            with working_on(row.pk):
                one.go(turn, ends)
            self.seconds(row.automation_class, sum(step.seconds for step in one.done))
            worked.append(one)
            room -= len(one.done)
            if not one.open:
                break
        together.write()
        self.done.update((one.run_id, one.told()) for one in worked)

    def read(self) -> list[tuple[AutomationModel, list[AutomationTaskModel]]]:
        """Lock the runs that nobody else works on; return each with its open tasks."""
        claimed: Runs = runs().filter(pk__in=self.run_ids, claimed_by=self.claim)
        locked = for_update(claimed.order_by("due", "pk"), skip_locked=True)
        rows = {row.pk: row for row in locked if in_step(row)}
        found: dict[int, list[AutomationTaskModel]] = {key: [] for key in rows}
        for task in tasks().open().filter(automation__in=list(rows)).order_by("pk"):
            task.automation = rows[task.automation_id]
            found[task.automation_id].append(task)
        return [(row, found[key]) for key, row in rows.items()]
