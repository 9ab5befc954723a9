"""Databases for the tests of the upgrade: each empty, under an alias of its own, then removed."""

from __future__ import annotations

import copy
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

APP = "automations"
SQUASHED = (APP, "0001_squashed_0006_release_0_9_4_1")
COLUMNS = (APP, "0002_columns_and_tables")
ROWS = (APP, "0003_rows")
LAST = (APP, "0010_states")

numbers = itertools.count()


@contextmanager
def empty_database() -> Iterator[str]:
    """Make a database without any table and yield its alias."""
    number = next(numbers)
    alias = f"upgrade{number}"
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    name = f"test_automations_{settings.RUN}_{worker}_{alias}"
    if settings.VENDOR == "sqlite":
        name = str(settings.DIRECTORY / f"{worker}-{alias}.sqlite3")
    connections.settings[alias] = copy.deepcopy(connections.settings["default"])
    connections.settings[alias]["TEST"]["NAME"] = name
    connection = connections[alias]
    connection.creation._create_test_db(verbosity=0, autoclobber=True)
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield alias
    finally:
        connection = connections[alias]  # another one, if a test has hung up
        connection.close()
        connection.creation._destroy_test_db(name, verbosity=0)
        del connections[alias], connections.settings[alias]


def migrate(alias: str, *targets: tuple[str, str | None]) -> Any:
    """Migrate the database to ``targets``, by default to the end, and return the models there."""
    executor = MigrationExecutor(connections[alias])
    return executor.migrate(list(targets) or [LAST]).apps


def schema(alias: str) -> dict[str, Any]:
    """Return what the tables of the app are made of, in a form that can be compared."""
    connection = connections[alias]
    found: dict[str, Any] = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if not table.startswith("automations_"):
                continue
            found[table] = {
                "columns": _columns(connection, cursor, table),
                "constraints": _constraints(connection, cursor, table),
            }
    return found


def _columns(connection: Any, cursor: Any, table: str) -> dict[str, Any]:
    if connection.vendor == "sqlite":
        cursor.execute(f'PRAGMA table_info("{table}")')
        return {row[1]: (row[2], row[3], row[4], row[5]) for row in cursor.fetchall()}
    query = (
        "SELECT column_name, {kind}, character_maximum_length, is_nullable, column_default"
        " FROM information_schema.columns WHERE table_name = %s AND table_schema = {schema}"
    )
    if connection.vendor == "postgresql":
        query = query.format(
            kind="data_type || coalesce(is_identity, '')", schema="current_schema()"
        )
    else:
        query = query.format(kind="concat(column_type, extra)", schema="database()")
    cursor.execute(query, [table])
    return {row[0]: row[1:] for row in cursor.fetchall()}


def _constraints(connection: Any, cursor: Any, table: str) -> list[str]:
    described = []
    for name, item in connection.introspection.get_constraints(cursor, table).items():
        kinds = [
            kind
            for kind in ("primary_key", "unique", "index", "foreign_key", "check")
            if item[kind]
        ]
        # Names that Django makes up hold a checksum of how it came to make them.
        known = name if name.startswith("atm_") else ""
        described.append(f"{known} {kinds} {item['columns']} {item['foreign_key']}")
    return sorted(described)
