"""Trouble that a test makes for its workers: connections that are dropped, locks that are held."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, connection

from automations.models import AutomationModel, AutomationTaskModel

TABLES = [AutomationModel._meta.db_table, AutomationTaskModel._meta.db_table]


@contextmanager
def another_connection() -> Iterator[Any]:
    """Give the cursor of one more connection, in which every statement counts at once."""
    if connection.vendor == "sqlite":
        file = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, timeout=0)
        try:
            yield file.cursor()
        finally:
            file.close()
        return
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            yield cursor
    finally:
        other.close()


def own_number(cursor: Any) -> int:
    """Return by which number the server knows this connection."""
    function = "pg_backend_pid()" if connection.vendor == "postgresql" else "CONNECTION_ID()"
    cursor.execute(f"SELECT {function}")
    return int(cursor.fetchone()[0])


def drop_connections(other: Any) -> int:
    """Drop every connection to the database of the test but its own two; return how many."""
    with connection.cursor() as own:
        kept = {own_number(own), own_number(other)}
    if connection.vendor == "postgresql":
        listing = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        drop = "SELECT pg_terminate_backend({})"
    else:
        listing = "SELECT id FROM information_schema.processlist WHERE db = DATABASE()"
        drop = "KILL {}"
    other.execute(listing)
    found = {int(number) for (number,) in other.fetchall()} - kept
    for number in found:
        with contextlib.suppress(DatabaseError):  # it has just gone by itself
            other.execute(drop.format(number))
    return len(found)


def when_free(write: Callable[[], Any]) -> None:
    """Do the write as soon as SQLite's lock is free: who waits politely never gets its turn."""
    while True:
        try:
            write()
            return
        except sqlite3.OperationalError:  # busy
            continue


@contextmanager
def tables_locked(other: Any) -> Iterator[None]:
    """Let nobody else write to the tables of the package."""
    begin, end = {
        "sqlite": (["BEGIN IMMEDIATE"], "ROLLBACK"),
        "postgresql": (["BEGIN", f"LOCK TABLE {', '.join(TABLES)} IN EXCLUSIVE MODE"], "ROLLBACK"),
        "mysql": ([f"LOCK TABLES {' WRITE, '.join(TABLES)} WRITE"], "UNLOCK TABLES"),
    }[connection.vendor]
    for statement in begin:
        when_free(lambda statement=statement: other.execute(statement))
    try:
        yield
    finally:
        other.execute(end)
