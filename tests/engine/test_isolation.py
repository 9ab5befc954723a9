"""Whatever the isolation level: who gets the lock on a run sees all that was done under it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction

from automations.engine.locking import lock_run, tasks
from automations.engine.trouble import is_transient
from tests.proofs.schedulers import wait_until
from tests.testapp.processes import Straight

pytestmark = pytest.mark.django_db(transaction=True)

#: In the words of Django's ``OPTIONS``; on SQLite there is one level only.
LEVELS = {
    "postgresql": ["read committed", "repeatable read", "serializable"],
    "mysql": ["read committed", "repeatable read", "serializable"],
}.get(connection.vendor, ["serializable"])
#: How many wait for a lock just now.
WAITING = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND wait_event_type = 'Lock'",
    "mysql": "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() "
    "AND id != CONNECTION_ID() AND info LIKE '%FOR UPDATE%'",
}


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let all connections that are made from now on have this isolation level."""
    named: Any = request.param
    if connection.vendor == "postgresql":
        from django.db.backends.postgresql.psycopg_any import IsolationLevel

        named = IsolationLevel[request.param.replace(" ", "_").upper()]
    if connection.vendor != "sqlite":
        monkeypatch.setitem(connection.settings_dict["OPTIONS"], "isolation_level", named)
    connection.close()
    yield request.param
    monkeypatch.undo()
    connection.close()


def somebody_waits() -> bool:
    """Return whether anybody waits for a lock; on SQLite nobody says so."""
    if connection.vendor == "sqlite":
        return True
    with connection.cursor() as cursor:
        cursor.execute(WAITING[connection.vendor])
        return bool(cursor.fetchone()[0])


def in_thread(work: Callable[[], Any]) -> Any:
    """Return what ``work`` returns, on a connection of its own."""
    try:
        return work()
    finally:
        connections.close_all()


def test_who_waits_for_the_lock_reads_nothing_that_was_changed_under_it(level: str) -> None:
    run = Straight(autorun=False)
    held, waited_for = threading.Event(), threading.Event()

    def change() -> None:
        """Change a task and nothing else of its run, as a step may, while somebody waits."""
        with transaction.atomic():
            assert lock_run(run.id, wait=False)
            held.set()
            assert waited_for.wait(10)
            tasks().filter(automation=run.id).update(message="changed")

    def read() -> str:
        assert held.wait(10)
        with transaction.atomic():
            assert lock_run(run.id, wait=True)
            return tasks().get(automation=run.id).message

    with ThreadPoolExecutor(2) as pool:
        changing = pool.submit(in_thread, change)
        reading = pool.submit(in_thread, read)
        assert wait_until(somebody_waits, 10)
        waited_for.set()
        changing.result()
    error = reading.exception()
    if error is None:
        assert reading.result() == "changed"
    else:
        # It is tried again.
        assert isinstance(error, DatabaseError)
        assert is_transient(error)
        assert level != "read committed"
