"""
Whether the work of a task is still in the transaction in which it was begun.

The engine must not write beside it: on SQLite and MariaDB what comes after a COMMIT is committed
statement by statement, or in a transaction without the lock. A savepoint is gone with its
transaction, so one is set when the work is about to say something that may end it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import TracebackType
from typing import Any

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import TransactionManagementError

from automations.engine.locking import connection
from automations.engine.trouble import exhaustion, is_transient

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
#: States of a connection, as libpq numbers them: in no transaction; in one that has failed.
IDLE, IN_ERROR = 0, 3


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

    If the work has raised something else, that is the cause: it cannot be undone any more.
    """

    def __init__(self) -> None:
        self._database = connection()
        self._depth = depth(self._database)
        self._savepoint: str | None = None
        self._looking = self._database.execute_wrapper(self)

    def __enter__(self) -> None:
        self._looking.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._looking.__exit__(kind, error, trace)
        if error is None:
            self.check()
        elif isinstance(error, Exception) and self._may_be_asked(error):
            try:
                self._release()
            except TransactionLeft as left:
                raise left from error

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
        self._release()
        driver: Any = self._database.connection
        if self._database.vendor == "postgresql" and driver.info.transaction_status == IDLE:
            raise TransactionLeft
        if self._database.vendor == "sqlite" and not driver.in_transaction:
            raise DatabaseError("SQLite has undone the transaction of the task by itself.")

    def _release(self) -> None:
        """Let go of the savepoint. Raise `TransactionLeft` if it is gone."""
        try:
            if self._savepoint is not None:
                self._database.savepoint_commit(self._savepoint)
        except DatabaseError:
            raise TransactionLeft from None  # not trouble with the database, whatever it says

    def _may_be_asked(self, error: Exception) -> bool:
        """Return whether the database says of the savepoint what is so, after this error."""
        if self._database.needs_rollback or is_transient(error) or exhaustion(error):
            return False  # the connection is closed, or the database has undone it all by itself
        driver: Any = self._database.connection
        return self._database.vendor != "postgresql" or driver.info.transaction_status != IN_ERROR


def depth(database: BaseDatabaseWrapper) -> int:
    """Return in how many savepoints the connection is."""
    return sum(name is not None for name in database.savepoint_ids)
