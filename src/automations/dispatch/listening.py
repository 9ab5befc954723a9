"""
Hearing when a run is due sooner than this process knows: PostgreSQL's LISTEN.

The connection is one of its own, past Django's pool: who listens cannot share it. Where it cannot
be had, or breaks, the process looks at its interval as ever, and tries again later.
"""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DatabaseError, InterfaceError

from automations.engine.locking import connection
from automations.engine.notifying import channel, enabled

logger = logging.getLogger("automations")

#: Seconds after which it is tried again to listen.
RETRY = 5.0

#: So that a server that is gone is noticed, and one that does not answer is not waited for.
PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}


class Listener:
    """
    A connection that hears what `automations.engine.notifying` tells; closed after ``with``.

    ``complain`` is called with one sentence when nobody can be heard, once until it is better.
    """

    def __init__(self, complain: Callable[[str], Any]) -> None:
        self._complain = complain
        self._database: BaseDatabaseWrapper | None = None
        self._lost = False
        self._not_before = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    def listen(self) -> None:
        """Be connected and listen, if ``ATM_NOTIFY`` says so and it is possible."""
        if self._database or not enabled() or time.monotonic() < self._not_before:
            return
        self._not_before = time.monotonic() + RETRY
        self._database = of_its_own(connection())
        try:
            with self._database.cursor() as cursor:
                cursor.execute(f"LISTEN {self._database.ops.quote_name(channel())}")
        except (DatabaseError, InterfaceError) as error:
            self._lose(error)
            return
        if self._lost:
            logger.info("Schedulers can be woken again.")
        self._lost = False

    def sockets(self) -> list[int]:
        """Return the socket of the connection, if there is one."""
        if self._database is None:
            return []
        try:
            with self._database.wrap_database_errors:
                return [self._database.connection.fileno()]
        except (DatabaseError, InterfaceError) as error:
            self._lose(error)
            return []

    def hear(self) -> None:
        """Take what has come: that it has come is all there is to know."""
        if self._database is None:
            return
        try:
            with self._database.wrap_database_errors:
                take(self._database.connection)
        except (DatabaseError, InterfaceError) as error:
            self._lose(error)

    def _lose(self, error: Exception) -> None:
        self._close()
        if not self._lost:
            why = str(error).partition("\n")[0]
            self._complain(
                f"This scheduler cannot be woken and looks at its interval only; listening is "
                f"tried again: {why}"
            )
        self._lost = True

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
        self._database = None


def of_its_own(usual: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """Return a connection to the same database as ``usual``, not yet made, that nobody shares."""
    given = copy.deepcopy(usual.settings_dict)
    options = {name: value for name, value in given["OPTIONS"].items() if name != "pool"}
    given |= {"OPTIONS": PATIENCE | options, "AUTOCOMMIT": True}
    return type(usual)(given, usual.alias)


def take(connected: Any) -> None:
    """Take the notifications that have come: from a connection of psycopg 3, or of psycopg2."""
    if hasattr(connected, "pgconn"):
        connected.pgconn.consume_input()
        while connected.pgconn.notifies():
            pass
    else:
        connected.poll()
        connected.notifies.clear()
