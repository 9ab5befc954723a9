"""
Whether the work of a task is still in the transaction in which it was begun.

The engine must not write beside it: on SQLite and MariaDB what comes after a COMMIT is committed
statement by statement, or in a transaction without the lock. A savepoint is gone with its
transaction, so one is set when the work is about to say something that may end it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import TransactionManagementError

from automations.engine.locking import connection

#: Statements that end a transaction or begin one, on MariaDB and MySQL without saying so as well
#: (their manual, "Statements That Cause an Implicit Commit"); not what goes back to a savepoint.
LEAVES = re.compile(
    r"(?:^|;)(?:\s|--[^\n]*\n|/\*(?:[^*]|\*(?!/))*+\*/)*+"
    r"(?:COMMIT|ABORT|BEGIN|END|(?:START|PREPARE)\s+TRANSACTION"
    r"|ROLLBACK(?!\s+(?:(?:WORK|TRANSACTION)\s+)?TO\b)"
    r"|ALTER|ANALYZE|CREATE|DROP|FLUSH|GRANT|LOCK|OPTIMIZE|RENAME|REPAIR|REVOKE|TRUNCATE|UNLOCK"
    r"|SET\s+(?:SESSION\s+|@@(?:SESSION\.)?)?AUTOCOMMIT)\b",
    re.IGNORECASE,
)
#: The state of a connection that is in no transaction, as libpq numbers them.
IDLE = 0


class TransactionLeft(TransactionManagementError):
    """The work of a task has ended the transaction in which it was begun."""

    def __init__(self) -> None:
        super().__init__(
            "The work has ended the transaction of its task: by COMMIT or ROLLBACK, or on MariaDB "
            "by a statement such as CREATE TABLE. What it writes is committed with the task: leave "
            "that to it. A part can be undone with transaction.atomic()."
        )


class Tripwire:
    """
    Looks on while a task is worked on, and raises `TransactionLeft` if its transaction is gone.

    Not if the work has raised something else: then that is undone, or cannot be.
    """

    def __init__(self) -> None:
        self._database = connection()
        self._depth = depth(self._database)
        self._savepoint: str | None = None
        self._looking = self._database.execute_wrapper(self)

    def __enter__(self) -> None:
        self._looking.__enter__()

    def __exit__(self, kind: type[BaseException] | None, *about: object) -> None:
        self._looking.__exit__(kind, *about)  # type: ignore[arg-type] # as they came
        if kind is None:
            self.check()

    def __call__(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        """Let a statement pass; set the savepoint before one that may end the transaction."""
        may_leave = not isinstance(sql, str) or LEAVES.search(sql)
        # In a savepoint of the work's own, that one tells; going back to it would take ours along.
        if may_leave and self._savepoint is None and depth(self._database) == self._depth:
            self._savepoint = self._database.savepoint()
        return execute(sql, params, many, context)

    def check(self) -> None:
        """Raise `TransactionLeft` if the transaction is gone, or what the database has done."""
        try:
            if self._savepoint is not None:
                self._database.savepoint_commit(self._savepoint)
        except DatabaseError:
            raise TransactionLeft from None  # not trouble with the database, whatever it says
        driver: Any = self._database.connection
        if self._database.vendor == "postgresql" and driver.info.transaction_status == IDLE:
            raise TransactionLeft
        if self._database.vendor == "sqlite" and not driver.in_transaction:
            raise DatabaseError("SQLite has undone the transaction of the task by itself.")


def depth(database: BaseDatabaseWrapper) -> int:
    """Return in how many savepoints the connection is."""
    return sum(name is not None for name in database.savepoint_ids)
