"""Handing runs over to where they go on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from functools import partial

from django.db import transaction

from automations.dispatch.base import INLINE, get_dispatcher
from automations.dispatch.claims import give_back, note, queue
from automations.engine.locking import alias, in_transaction
from automations.engine.notifying import notify_left

logger = logging.getLogger("automations")


def hand_over(elsewhere: Mapping[int, str], claim: str = "", before: int = 0) -> None:
    """
    Have the runs worked on where they go on, once what made them due is committed.

    ``claim`` is the caller's claim on them; it becomes a note that they are waiting for a worker.
    ``before`` is how often they were dispatched before, and nobody came.
    What cannot be dispatched just now is logged and left to the next sweep, and so is what is to be
    executed by whoever sweeps.
    """
    sent = {run_id: name for run_id, name in elsewhere.items() if name != INLINE}
    if claim and sent:
        queue(list(sent), claim, before)
    if claim and len(sent) < len(elsewhere):
        give_back([run_id for run_id in elsewhere if run_id not in sent], claim)
        notify_left()
    for run_id, name in sent.items():
        transaction.on_commit(
            partial(send, run_id, name, note(claim, before) if claim else ""), using=alias()
        )


def send(run_id: int, name: str, noted: str = "") -> None:
    """Dispatch one run; if that fails, log it and take back what was noted on it."""
    if in_transaction():
        return  # in a test that never commits: a worker would not see the run
    if not tell(run_id, name) and noted:
        give_back([run_id], noted)


def tell(run_id: int, name: str, at: datetime | None = None) -> bool:
    """Dispatch one run, now or for ``at``; if that fails, log it and return false."""
    try:
        get_dispatcher(name).dispatch(run_id, at=at)
    except Exception as error:
        logger.warning("Run %s could not be dispatched to %r: %r", run_id, name, error)
        return False
    return True
