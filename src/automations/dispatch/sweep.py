"""
The sweep: find what is due, claim it, have it run.

One indexed query finds the runs that are due; if they are more than a block, the classes take
turns. Those that only wait for a condition are asked without claim or lock; what is left is claimed
in blocks, in a short transaction of its own, and then run. A run that fails in any way never keeps
the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import takewhile

from django.db import Error as DatabaseError

from automations import settings
from automations.dispatch.advancing import Budget, Progress, advance, count
from automations.dispatch.background import HERE, Workers, perform
from automations.dispatch.claims import (
    ClaimClock,
    claim_runs,
    claimable,
    give_back,
    is_lost,
    new_claim,
    patiently,
    renew,
    times_sent,
)
from automations.dispatch.handing import hand_over
from automations.dispatch.lanes import Lanes
from automations.dispatch.last_tries import Alone, makes_last_try
from automations.dispatch.pace import pace
from automations.dispatch.peek import idle_runs
from automations.dispatch.schedules import start_scheduled
from automations.engine import blocks, incidents
from automations.engine.locking import in_transaction, renew_connection
from automations.engine.notifying import notify_left
from automations.engine.steps import Step
from automations.engine.trouble import is_transient

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
    #: Works outside of transactions that are left to the next sweep: too many of a class wait.
    left: int = 0
    #: Runs that got a message and that the sweep may have passed before.
    reached: set[int] = field(default_factory=set)
    #: The process time up to which the sweep has looked; None before it has begun.
    until: datetime | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing has failed."""
        return not (self.failed or self.broken)

    def add(self, progress: Progress) -> None:
        """Count what was done to one run."""
        self.runs += 1
        self.add_work(progress)

    def add_work(self, progress: Progress) -> None:
        """Count what was done outside of transactions."""
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
    workers: Workers | None = None,
    lanes: Lanes | None = None,
) -> Report:
    """
    Run every task that is due, once; return what was done.

    ``until`` stands for process time. ``stopped`` is asked between tasks: when it is true, the
    task in hand has been finished, claims are given back and the sweep ends. ``workers`` are
    threads that do work outside of transactions while the sweep goes on; without them it has its
    own, and ends when their work is done. ``lanes`` are where earlier sweeps have come to in a
    backlog, and how far this one goes. Inside a transaction of the caller's everything is part of
    it, in this thread, and nothing is claimed.
    """
    if workers is None:
        with Workers() as own:
            report = sweep(until=until, stopped=stopped, workers=own, lanes=lanes)
            go_on_with_reached(report, own, until, stopped)
            own.wait(stopped)
        report.add_work(own.progress())
        return report
    report = Report()
    report.healed = heal_once()
    report.started, report.broken = start_scheduled(until or settings.now())
    now = report.until = until or settings.now()
    tour = Tour(now, "" if in_transaction() else new_claim(), stopped, report, workers)
    for block in (lanes or Lanes()).blocks(now):
        if stopped():
            break
        report.looked_at += len(block)
        idle = idle_runs(block, now)
        ready = [run for run in block if run.pk not in idle]
        tour.work_off([run.pk for run in ready if not is_lost(run)], careful=False)
        for run in ready:
            # Its last worker did not come back: alone, and counting.
            if is_lost(run) and not stopped():
                with Alone() as alone:
                    if not tour.claim or not makes_last_try(run.pk) or alone.get():
                        tour.work_off([run.pk], careful=bool(tour.claim))
    report.add_work(workers.progress())
    return report


def go_on_with_reached(
    report: Report, workers: Workers, until: datetime | None, stopped: Callable[[], bool]
) -> None:
    """
    Run what messages have reached, for as long as works are in hand that the sweep waits for.

    Else it is for the next sweep, which comes at once then.
    """
    while report.reached and workers.busy() and not stopped():
        now = until or settings.now()
        reached, report.reached = sorted(report.reached), set()
        tour = Tour(now, new_claim(), stopped, report, workers)
        size = settings.get("ATM_BLOCK")
        for start in range(0, len(reached), size):
            due = claimable(now).filter(pk__in=reached[start : start + size])
            # What its last worker did not come back from is for a sweep, which is careful.
            tour.work_off([run.pk for run in due if not is_lost(run)], careful=False)


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


@dataclass(frozen=True)
class Tour:
    """One way through what is due: until when, by which claim, and what has come of it."""

    now: datetime
    claim: str
    stopped: Callable[[], bool]
    report: Report
    workers: Workers

    def work_off(self, run_ids: list[int], *, careful: bool) -> None:
        """Claim the runs and run them one after the other, those that are quick several at once."""
        if not run_ids:
            return
        before: dict[int, int] = {}
        labels: dict[int, str] = {}
        if self.claim:
            claimed = claim_runs(run_ids, self.now, self.claim)
            before = {run.pk: times_sent(run) for run in claimed}
            labels = {} if careful else {run.pk: run.automation_class for run in claimed}
            run_ids = list(before)
        left, troubled = list(run_ids), []
        clock = ClaimClock()
        try:
            room = most = settings.get("ATM_COMMIT_EVERY")
            while left and not self.stopped():
                if self.claim and clock.half_over():
                    renew(left, self.claim)
                if shared := self.run_several(left[:room], labels):
                    left = [run_id for run_id in left if run_id not in shared]
                    room = min(most, len(shared) + 1)  # what there was no time for is read in vain
                    continue
                run_id = left.pop(0)
                sent, label = before.get(run_id, 0), labels.get(run_id, "")
                if not self.run_one(run_id, careful=careful, before=sent, label=label):
                    troubled.append(run_id)
        finally:
            left += troubled  # the claim may still be on them, and its end need not be waited for
            if self.claim and left:
                patiently(partial(give_back, left, self.claim))
                notify_left()

    def run_several(self, left: list[int], labels: dict[int, str]) -> set[int]:
        """
        Run in one transaction those that are next and known to be quick; return which were done.

        None of them if the transaction was lost: then ``labels`` says no more that they are quick.
        """
        known = takewhile(labels.__contains__, left)
        quick = list(takewhile(lambda run_id: pace.is_quick(labels[run_id]), known))
        if len(quick) < 2 or settings.get("ATM_COMMIT_EVERY") < 2:
            return set()
        done: dict[int, list[Step]] = {}
        try:
            done = blocks.block(
                quick,
                claim=self.claim,
                now=self.now,
                here=HERE,
                stopped=self.stopped,
                seconds=pace.note,
            )
        except Exception:
            self.report.broken += 1
            logger.exception("Of the runs %s one could not be worked on", quick)
            renew_connection()
        if not done:
            for run_id in quick:
                labels.pop(run_id)
        for run_id, steps in done.items():
            progress = Progress()
            count(run_id, steps, progress, set())
            if steps[-1].more:
                self.report.add_work(progress)
                self.run_one(run_id, careful=False, done=len(steps))
            else:
                self.report.add(progress)
            self.begin(progress)
        return set(done)

    def run_one(
        self, run_id: int, *, careful: bool, before: int = 0, done: int = 0, label: str = ""
    ) -> bool:
        """
        Run what is due in one run; an error in it is logged, counted, and goes no further.

        ``before`` is how often it was dispatched, and nobody came; ``done`` how many of its tasks
        this sweep has run; ``label`` the class whose pace it shows. Return False if the database
        was in trouble.
        """
        budget = Budget(settings.get("ATM_SWEEP_TASKS") - done, stopped=self.stopped)
        try:
            progress = advance(
                run_id,
                claim=self.claim,
                budget=budget,
                now=self.now,
                careful=careful,
                here=None if in_transaction() else HERE,
            )
            self.report.add(progress)
            if label and progress.done and progress.seconds:
                pace.note(label, progress.seconds)
            hand_over(progress.elsewhere, self.claim, before)
            self.begin(progress)
            if progress.reached:
                self.report.reached |= progress.reached
                notify_left()  # this sweep may have passed them
        except Exception as error:
            if not self.claim:
                raise  # inside a transaction of the caller's
            if isinstance(error, DatabaseError) and is_transient(error):
                self.report.delayed += 1
                logger.warning("Run %s is delayed by the database: %r", run_id, error)
                renew_connection()
                return False
            self.report.broken += 1
            logger.exception("Run %s could not be worked on", run_id)
            renew_connection()
        return True

    def begin(self, progress: Progress) -> None:
        """Have done what is to be done outside of transactions."""
        for work in progress.outside:
            if in_transaction():
                # Nobody else would see the task.
                done = perform(work.run_id, work.task_id)
                self.report.add_work(done)
                self.begin(done)
            elif self.workers.has_room(work.automation_class, work.task_id):
                self.workers.offer(work.run_id, work.task_id, work.automation_class)
            else:
                self.report.left += 1
