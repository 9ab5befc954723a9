"""
Waking schedulers that sleep, with PostgreSQL's NOTIFY: for projects that set ``ATM_NOTIFY``.

Whoever writes when a run is due calls `notify` in that very transaction: what is undone wakes
nobody. Nothing is told of a run that this process goes on with, and nothing is lost if nobody
hears: the next sweep finds what is due.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta

from django.db import transaction

from automations import settings
from automations.engine.locking import connection
from automations.models import AutomationModel

#: Of what is due later than this nobody is told, and nobody who is to be woken sleeps longer.
HORIZON = timedelta(hours=1)

#: The runs that this thread goes on with; None stands for the one that is being started.
_own: ContextVar[frozenset[int | None]] = ContextVar("automations_own", default=frozenset())

#: Whether this thread looks again by itself as soon as a run is due.
_resident: ContextVar[bool] = ContextVar("automations_resident", default=False)


def enabled() -> bool:
    """Return whether schedulers can be woken: it is wanted, and the database is PostgreSQL."""
    return bool(settings.get("ATM_NOTIFY")) and connection().vendor == "postgresql"


def channel() -> str:
    """Return the name under which schedulers listen: that of the table of runs."""
    return AutomationModel._meta.db_table


@contextmanager
def going_on_with(run_id: int | None) -> Iterator[None]:
    """
    Say that this process runs by itself what it makes due in the run; None: in one it starts.

    If it then leaves some of that, it calls `notify_left`.
    """
    token = _own.set(_own.get() | {run_id})
    try:
        yield
    finally:
        _own.reset(token)


@contextmanager
def resident() -> Iterator[None]:
    """Say that this process sleeps no longer than until the next run is due, and then sweeps."""
    token = _resident.set(True)
    try:
        yield
    finally:
        _resident.reset(token)


def notify(run_id: int | None, due: datetime | None, now: datetime, *, fresh: bool = True) -> None:
    """
    Wake sleeping schedulers if they have to know that the run is due.

    ``fresh`` says whether it was not due at this time before. What is due now concerns them
    unless this process goes on with the run; what is due later, if it is new and this process
    does not wait for it.
    """
    if due is None or not enabled():
        return
    if due <= now:
        if run_id not in _own.get():
            notify_left()
    elif fresh and due <= now + HORIZON and not _resident.get():
        notify_left()


def notify_left() -> None:
    """Wake sleeping schedulers, for something is left to them: once in a transaction."""
    if not enabled():
        return
    database = connection()
    if database.in_atomic_block:
        # Django forgets the mark when the savepoint is undone that it was made in, as PostgreSQL
        # forgets the notification.
        if any(_notified in entry for entry in database.run_on_commit):
            return
        transaction.on_commit(_notified, using=database.alias)
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [channel()])


def _notified() -> None:
    """Mark a transaction that has notified."""
