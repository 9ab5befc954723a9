"""Databases for the benchmark alone: made, and dropped whatever happens."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: All that are measured, with the words for people.
DATABASES = {
    "sqlite-full": "SQLite FULL",
    "sqlite-normal": "SQLite NORMAL",
    "postgresql": "PostgreSQL",
}


@contextmanager
def made(database: str) -> Iterator[dict[str, str]]:
    """Make a database; yield the environment of processes that work in it; drop it."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
        "ATM_BENCH_DATABASE": database,
    }
    if database == "postgresql":
        with on_server() as name:
            yield {**environment, "ATM_BENCH_NAME": name}
        return
    # Not in /tmp, which may be in memory: there a commit would cost nothing.
    build = Path(__file__).resolve().parent.parent / "build"
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as folder:
        yield {**environment, "ATM_BENCH_NAME": str(Path(folder) / "bench.sqlite3")}


@contextmanager
def on_server() -> Iterator[str]:
    """Make a database on the PostgreSQL server; yield its name; drop it."""
    import psycopg
    from psycopg.sql import SQL, Identifier

    def tell(command: str) -> None:
        with psycopg.connect(server(), autocommit=True) as connection:
            connection.execute(SQL(command).format(Identifier(name)))

    name = f"bench_automations_{os.getpid()}"
    tell("CREATE DATABASE {}")
    try:
        yield name
    finally:
        tell("DROP DATABASE IF EXISTS {} WITH (FORCE)")


def tidy_when_told() -> None:
    """Let a process that is told to end drop its database first."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


def server() -> str:
    """Return how to reach the server's own database."""
    host, port = os.environ.get("PGHOST", "127.0.0.1"), os.environ.get("PGPORT", "5432")
    user, password = os.environ.get("PGUSER", "postgres"), os.environ.get("PGPASSWORD", "")
    said = f"host={host} port={port} user={user} dbname=postgres connect_timeout=5"
    return said + (f" password={password}" if password else "")


def lacking(database: str) -> str:
    """Return why the database cannot be measured here; empty if it can."""
    if database != "postgresql":
        return ""
    try:
        import psycopg

        psycopg.connect(server()).close()
    except Exception as error:  # noqa: BLE001 - said to people
        return f"no PostgreSQL: {str(error).strip().splitlines()[0]}"
    return ""
