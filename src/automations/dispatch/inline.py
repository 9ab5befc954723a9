"""What a request does to a run: act on it, and run what follows here and now, within a budget."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.db import transaction

from automations.dispatch.advancing import Progress
from automations.dispatch.background import threads
from automations.dispatch.base import INLINE
from automations.dispatch.claims import new_claim
from automations.dispatch.following import advance_all
from automations.engine import incidents, people
from automations.engine.locking import alias, in_transaction
from automations.engine.notifying import going_on_with, notify_left
from automations.nodes.interactions import AnyForm


def run_now(run_id: int, *, claim: str = "") -> Progress:
    """
    Advance a run, and those that it sends messages to, within the budget of a request.

    ``claim`` is one that the caller has put on the run.
    """
    return run_all([run_id], claim=claim)


def run_all(run_ids: Iterable[int], *, claim: str = "") -> Progress:
    """
    Advance the runs, and those that they send messages to, within the budget of one request.

    ``claim`` is one that the caller has put on the first.
    """
    total = advance_all(run_ids, here={INLINE}, claim=claim)
    for work in total.outside:
        if work.thread:
            transaction.on_commit(
                partial(begin, work.run_id, work.task_id, work.automation_class), using=alias()
            )
        else:
            notify_left()
    return total


def begin(run_id: int, task_id: int, label: str = "") -> None:
    """Have the work of the task done in a thread of this process, which sees what is committed."""
    if not in_transaction():
        threads().offer(run_id, task_id, label)


def submit(run_id: int, task_id: int, form: AnyForm, user: Any) -> Progress:
    """Complete a form, and run what follows within the budget of a request."""
    claim = "" if in_transaction() else new_claim()
    with going_on_with(run_id):
        people.submit(run_id, task_id, form, user, claim=claim)
    return run_now(run_id, claim=claim)


def retry(run_id: int, task_id: int, **how: Any) -> Progress:
    """Take a failed task up again, and run what follows within the budget of a request."""
    with going_on_with(run_id):
        incidents.retry(run_id, task_id, **how)
    return run_now(run_id)


def skip(run_id: int, task_id: int, **how: Any) -> Progress:
    """Skip a failed task, and run what follows within the budget of a request."""
    with going_on_with(run_id):
        incidents.skip(run_id, task_id, **how)
    return run_now(run_id)


def resume(run_id: int, **how: Any) -> Progress:
    """Let a suspended run go on, and run what is due within the budget of a request."""
    with going_on_with(run_id):
        incidents.resume(run_id, **how)
    return run_now(run_id)
