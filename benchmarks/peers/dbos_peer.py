"""DBOS: a library with tables of its own, here in the same database."""

from __future__ import annotations

import functools
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy
from dbos import DBOS, DBOSClient, DBOSConfig
from django.conf import settings
from django.db import connection

from benchmarks.importing import Kind
from benchmarks.measuring import CONTROL
from benchmarks.models import Effect
from benchmarks.peers.peer import Peer

QUEUE = "timers"
EFFECTS = Effect._meta.db_table
LONG = 365 * 24 * 3600.0
TABLE = "workflow_status" if connection.vendor == "sqlite" else "dbos.workflow_status"


@DBOS.step()
def work() -> str:
    """Do next to nothing, and return something, which is kept."""
    return "done"


@DBOS.workflow()
def ten() -> None:
    """W1: ten steps in a row."""
    for _ in range(10):
        work()


@DBOS.workflow()
def branch() -> None:
    """Two steps."""
    work()
    work()


@DBOS.workflow()
def three() -> None:
    """W2: three branches of two steps, which are waited for."""
    for handle in [DBOS.start_workflow(branch) for _ in range(3)]:
        handle.get_result()


@DBOS.step()
def note(number: int) -> None:
    """Leave a trace, through few connections: it works in hundreds of threads."""
    with traces().begin() as its:
        its.execute(sqlalchemy.text(f"INSERT INTO {EFFECTS} (run) VALUES (:run)"), {"run": number})


@functools.cache
def traces() -> sqlalchemy.Engine:
    """Return where traces are left."""
    its = address().replace("postgresql:", "postgresql+psycopg:")
    return sqlalchemy.create_engine(its, pool_size=5, max_overflow=0, pool_timeout=600)


@DBOS.workflow()
def ring(number: int) -> None:
    """W5: what is done when a timer fires."""
    note(number)


def ten_steps(times: int) -> None:
    """Do so many runs."""
    for _ in range(times):
        ten()


def three_branches(times: int) -> None:
    """Do so many runs."""
    for _ in range(times):
        three()


def address() -> str:
    """Return the address of the database of the project."""
    its = settings.DATABASES["default"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{its['NAME']}"
    return f"postgresql://{its['USER']}@{its['HOST']}:{its['PORT']}/{its['NAME']}"


def as_wanted(raw: Any, record: Any) -> None:
    """
    Let its connections to SQLite be as careful as the project's.

    Its tables ask for the time in a way that SQLite has from 3.42 on.
    """
    if connection.vendor == "sqlite":
        if sqlite3.sqlite_version_info < (3, 42):
            raw.create_function("unixepoch", 1, lambda _: time.time())
        raw.execute(settings.DATABASES["default"]["OPTIONS"]["init_command"].split(";")[1])


@contextmanager
def running() -> Iterator[None]:
    """Launch it, and end it."""
    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", as_wanted)
    config = DBOSConfig(
        name="bench", system_database_url=address(), log_level="ERROR", application_version="1"
    )
    DBOS(config=config)
    DBOS.launch()
    try:
        yield
    finally:
        DBOS.destroy()


def count(done: Callable[[], object]) -> tuple[int, int]:
    """Return how many statements the work takes, and how many for its transactions."""
    told: list[str] = []

    def statement(conn: Any, cursor: Any, sql: str, *others: Any) -> None:
        told.append(sql.lstrip().upper())

    def control(conn: Any) -> None:
        told.append("COMMIT")

    listeners = {"before_cursor_execute": statement, "begin": control, "commit": control}
    for name, listener in listeners.items():
        sqlalchemy.event.listen(sqlalchemy.Engine, name, listener)
    try:
        done()
    finally:
        for name, listener in listeners.items():
            sqlalchemy.event.remove(sqlalchemy.Engine, name, listener)
    its_own = sum(1 for sql in told if sql.startswith(CONTROL))
    return len(told) - its_own, its_own


def make_timers(kind: str, number: int) -> None:
    """Put so many workflows into a queue, which are delayed for long."""
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {TABLE}")
    client = DBOSClient(system_database_url=address())
    try:
        for at in range(number):
            client.enqueue(
                {
                    "workflow_name": ring.__qualname__,
                    "queue_name": QUEUE,
                    "delay_seconds": LONG,
                    "app_version": "1",
                },
                at,
            )
    finally:
        client.destroy()


def let_be_due(due: datetime) -> None:
    """Let all of them be due at one moment."""
    moment = int(due.timestamp() * 1000)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {TABLE} SET delay_until_epoch_ms = %s", [moment])


def left() -> int:
    """Return how many have not ended."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {TABLE} WHERE status <> 'SUCCESS'")
        return int(cursor.fetchone()[0])


PEER = Peer(
    ten_steps=ten_steps,
    three_branches=three_branches,
    count=count,
    workers={"a queue": ["benchmarks.peers.dbos_peer"]},
    make_timers=make_timers,
    let_be_due=let_be_due,
    left=left,
    running=running,
    imports=Kind(imports="from dbos import DBOS"),
)


def main() -> None:
    """Work off the queue until this process is told to end."""
    with running():
        DBOS.register_queue(QUEUE)
        while True:
            time.sleep(1)
