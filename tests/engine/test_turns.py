"""Processes on SQLite take turns, whatever its options say."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction

from automations.engine import locking, turns
from automations.engine.trouble import is_lock_timeout
from automations.exceptions import RunBusy
from tests.engine.rows import path
from tests.testapp.models import Effect
from tests.testapp.processes import Straight

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        "connection.vendor != 'sqlite'", reason="Only SQLite has one lock for all runs."
    ),
]


@pytest.fixture(params=["IMMEDIATE", None])
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """How transactions begin: with the lock, or as Django's default options say."""
    connection.ensure_connection()
    monkeypatch.setattr(connections["default"], "transaction_mode", request.param)
    return request.param


def test_a_process_runs_whatever_the_options_say(mode: Any) -> None:
    run = Straight()
    assert path(run) == ["first", "second", "third", "end"]
    assert Effect.objects.count() == 3


def test_who_waits_for_the_lock_looks_often_and_not_for_ever(mode: Any, settings: Any) -> None:
    settings.ATM_LOCK_TIMEOUT = 0.05
    run = Straight(autorun=False)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Effect.objects.create(run=0, node="held")
            held.set()
            done.wait(30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert held.wait(10)
        with pytest.raises(RunBusy), locking.act_on(run.id):
            locking.lock_run(run.id, wait=True)
    finally:
        done.set()
        holder.join()
    run.run()
    assert run.finished()


def test_the_usual_patience_is_given_back_to_the_project(mode: Any) -> None:
    turns.in_turn(connection, lambda: None, 0.1)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        assert cursor.fetchone() == (20_000,)


def test_other_errors_are_not_waited_for(mode: Any) -> None:
    def broken() -> None:
        raise OperationalError("no such table")

    with pytest.raises(OperationalError, match="no such table") as raised:
        turns.in_turn(connection, broken, 60)
    assert not is_lock_timeout(raised.value)
