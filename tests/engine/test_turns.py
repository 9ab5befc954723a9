"""Processes on SQLite take turns, whatever its options say."""

from __future__ import annotations

import gc
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction

from automations.engine import locking, turns
from automations.engine.trouble import is_lock_timeout
from automations.exceptions import RunBusy
from automations.management.commands import automation_step
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


@contextmanager
def held() -> Iterator[threading.Event]:
    """Let another thread have the write lock until the event is set or the block ends."""
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Effect.objects.create(run=0, node="held")
            taken.set()
            done.wait(30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert taken.wait(10)
        yield done
    finally:
        done.set()
        holder.join()


def test_a_process_runs_whatever_the_options_say(mode: Any) -> None:
    run = Straight()
    assert path(run) == ["first", "second", "third", "end"]
    assert Effect.objects.count() == 3


def test_who_waits_for_the_lock_looks_often_and_not_for_ever(mode: Any, settings: Any) -> None:
    settings.ATM_LOCK_TIMEOUT = 0.05
    run = Straight(autorun=False)
    with held(), pytest.raises(RunBusy), locking.act_on(run.id):
        locking.lock_run(run.id, wait=True)
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


def test_a_look_in_vain_leaves_no_garbage_for_another_thread_to_collect(mode: Any) -> None:
    """A cursor of a connection that waits holds up whoever collects it, and Python with it."""
    gc.collect()
    gc.disable()
    try:
        with held() as done:
            tried: list[int] = []

            def write() -> None:
                tried.append(len(cursors()))
                if len(tried) == 5:
                    done.set()
                with connection.cursor() as cursor:
                    cursor.execute("UPDATE testapp_effect SET node = 'seen'")

            turns.in_turn(connection, write, 20)
    finally:
        gc.enable()
    assert len(tried) > 4
    assert max(tried) == tried[0]


def cursors() -> list[object]:
    """Return the cursors there are, garbage among them."""
    return [found for found in gc.get_objects() if isinstance(found, sqlite3.Cursor)]


def test_a_write_of_its_own_waits_in_turn_and_one_in_a_transaction_has_it(mode: Any) -> None:
    run = Straight(autorun=False)
    patience: list[int] = []
    with held() as done:

        def write() -> int:
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA busy_timeout")
                patience.append(cursor.fetchone()[0])
            if len(patience) == 3:
                done.set()
            return locking.runs().filter(pk=run.id).update(version=7)

        assert locking.in_own_turn(write) == 1
    assert len(patience) > 2
    assert set(patience) == {0}
    with transaction.atomic():
        locking.in_own_turn(write)
    assert patience[-1] == 20_000


def test_who_gives_way_looks_less_often_than_who_waits_for_a_page(
    mode: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pauses() -> list[float]:
        slept: list[float] = []
        with held(), monkeypatch.context() as patch, pytest.raises(OperationalError):
            patch.setattr(turns.time, "sleep", slept.append)
            turns.in_turn(connection, lambda: Effect.objects.create(run=1, node="x"), 0.5)
        return slept

    monkeypatch.setattr(turns, "_process", turns._Process())
    hurried = pauses()
    turns.give_way()
    patient = pauses()
    assert len(hurried) > 4 * len(patient)
    assert sum(patient) / len(patient) > 4 * sum(hurried) / len(hurried)
    # Both wait as long in all.
    assert sum(patient) == pytest.approx(sum(hurried), rel=0.5)


def test_a_scheduler_that_keeps_running_gives_way_unless_it_is_told_not_to(
    mode: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(automation_step.os, "nice", lambda by: 0)
    for nice, manners in [(0, turns.HURRIED), (10, turns.PATIENT)]:
        monkeypatch.setattr(turns, "_process", turns._Process())
        automation_step.give_way(nice)
        assert turns._process.manners == manners


def test_who_gives_way_leaves_the_lock_alone_for_a_moment_after_each_transaction(
    mode: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(turns.time, "sleep", slept.append)
    monkeypatch.setattr(turns, "_process", turns._Process())

    def transact() -> list[float]:
        slept.clear()
        with locking.atomic():
            Effect.objects.create(run=1, node="x")
        return list(slept)

    assert transact() == []
    turns.give_way()
    assert transact() == [turns.PATIENT.rest]


@pytest.mark.parametrize(("set_to", "with_lock"), [("IMMEDIATE", True), (None, False)])
def test_how_a_transaction_begins_is_known_before_the_first_one(
    set_to: Any, with_lock: bool
) -> None:
    database: Any = SimpleNamespace()
    # Django works it out when it connects.
    database.ensure_connection = lambda: setattr(database, "transaction_mode", set_to)
    assert turns.begins_with_lock(database) is with_lock
