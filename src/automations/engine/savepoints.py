"""
A savepoint that is left to the end of its transaction, where that says no less.

RELEASE SAVEPOINT is a statement of its own, and ends nothing that COMMIT does not end. It tells of
a savepoint that is gone with its transaction, which SQLite and MariaDB may have undone by
themselves; PostgreSQL takes no more statements then.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from django.db import transaction

from automations.engine.locking import atomic, connection

#: The state of a connection in a transaction that can go on, as libpq numbers them.
IN_TRANSACTION = 2


class Unreleased(transaction.Atomic):
    """A savepoint on PostgreSQL that is not released when all is well."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        database: Any = connection()
        set_one = database.savepoint_ids and database.savepoint_ids[-1] is not None
        if kind is None and set_one and not database.needs_rollback and goes_on(database):
            # What Django does here, but for the statement.
            database.savepoint_ids.pop()
            database.atomic_blocks.pop()
            return
        super().__exit__(kind, error, trace)


def goes_on(database: Any) -> bool:
    """Return whether the connection is in a transaction that takes more statements."""
    driver = database.connection
    return driver is not None and driver.info.transaction_status == IN_TRANSACTION


def in_shared() -> AbstractContextManager[None]:
    """Return a savepoint in a transaction of several tasks, which ends before long."""
    database = connection()
    if database.vendor != "postgresql" or not database.in_atomic_block:
        return atomic()
    return Unreleased(database.alias, savepoint=True, durable=False)
