"""Advance one run: one step after the other, within a budget."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import NamedTuple

from django.db import Error as DatabaseError

from automations import settings
from automations.dispatch.claims import give_back, give_back_free, has_claim, patiently
from automations.engine import charging, sending
from automations.engine.bursts import burst
from automations.engine.notifying import going_on_with, notify_left
from automations.engine.steps import Step, Undone
from automations.engine.trouble import is_transient
from automations.models import AutomationModel

logger = logging.getLogger("automations")

#: How often, and between how many seconds each, a claimed run that is locked is tried again.
LOOKS, PAUSE = 20, (0.005, 0.03)


@dataclass
class Budget:
    """How much may still be done: a number of tasks, and an end in monotonic seconds."""

    tasks: int
    ends: float | None = None
    stopped: Callable[[], bool] = field(default=lambda: False)

    @classmethod
    def of_request(cls) -> Budget:
        """The budget of one request: ``ATM_BUDGET_TASKS`` and ``ATM_BUDGET_SECONDS``."""
        seconds = settings.get("ATM_BUDGET_SECONDS")
        return cls(settings.get("ATM_BUDGET_TASKS"), time.monotonic() + seconds)

    def late(self) -> bool:
        """Return whether no further task may be started, however few there were."""
        return self.stopped() or (self.ends is not None and time.monotonic() >= self.ends)

    def spent(self) -> bool:
        """Return whether no further task may be started."""
        return self.tasks <= 0 or self.late()


class OutsideWork(NamedTuple):
    """What is to be done outside of transactions, and whether a thread of this process is to."""

    run_id: int
    task_id: int
    thread: bool
    automation_class: str


@dataclass
class Progress:
    """What has been done to a run: tasks executed, looked at in vain, and failed."""

    done: int = 0
    waiting: int = 0
    failed: int = 0
    delayed: int = 0
    #: Runs that got a message and may have something to do.
    reached: set[int] = field(default_factory=set)
    #: What is to be done outside of transactions.
    outside: list[OutsideWork] = field(default_factory=list)
    #: Runs that go on elsewhere, each with the name of where.
    elsewhere: dict[int, str] = field(default_factory=dict)
    #: How many seconds the works in transactions took.
    seconds: float = 0.0
    #: The run as it was left, if that is known for certain.
    row: AutomationModel | None = None

    def count(self, other: Progress) -> None:
        """Count in what was done to another run; what is to come of it is the caller's."""
        self.done += other.done
        self.waiting += other.waiting
        self.failed += other.failed
        self.delayed += other.delayed

    def add(self, other: Progress) -> None:
        """Count in what was done to another run, and what is to come of it."""
        self.count(other)
        self.reached |= other.reached
        self.outside += other.outside
        self.elsewhere |= other.elsewhere


def advance(
    run_id: int,
    *,
    claim: str = "",
    budget: Budget | None = None,
    now: datetime | None = None,
    careful: bool = False,
    here: Collection[str] | None = None,
) -> Progress:
    """
    Run what is due in the run, one task after the other, within ``budget``.

    Tasks that follow each other at once share transactions, as `automations.engine.bursts` says; if
    one of those is lost, each of its tasks gets one of its own. What is left is for the scheduler.
    ``claim`` is the claim that the caller has put on the run; it is given back. A condition that
    was found false is asked again only after another task has changed the run's data. ``careful``
    counts each attempt before it is made. A run that somebody without a claim is at work on is
    tried again for a moment, and then left. ``here`` are the places that this process stands for: a
    run that goes on elsewhere keeps its claim.
    """
    budget = budget or Budget.of_request()
    with going_on_with(run_id):
        progress, left = _advance(run_id, claim, budget, now, careful=careful, here=here)
    if left:
        notify_left()
    return progress


def _advance(
    run_id: int,
    claim: str,
    budget: Budget,
    now: datetime | None,
    *,
    careful: bool,
    here: Collection[str] | None,
) -> tuple[Progress, bool]:
    """Do what `advance` says; return also whether something may be left that is due."""
    progress = Progress()
    seen: set[int] = set()
    looks, alone = LOOKS, 0
    while not budget.spent():
        task_id = charging.charge(run_id, seen=seen, now=now) if careful else None
        if careful and task_id is None:
            break
        try:
            most = 1 if careful or alone else budget.tasks
            steps = burst(
                run_id,
                claim=claim,
                seen=seen,
                now=now,
                here=here,
                most=most,
                stopped=budget.late,
            )
        except Undone as undone:
            logger.warning("Run %s goes on task by task: %r", run_id, undone.__cause__)
            alone = undone.tasks
            continue
        except DatabaseError as error:
            if task_id and is_transient(error):
                # Even that it is delayed could not be written: the worker is there all the same.
                patiently(partial(charging.give_back, task_id))
            raise
        alone -= min(alone, len(steps))
        step = steps[-1]
        if task_id and (step.outside or step.elsewhere or step.delayed or not step.obtained):
            charging.give_back(task_id)
        if not step.obtained:
            # Somebody who needs no claim: a message, a person. It is ours to come back.
            if looks and has_claim(run_id, claim):
                looks -= 1
                time.sleep(random.uniform(*PAUSE))  # noqa: S311 - no secret
                continue
            give_back_free(run_id, claim)
            return progress, True
        if step.elsewhere:
            progress.elsewhere[run_id] = step.elsewhere
            return progress, False
        if step.sending and step.task_id is not None:
            step = sending.deliver(run_id, step.task_id, claim=claim, seen=seen, now=now)
            progress.reached |= step.reached
            steps = [step]
        if step.delayed:
            progress.delayed += 1
            break
        if not step.node:
            return progress, False
        count(run_id, steps, progress, seen)
        budget.tasks -= len(steps)
        if not step.more:
            progress.row = step.row
            return progress, False
    if claim:
        give_back([run_id], claim)
    return progress, budget.spent() or bool(progress.delayed)


def count(run_id: int, steps: Iterable[Step], progress: Progress, seen: set[int]) -> None:
    """
    Count what steps have done, and note what is to be done outside of transactions.

    Keep in ``seen`` what need not be looked at again for now.
    """
    for step in steps:
        progress.failed += step.failed
        progress.seconds += step.seconds
        if step.postponed and step.task_id is not None:
            progress.waiting += 1
            seen.add(step.task_id)
        else:
            progress.done += 1
            if step.changed:
                seen.clear()
        if step.outside and step.task_id is not None:
            work = OutsideWork(run_id, step.task_id, step.outside.thread, step.automation_class)
            progress.outside.append(work)
