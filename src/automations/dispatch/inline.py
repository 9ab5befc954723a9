"""Run a process here and now: one step after the other, within a budget."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.forms import BaseForm

from automations import settings
from automations.dispatch.claims import give_back, new_claim
from automations.engine import people, steps
from automations.engine.locking import in_transaction


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

    def spent(self) -> bool:
        """Return whether no further task may be started."""
        late = self.ends is not None and time.monotonic() >= self.ends
        return self.tasks <= 0 or late or self.stopped()


@dataclass
class Progress:
    """What has been done to a run: tasks executed, looked at in vain, and failed."""

    done: int = 0
    waiting: int = 0
    failed: int = 0
    delayed: int = 0


def advance(
    run_id: int,
    *,
    claim: str = "",
    budget: Budget | None = None,
    now: datetime | None = None,
    careful: bool = False,
) -> Progress:
    """
    Run what is due in the run, one task and transaction after the other, within ``budget``.

    What is left is for the scheduler. ``claim`` is the claim that the caller has put on the run;
    it is given back. A condition that was found false is asked again only after another task has
    changed the run's data. ``careful`` counts each attempt before it is made.
    """
    budget = budget or Budget.of_request()
    progress = Progress()
    seen: set[int] = set()
    while not budget.spent():
        task_id = steps.charge(run_id, seen=seen, now=now) if careful else None
        if careful and task_id is None:
            break
        step = steps.step(run_id, claim=claim, seen=seen, now=now)
        if task_id and not step.obtained:
            steps.give_back(task_id)
        if step.delayed:
            progress.delayed += 1
            break
        if step.task_id is None:
            return progress
        budget.tasks -= 1
        progress.failed += step.failed
        if step.postponed:
            progress.waiting += 1
            seen.add(step.task_id)
        else:
            progress.done += 1
            if step.changed:
                seen.clear()
        if not step.more:
            return progress
    if claim:
        give_back([run_id], claim)
    return progress


def run_now(run_id: int, *, claim: str = "") -> Progress:
    """Advance a run within the budget of a request; without a claim in a caller's transaction."""
    return advance(run_id, claim="" if in_transaction() else claim or new_claim())


def submit(run_id: int, task_id: int, form: BaseForm, user: Any) -> Progress:
    """Complete a form, and run what follows within the budget of a request."""
    claim = "" if in_transaction() else new_claim()
    people.submit(run_id, task_id, form, user, claim=claim)
    return run_now(run_id, claim=claim)


def retry(run_id: int, task_id: int, *, user: Any = None, reason: str = "") -> Progress:
    """Take a failed task up again, and run what follows within the budget of a request."""
    people.retry(run_id, task_id, user=user, reason=reason)
    return run_now(run_id)


def skip(run_id: int, task_id: int, *, user: Any = None, reason: str = "") -> Progress:
    """Skip a failed task, and run what follows within the budget of a request."""
    people.skip(run_id, task_id, user=user, reason=reason)
    return run_now(run_id)
