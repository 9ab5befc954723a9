"""
Taking turns on SQLite, which has one write lock and no queue for it.

SQLite itself lets whoever waits for the lock sleep for up to a tenth of a second between two
looks, so that a busy process, which is without the lock for less than a millisecond at a time,
keeps all others out for as long as it is busy. Here those who wait look often.
"""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from automations.engine.trouble import is_lock_timeout

#: Between these, in seconds, lies the pause before the lock is looked at again.
SHORTEST, LONGEST = 0.0003, 0.002
#: How many times as long it is in a process that gives way to others.
PATIENCE = 20.0

Result = TypeVar("Result")


def begins_with_lock(database: BaseDatabaseWrapper) -> bool:
    """Return whether a transaction on this SQLite database begins by taking the write lock."""
    database.ensure_connection()  # which works out the mode
    return getattr(database, "transaction_mode", None) in ("IMMEDIATE", "EXCLUSIVE")


@contextmanager
def begun_in_turn(
    database: BaseDatabaseWrapper, block: transaction.Atomic, limit: float | None
) -> Iterator[None]:
    """Be the transaction ``block``, begun as soon as the lock is free."""
    in_turn(database, block.__enter__, limit)
    try:
        yield
    except BaseException as error:
        block.__exit__(type(error), error, error.__traceback__)
        raise
    else:
        block.__exit__(None, None, None)


def give_way() -> None:
    """
    Let other processes have the lock first, from now on: who waits for a page looks more often.

    For a process that works off what is due. Where nobody else waits it costs nothing.
    """
    _pauses.longer = PATIENCE


class _Pauses:
    """How much longer than usual this process waits between two looks."""

    longer = 1.0


_pauses = _Pauses()


def forget(error: OperationalError) -> None:
    """
    Leave nothing of a look in vain behind.

    A chained error and its frames refer to each other and to a cursor. Collected as garbage, in
    whichever thread, the cursor waits for its connection; all of Python with it, for as long as
    that connection waits for a lock.
    """
    told: BaseException | None = error
    while told is not None:
        traceback.clear_frames(told.__traceback__)
        told = told.__cause__


def in_turn(
    database: BaseDatabaseWrapper, take: Callable[[], Result], limit: float | None
) -> Result:
    """
    Return what ``take`` returns, which takes the lock; look again and again while it is taken.

    After about ``limit`` seconds, by default as many as the ``timeout`` of the connection says,
    raise its error.
    """
    database.ensure_connection()
    raw: Any = database.connection
    usual = float(database.settings_dict["OPTIONS"].get("timeout", 5))
    shortest, longest = SHORTEST * _pauses.longer, LONGEST * _pauses.longer
    looks = max(1, int((usual if limit is None else limit) / (shortest + longest) * 2))
    raw.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                return take()
            except OperationalError as error:
                looks -= 1
                if not looks or not is_lock_timeout(error):
                    raise
                forget(error)
            time.sleep(random.uniform(shortest, longest))  # noqa: S311 - no secret
    finally:
        raw.execute(f"PRAGMA busy_timeout = {int(usual * 1000)}")
