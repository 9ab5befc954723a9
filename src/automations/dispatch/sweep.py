"""
The sweep: find what is due, claim it, have it run.

One indexed query finds the runs that are due. Those that only wait for a condition are asked
without claim or lock; what is left is claimed in blocks, in a short transaction of its own, and
then run. A run that fails in any way never keeps the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError
from django.db.models import Q

from automations import settings
from automations.dispatch.claims import (
    ClaimClock,
    claim_runs,
    claimable,
    give_back,
    new_claim,
    renew,
)
from automations.dispatch.inline import Budget, Progress, advance
from automations.dispatch.peek import idle_runs
from automations.dispatch.schedules import start_scheduled
from automations.engine import incidents
from automations.engine.locking import connection, in_transaction
from automations.engine.notifying import notify_left
from automations.engine.trouble import is_transient
from automations.models import AutomationModel

logger = logging.getLogger("automations")

_healed = False


@dataclass
class Report:
    """What a sweep has done, in numbers of runs (looked at, run, broken) and of tasks."""

    looked_at: int = 0
    runs: int = 0
    done: int = 0
    failed: int = 0
    delayed: int = 0
    broken: int = 0
    started: int = 0
    healed: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing has failed."""
        return not (self.failed or self.broken)

    def add(self, progress: Progress) -> None:
        """Count what was done to one run."""
        self.runs += 1
        self.done += progress.done
        self.failed += progress.failed
        self.delayed += progress.delayed

    def __str__(self) -> str:
        parts = [f"{self.runs} runs, {self.done} tasks done, {self.failed} failed"]
        parts += [f"{self.healed} healed"] if self.healed else []
        parts += [f"{self.started} started on schedule"] if self.started else []
        parts += [f"{self.looked_at - self.runs} waiting"] if self.looked_at > self.runs else []
        parts += [f"{self.delayed} delayed by the database"] if self.delayed else []
        parts += [f"{self.broken} could not be worked on"] if self.broken else []
        return ", ".join(parts)


def sweep(
    *,
    until: datetime | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Report:
    """
    Run every task that is due, once; return what was done.

    ``until`` stands for process time. ``stopped`` is asked between tasks: when it is true, the
    task in hand has been finished, claims are given back and the sweep ends. Inside a
    transaction of the caller's everything is part of it, and nothing is claimed.
    """
    report = Report()
    report.healed = heal_once()
    report.started, report.broken = start_scheduled(until or settings.now())
    now = until or settings.now()
    claim = "" if in_transaction() else new_claim()
    for block in blocks(now):
        if stopped():
            break
        report.looked_at += len(block)
        idle = idle_runs(block, now)
        ready = [run for run in block if run.pk not in idle]
        fresh = [run.pk for run in ready if not run.claimed_by]
        work_off(fresh, now, claim, report, stopped, careful=False)
        for run in ready:
            # Its last worker did not come back: alone, and counting.
            if run.claimed_by and not stopped():
                work_off([run.pk], now, claim, report, stopped, careful=bool(claim))
    return report


def heal_once() -> int:
    """
    Retry what failed because earlier code did not know its class or node, in the first sweep.

    Once in a process: its code does not change while it runs. Return how many runs go on.
    """
    global _healed
    if _healed:
        return 0
    _healed = True
    return len(incidents.heal())


def blocks(now: datetime) -> Iterator[list[AutomationModel]]:
    """Yield the runs that are due now, in blocks, each run once in a sweep."""
    size = settings.get("ATM_BLOCK")
    behind = Q()
    seen: set[int] = set()
    while True:
        found = list(claimable(now).filter(behind)[:size])
        # What was run and is due again comes in the next sweep, so that every sweep ends.
        block = [run for run in found if run.pk not in seen]
        if block:
            yield block
        if len(found) < size:
            return
        seen.update(run.pk for run in found)
        last = found[-1]
        behind = Q(due__gt=last.due) | Q(due=last.due, pk__gt=last.pk)


def work_off(
    run_ids: list[int],
    now: datetime,
    claim: str,
    report: Report,
    stopped: Callable[[], bool],
    *,
    careful: bool,
) -> None:
    """Claim the runs and run them one after the other."""
    if not run_ids:
        return
    if claim:
        run_ids = [run.pk for run in claim_runs(run_ids, now, claim)]
    left = list(run_ids)
    clock = ClaimClock()
    try:
        while left and not stopped():
            if claim and clock.half_over():
                renew(left, claim)
            run_one(left.pop(0), now, claim, report, stopped, careful=careful)
    finally:
        if claim and left:
            give_back(left, claim)
            notify_left()


def run_one(
    run_id: int,
    now: datetime,
    claim: str,
    report: Report,
    stopped: Callable[[], bool],
    *,
    careful: bool,
) -> None:
    """Run what is due in one run; an error in it is logged and counted, and goes no further."""
    budget = Budget(settings.get("ATM_SWEEP_TASKS"), stopped=stopped)
    try:
        progress = advance(run_id, claim=claim, budget=budget, now=now, careful=careful)
        report.add(progress)
        if progress.reached:
            notify_left()  # this sweep may have passed them
    except Exception as error:
        if in_transaction():
            raise
        if isinstance(error, DatabaseError) and is_transient(error):
            report.delayed += 1
            logger.warning("Run %s is delayed by the database: %r", run_id, error)
        else:
            report.broken += 1
            logger.exception("Run %s could not be worked on", run_id)
        connection().close_if_unusable_or_obsolete()
