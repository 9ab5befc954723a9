"""
How the database is emptied after a test that has committed.

Django empties every table, and then makes content types and permissions anew, which takes ten times
as long. Here what was made when the database was made is left as it is, unless the test has
changed it.

On PostgreSQL small tables are emptied row by row, as Django does it on the other databases:
TRUNCATE makes new files for all of them, which takes forty times as long.
"""

from __future__ import annotations

from typing import Any

from django.core.management.commands import flush
from django.db import connections

#: Bytes from which on a table of PostgreSQL is truncated after a test: the room of rows that are
#: deleted would be read until its vacuum.
LARGE = 128 * 1024

Rows = list[tuple[Any, ...]]


class Flushing:
    """Stands in for what the command ``flush`` calls, for one kind of database."""

    def __init__(self, operations: type[Any], emit: Any) -> None:
        self._usual = operations.sql_flush
        self._emit = emit
        #: What is in the tables of a database that has just been made, by its alias.
        self._made: dict[str, dict[str, Rows]] = {}
        #: The database in which that is left as it is this time.
        self._left = ""

    def sql_flush(
        self, operations: Any, style: Any, tables: list[str], **options: Any
    ) -> list[str]:
        """Return what empties the tables."""
        database = operations.connection
        made = self._made.get(database.alias, {})
        self._left = ""
        same = (
            table in tables and rows_of(database, table) == rows for table, rows in made.items()
        )
        if made and all(same):
            self._left = database.alias
            tables = [table for table in tables if table not in made]
        if database.vendor != "postgresql" or largest_of(database, tables) > LARGE:
            return list(self._usual(operations, style, tables, **options))
        quote = operations.quote_name
        return [f"DELETE FROM {quote(table)};" for table in tables]  # noqa: S608 - no input

    def emit(self, verbosity: int, interactive: bool, alias: str, **more: Any) -> None:
        """Make content types and permissions, unless they are there."""
        if alias == self._left:
            return
        self._emit(verbosity, interactive, alias, **more)
        database = connections[alias]
        names = database.introspection.django_table_names(only_existing=True, include_views=False)
        found = {table: rows_of(database, table) for table in names}
        self._made[alias] = {table: rows for table, rows in found.items() if rows}


def rows_of(database: Any, table: str) -> Rows:
    """Return all rows of the table, in the order of its first column."""
    with database.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {database.ops.quote_name(table)} ORDER BY 1")  # noqa: S608 - no input
        return [tuple(row) for row in cursor.fetchall()]


def largest_of(database: Any, tables: list[str]) -> int:
    """Return how many bytes the largest of the tables has."""
    size = "SELECT max(pg_relation_size(name::regclass)) FROM unnest(%s::text[]) name"
    with database.cursor() as cursor:
        cursor.execute(size, [[database.ops.quote_name(table) for table in tables]])
        (largest,) = cursor.fetchone()
    return largest or 0


def register() -> None:
    """Let all tests of this process be followed by it."""
    operations = type(connections["default"].ops)
    ours = Flushing(operations, flush.emit_post_migrate_signal)
    operations.sql_flush = lambda *arguments, **options: ours.sql_flush(*arguments, **options)
    flush.emit_post_migrate_signal = ours.emit
