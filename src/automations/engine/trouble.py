"""
Telling trouble with the database from an error of the work.

A deadlock, a serialization failure, a lost connection, a lock that is not given, a full disk:
none of these says anything about the task, so none may end it. They are told by SQLSTATE
(PostgreSQL, class and code from its manual, appendix A) or error number (MariaDB and MySQL, their
server error reference; SQLite, its result codes), never by the text of the message.

Work that has run out of stack or memory is the opposite: it may stop half-way through talking to
the database, and then what the connection says after that is no trouble of the database's.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import Error as DatabaseError
from django.db import InterfaceError

#: Connection exception, transaction rollback, insufficient resources.
SQLSTATE_CLASSES = ("08", "40", "53")
#: Lock not available; administrator, crash and cannot-connect-now shutdown.
SQLSTATES = ("55P03", "57P01", "57P02", "57P03")
LOCK_SQLSTATE = "55P03"

MYSQL_LOCK_TIMEOUT = 1205
MYSQL_ERRORS = frozenset(
    {
        1020,  # record has changed since it was read (snapshot isolation)
        1021,  # disk full
        1040,  # too many connections
        1053,  # server is shutting down
        1114,  # table is full
        MYSQL_LOCK_TIMEOUT,
        1213,  # deadlock
        1305,  # savepoint does not exist: a deadlock has rolled back the whole transaction
        1927,  # connection was killed
        2002,  # cannot connect
        2003,
        2006,  # server has gone away
        2013,  # lost connection during a query
        2055,
        3572,  # lock not given at once
    }
)

SQLITE_LOCKS = frozenset({5, 6})  # BUSY, LOCKED
SQLITE_ERRORS = SQLITE_LOCKS | {10, 13, 14}  # IOERR, FULL, CANTOPEN


#: What stops a process anywhere, also between two bytes of what a driver sends or reads.
EXHAUSTED = (RecursionError, MemoryError)


def is_transient(error: Exception) -> bool:
    """Return whether ``error`` is, or was raised from, trouble that may be gone next time."""
    return not exhaustion(error) and any(_transient(link) for link in _chain(error))


def exhaustion(error: Exception) -> Exception | None:
    """
    Return the error of work that has run out of stack or memory; None if ``error`` is no such.

    What the database says after that is not what the work has failed with.
    """
    for link in links(error):
        if isinstance(link, EXHAUSTED):
            return link if isinstance(error, DatabaseError) else error
    return None


def links(error: BaseException) -> Iterator[BaseException]:
    """Yield ``error``, what it was raised from, and what was being handled meanwhile."""
    ahead, seen = [error], set[int]()
    while ahead:
        link = ahead.pop()
        if id(link) not in seen:
            seen.add(id(link))
            yield link
            ahead += [before for before in (link.__context__, link.__cause__) if before]


def is_lock_timeout(error: BaseException) -> bool:
    """Return whether ``error`` says that a lock was not given in time."""
    for link in _chain(error):
        number = _number(link)
        if (
            getattr(link, "sqlstate", None) == LOCK_SQLSTATE
            or number == MYSQL_LOCK_TIMEOUT
            or _sqlite(link) in SQLITE_LOCKS
        ):
            return True
    return False


def _transient(error: BaseException) -> bool:
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    if state:
        return state[:2] in SQLSTATE_CLASSES or state in SQLSTATES
    code = _sqlite(error)
    if code is not None:
        return code in SQLITE_ERRORS
    number = _number(error)
    if number is not None:
        return number in MYSQL_ERRORS
    # What has neither: a driver that lost its connection before the server could answer.
    return isinstance(error, InterfaceError) or _lost_connection(error)


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__


def _sqlite(error: BaseException) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF  # the primary code of an extended one


def _number(error: BaseException) -> int | None:
    if isinstance(error, DatabaseError) and error.args and isinstance(error.args[0], int):
        return error.args[0] or None  # PyMySQL says 0 where the connection is gone already
    return None


def _lost_connection(error: BaseException) -> bool:
    module = type(error).__module__.partition(".")[0]
    return module in ("psycopg", "psycopg2") and type(error).__name__ == "OperationalError"
