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
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from automations.engine.trouble import is_lock_timeout


@dataclass(frozen=True)
class Manners:
    """
    How a process goes about the lock, in seconds.

    Between ``shortest`` and ``longest`` lies the pause before it looks again, ``rest`` is how long
    it leaves the lock alone after it has had it, at the least: after it has had it for longer, a
    twentieth of that.
    """

    shortest: float
    longest: float
    rest: float = 0.0


#: Who waits for a page looks often. Who works off what is due looks seldom, and is without the lock
#: for long enough after each transaction that the others see it free.
HURRIED, PATIENT = Manners(0.0001, 0.0007), Manners(0.006, 0.04, 0.0003)

#: However long it has had the lock, it rests no longer than so many seconds.
LONGEST_REST = 0.005

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


@contextmanager
def rested(block: AbstractContextManager[None]) -> Iterator[None]:
    """Be the transaction ``block``, and then without the lock for as long as is good manners."""
    with block:
        since = time.monotonic()
        yield
    if rest := _process.manners.rest:
        time.sleep(max(rest, min(LONGEST_REST, (time.monotonic() - since) / 20)))


def give_way() -> None:
    """
    Let other processes have the lock first, from now on: who waits for a page looks more often.

    For a process that works off what is due. It costs less than a thousandth of a second each time.
    """
    _process.manners = PATIENT


class _Process:
    """This process."""

    manners = HURRIED


_process = _Process()


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
    shortest, longest = _process.manners.shortest, _process.manners.longest
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
