"""Trouble with the database is told from an error of the work, by code and never by text."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import (
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    connections,
    transaction,
)
from django.utils import timezone

from automations.dispatch import claims
from automations.dispatch.sweep import sweep
from automations.engine import attention, locking, people, steps
from automations.engine.tripwire import LEAVES, TransactionLeft
from automations.engine.trouble import is_lock_timeout, is_transient
from automations.exceptions import RunBusy
from automations.models import AutomationModel, AutomationTaskModel
from tests.engine.rows import at, path, row
from tests.plain import HOUR
from tests.proofs.trouble import another_connection
from tests.testapp import processes
from tests.testapp.background import InterruptedLink
from tests.testapp.forms import ApprovalForm
from tests.testapp.models import Effect
from tests.testapp.processes import Lost, Odd, Straight


class Coded(Exception):
    """A driver's error with a code."""

    def __init__(self, **codes: Any) -> None:
        super().__init__("deadlock detected, or so it says")
        vars(self).update(codes)


def from_driver(cause: Exception, *args: Any) -> OperationalError:
    """Return the error that Django makes of the driver's."""
    error = OperationalError(*args)
    error.__cause__ = cause
    return error


DEADLOCKS = [
    from_driver(Coded(sqlstate="40P01")),
    from_driver(Coded(sqlstate="40001")),
    from_driver(Coded(sqlstate="08006")),
    from_driver(Coded(sqlstate="57P01")),
    from_driver(Coded(pgcode="53100")),
    from_driver(Coded(), 1213, "Deadlock found"),
    from_driver(Coded(), 2013, "Lost connection"),
    from_driver(Coded(), 1305, "SAVEPOINT does not exist"),
    from_driver(Coded(sqlite_errorcode=5)),
    from_driver(Coded(sqlite_errorcode=517)),
    from_driver(Coded(sqlite_errorcode=13)),
    InterfaceError("connection already closed"),
    InterfaceError(0, ""),
]
OWN_ERRORS = [
    ValueError("deadlock detected"),
    from_driver(Coded(sqlstate="42P01")),
    from_driver(Coded(sqlstate="23505")),
    from_driver(Coded(), 1062, "Duplicate entry"),
    from_driver(Coded(sqlite_errorcode=1)),
    from_driver(sqlite3.OperationalError("database is locked, says the text alone")),
]


@pytest.mark.parametrize("error", DEADLOCKS)
def test_trouble_is_known_by_its_code(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize("error", OWN_ERRORS)
def test_an_error_of_the_work_is_no_trouble_whatever_its_text_says(error: Exception) -> None:
    assert not is_transient(error)


def test_a_lost_connection_has_no_code() -> None:
    lost = type("OperationalError", (Exception,), {"__module__": "psycopg.errors"})
    assert is_transient(from_driver(lost("server closed the connection unexpectedly")))


def test_an_error_raised_from_trouble_is_trouble() -> None:
    error = ValueError("could not save")
    error.__cause__ = DEADLOCKS[0]
    assert is_transient(error)


def test_a_chain_of_errors_that_bites_its_tail_ends() -> None:
    error = ValueError()
    error.__cause__ = error
    assert not is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        from_driver(Coded(sqlstate="55P03")),
        from_driver(Coded(), 1205, "Lock wait timeout exceeded"),
        from_driver(Coded(sqlite_errorcode=5)),
    ],
)
def test_a_lock_that_is_not_given_is_known_by_its_code(error: Exception) -> None:
    assert is_lock_timeout(error)
    assert not is_lock_timeout(DEADLOCKS[0])


def deadlock(times: int) -> Any:
    """Return work that runs into a deadlock so many times before it succeeds."""
    left = [times]

    def work(self: Any, task: Any) -> None:
        Effect.objects.create(run=self.id, node=task.status)
        if left[0]:
            left[0] -= 1
            raise from_driver(Coded(sqlstate="40P01"), "deadlock detected")

    return work


@pytest.mark.django_db(transaction=True)
def test_a_deadlock_delays_a_task_and_never_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes.Straight, "note", deadlock(1))
    run = Straight()
    assert path(run) == ["first"]
    task = at(run, "first")
    assert (task.state, task.attempts) == ("ready", 0)
    assert row(run).state == "running"
    assert row(run).due == task.due
    assert row(run).due > row(run).created
    assert row(run).claimed_by == ""
    assert not Effect.objects.exists()
    AutomationModel.run(timestamp=task.due)
    assert run.finished()
    assert Effect.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_sweep_counts_what_the_database_has_delayed(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Straight(autorun=False)
    monkeypatch.setattr(processes.Straight, "note", deadlock(1))
    report = sweep()
    assert report.ok
    assert report.delayed == 1
    assert "1 delayed by the database" in str(report)
    assert row(run).claimed_by == ""


@pytest.mark.django_db(transaction=True)
def test_trouble_before_a_task_is_known_delays_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Straight(autorun=False)

    def broken(run_id: int, *, wait: bool) -> None:
        raise DEADLOCKS[0]

    monkeypatch.setattr(steps, "lock_with_tasks", broken)
    assert steps.step(run.id) == steps.Step(delayed=True)


@pytest.mark.django_db(transaction=True)
def test_trouble_while_recovering_delays_the_task() -> None:
    run = Lost(answer="trouble", autorun=False)
    assert steps.step(run.id).delayed
    assert at(run, "start").state == "ready"


@pytest.mark.django_db(transaction=True)
def test_what_somebody_else_has_moved_meanwhile_is_not_delayed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Straight(autorun=False)
    task = at(run, "first")
    attention.delay(task.pk, run.id, task.due - HOUR)
    assert at(run, "first").due == task.due
    monkeypatch.setattr(processes.Straight, "note", deadlock(1))
    monkeypatch.setattr(steps, "lock_run", lambda run_id, wait: None)
    assert steps.step(run.id).delayed
    assert at(run, "first").due == task.due


@pytest.mark.django_db(transaction=True)
def test_trouble_while_delaying_keeps_no_other_run(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [Straight(autorun=False), Straight(autorun=False)]
    monkeypatch.setattr(processes.Straight, "note", deadlock(1))

    def broken(*args: Any) -> None:
        raise DEADLOCKS[0]

    monkeypatch.setattr(steps, "delay", broken)
    report = sweep()
    assert (report.delayed, report.broken) == (1, 0)
    assert sorted(row(run).state for run in runs) == ["finished", "running"]
    # Nobody waits for the end of a claim.
    assert {row(run).claimed_by for run in runs} == {""}


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.django_db(transaction=True)
def test_trouble_is_not_charged_to_a_task_whose_worker_is_lost_again_and_again(
    twice: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the database is in trouble again when that is written down."""
    run = Straight(autorun=False)

    def broken(*args: Any) -> None:
        raise DEADLOCKS[0]

    if twice:
        monkeypatch.setattr(steps, "delay", broken)
    monkeypatch.setattr(processes.Straight, "note", deadlock(5))
    for _ in range(5):
        AutomationModel.objects.filter(pk=run.id).update(
            claimed_by="dead", claimed_until=row(run).created - HOUR, due=row(run).created
        )
        AutomationTaskModel.objects.update(due=row(run).created)
        assert sweep().delayed == 1
        assert at(run, "first").attempts == 0
    AutomationModel.run(timestamp=at(run, "first").due)
    assert run.finished()


@pytest.mark.django_db(transaction=True)
def test_what_must_not_be_left_behind_is_written_patiently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "PAUSE", 0.001)
    tried: list[Exception] = []

    def write(*errors: Exception) -> None:
        if len(tried) < len(errors):
            tried.append(errors[len(tried)])
            raise tried[-1]

    claims.patiently(lambda: write(*DEADLOCKS[:4]))
    assert tried == DEADLOCKS[:4]
    for errors in (DEADLOCKS[:5], [from_driver(Coded(sqlstate="42P01"))]):
        tried.clear()
        with pytest.raises(OperationalError):
            claims.patiently(lambda errors=errors: write(*errors))
        assert tried == errors
    tried.clear()
    with pytest.raises(OperationalError), transaction.atomic():
        claims.patiently(lambda: write(*DEADLOCKS[:1]))


@pytest.mark.django_db
def test_inside_a_transaction_of_the_callers_trouble_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes.Straight, "note", deadlock(1))
    with pytest.raises(OperationalError, match="deadlock"), transaction.atomic():
        Straight()
    assert not AutomationModel.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_is_gone_is_never_written_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """On MariaDB a deadlock takes the savepoints with it, even if the work has swallowed it."""

    def swallow(self: Any, task: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")
            if connection.vendor != "mysql":
                cursor.execute("BEGIN")

    monkeypatch.setattr(processes.Straight, "note", swallow)
    run = Straight(autorun=False)
    outcome = steps.step(run.id)
    assert outcome.delayed or outcome.failed
    assert path(run) == ["first"]


def said(*statements: Any) -> Callable[[Any], None]:
    """Return work that says this to the database."""

    def work(task: Any) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    return work


def commits_by_the_driver(task: Any) -> None:
    connection.connection.commit()


def composes(task: Any) -> None:
    from psycopg import sql

    said(sql.SQL("COMMIT"), "SELECT 1")(task)


LEAVING: dict[str, tuple[Callable[[Any], None], tuple[str, ...]]] = {
    "commit": (said("COMMIT"), ("postgresql", "sqlite", "mysql")),
    "rollback": (said("ROLLBACK"), ("postgresql", "sqlite", "mysql")),
    "and another one": (said("ROLLBACK", "BEGIN"), ("postgresql", "sqlite", "mysql")),
    "and more": (said("COMMIT", "SELECT 1"), ("postgresql", "sqlite", "mysql")),
    "in a script": (said("SELECT 1; -- and\n commit"), ("postgresql",)),
    "composed": (composes, ("postgresql",)),
    "by the driver": (commits_by_the_driver, ("postgresql",)),
    "a table": (said("CREATE TABLE atm_x (y INT)", "DROP TABLE atm_x"), ("mysql",)),
}


def left(way: str, patch: pytest.MonkeyPatch, *, shared: bool, fails: bool = False) -> Any:
    """Let work end its transaction that way, and perhaps fail; return its task, an incident."""
    work, vendors = LEAVING[way]
    if connection.vendor not in vendors:
        pytest.skip("No such way out of a transaction here.")
    note, guilty = processes.Straight.note, "second" if shared else "first"

    def leave(self: Any, task: Any) -> Any:
        if task.status != guilty:
            return note(self, task)
        work(task)
        if fails:
            raise ValueError("and that")
        return None

    patch.setattr(processes.Straight, "note", leave)
    run = Straight(autorun=False)
    if shared:
        assert run.run() is None
    else:
        assert steps.step(run.id).failed
    task = at(run, guilty)
    assert (task.state, row(run).state) == ("failed", "failed")
    assert task.message.startswith("TransactionLeft: ")
    assert path(run) == (["first", "second"] if shared else ["first"])
    return task


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("way", LEAVING)
def test_work_that_ends_its_transaction_is_an_error_that_says_so(
    way: str, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "ValueError" not in left(way, monkeypatch, shared=shared).traceback


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("way", ["commit", "rollback", "and another one", "a table"])
def test_work_that_has_ended_its_transaction_and_fails_is_not_tried_for_ever(
    way: str, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = left(way, monkeypatch, shared=shared, fails=True)
    assert "ValueError: and that" in task.traceback


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "statements",
    [("SELECT 1; SELECT 'end'",), ("CREATE TABLE atm_x (y INT)", "DROP TABLE atm_x"), ("BEGIN",)],
)
def test_work_that_fails_in_its_transaction_has_not_left_it(
    statements: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it has said: a database that refuses a statement says nothing of the rest."""
    if connection.vendor == "mysql":
        pytest.skip("There it has.")

    def fail(self: Any, task: Any) -> None:
        said(*statements)(task)
        said("SELECT * FROM there_is_no_such_table")(task)

    monkeypatch.setattr(processes.Straight, "note", fail)
    run = Straight(autorun=False)
    assert steps.step(run.id).failed
    assert not at(run, "first").message.startswith("TransactionLeft")


@pytest.mark.django_db(transaction=True)
def test_what_sqlite_has_undone_by_itself_is_not_written_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on a full disk, whatever the work makes of it."""
    if connection.vendor != "sqlite":
        pytest.skip("Other databases say so, or their savepoint is gone.")

    def undone(self: Any, task: Any) -> None:
        connection.connection.rollback()

    monkeypatch.setattr(processes.Straight, "note", undone)
    run = Straight(autorun=False)
    assert steps.step(run.id).delayed
    assert at(run, "first").state == "ready"
    assert path(run) == ["first"]


@pytest.mark.django_db(transaction=True)
def test_work_that_closes_its_connection_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes.Straight, "note", lambda self, task: connection.close())
    run = Straight(autorun=False)
    outcome = steps.step(run.id)
    assert outcome.delayed or outcome.failed
    assert at(run, "first").state in ("ready", "failed")
    assert path(run) == ["first"]


@pytest.mark.django_db(transaction=True)
def test_work_that_closes_its_connection_and_fails_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(self: Any, task: Any) -> None:
        said("BEGIN" if connection.vendor == "postgresql" else "SELECT 1")(task)
        connection.close()
        raise ValueError("and that")

    monkeypatch.setattr(processes.Straight, "note", fail)
    run = Straight(autorun=False)
    outcome = steps.step(run.id)
    assert outcome.delayed or outcome.failed
    assert at(run, "first").state in ("ready", "failed")
    assert path(run) == ["first"]


@pytest.mark.django_db(transaction=True)
def test_work_that_ends_the_callers_transaction_is_the_callers_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes.Straight, "note", lambda self, task: said("ROLLBACK")(task))
    with pytest.raises(TransactionLeft), transaction.atomic():
        Straight()
    assert not AutomationModel.objects.exists()


@pytest.mark.parametrize(
    "sql",
    [
        "commit",
        " Rollback",
        "/* so */ -- it is\n/* ** */ABORT",
        "SELECT 1;END",
        "start  transaction",
        "ROLLBACK WORK",
        "DELETE FROM x;\n\nBEGIN;",
        "create table x (y int)",
        "SET autocommit = 1",
        "set @@session.autocommit=1",
    ],
)
def test_what_ends_a_transaction_is_known_by_its_words(sql: str) -> None:
    assert LEAVES.search(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 -- commit",
        "/* begin */ SELECT 1",
        "SELECT CASE WHEN true THEN 1 END",
        "ROLLBACK TO SAVEPOINT x",
        "rollback work to x",
        "SAVEPOINT x",
        "SELECT commit FROM commits",
        "COMMITS",
        "SET LOCAL lock_timeout = 1",
        "UPDATE x SET y = 'begin'",
        "/**/" * 10_000 + "SELECT 1",
        ";" * 10_000,
    ],
)
def test_what_goes_on_in_its_transaction_is_no_end_of_it(sql: str) -> None:
    assert not LEAVES.search(sql)


goes_back = said("SAVEPOINT ours", "ROLLBACK TO SAVEPOINT ours", "RELEASE SAVEPOINT ours")


def goes_back_by_django(task: Any) -> None:
    with contextlib.suppress(IntegrityError), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("/* begin */ SELECT CASE WHEN 1 = 1 THEN 1 END")
            if connection.vendor == "postgresql":
                cursor.execute("DO $$ BEGIN PERFORM 1; END $$")
        User.objects.bulk_create([User(username="ada"), User(username="ada")])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("work", [goes_back, goes_back_by_django])
def test_work_that_goes_back_to_a_savepoint_of_its_own_goes_on(
    work: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes.Straight, "note", lambda self, task: work(task))
    assert path(Straight()) == ["first", "second", "third", "end"]


@pytest.mark.django_db(transaction=True)
def test_a_person_gets_a_busy_answer_when_the_database_is_in_trouble(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(run_id: int, *, wait: bool) -> None:
        raise DEADLOCKS[0]

    monkeypatch.setattr(people, "lock_with_tasks", broken)
    with pytest.raises(RunBusy, match="cannot be changed just now"):
        people.submit(1, 1, ApprovalForm(), None)
    with pytest.raises(OperationalError), transaction.atomic():
        people.submit(1, 1, ApprovalForm(), None)


@pytest.mark.django_db(transaction=True)
def test_a_lock_that_is_not_given_is_a_busy_run(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Straight(autorun=False)

    def never(limit: float) -> None:
        raise from_driver(Coded(sqlstate="55P03"), "canceling statement due to lock timeout")

    monkeypatch.setattr(locking, "take_write_lock", never)
    with pytest.raises(RunBusy, match="did not become free in 5 seconds"), transaction.atomic():
        locking.lock_run(run.id, wait=True)

    def other(limit: float) -> None:
        raise DEADLOCKS[0]

    monkeypatch.setattr(locking, "take_write_lock", other)
    with pytest.raises(OperationalError), transaction.atomic():
        locking.lock_run(run.id, wait=True)


@pytest.mark.django_db(transaction=True)
def test_waiting_for_a_lock_has_a_limit(settings: Any) -> None:
    """Against a second connection that holds the lock."""
    import threading

    settings.ATM_LOCK_TIMEOUT = 1 if connection.vendor != "sqlite" else 0.1
    run = Straight(autorun=False)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                locking.lock_run(run.id, wait=False)
                held.set()
                done.wait(30)
        finally:
            connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert held.wait(10)
        with pytest.raises(RunBusy), locking.act_on(run.id):
            locking.lock_run(run.id, wait=True)
        if connection.vendor != "sqlite":
            assert steps.step(run.id) == steps.Step(obtained=False)
    finally:
        done.set()
        holder.join()
        connection.close()
    with transaction.atomic():
        assert locking.lock_run(run.id, wait=True) is not None


@pytest.mark.django_db
def test_trouble_of_long_ago_is_not_taken_for_the_cause_of_a_broken_transaction() -> None:
    connection.rollback_exc = OperationalError("the line is dead")
    connection.rollback_exc.__cause__ = InterruptedLink()
    assert is_transient(connection.rollback_exc)
    run = Odd(what="rolls_back")
    assert (row(run).state, at(run, "start").state) == ("failed", "failed")


@pytest.fixture
def lost_again(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Let a connection that is made after one was lost be lost as well, before it is ready."""
    lost: list[str] = []
    wrapper = type(connections["default"])
    make_ready: Any = wrapper._set_autocommit

    def made(self: Any, on: bool) -> None:
        if on and lost == ["the first"]:
            lost.append("the second")
            drop(other, self.connection)
        make_ready(self, on)

    with another_connection() as other:

        def work(self: Any, task: Any) -> None:
            if not lost:
                lost.append("the first")
                drop(other, connection.connection)
                Effect.objects.exists()

        monkeypatch.setattr(processes.Straight, "note", work)
        monkeypatch.setattr(wrapper, "_set_autocommit", made)
        yield lost


def drop(other: Any, raw: Any) -> None:
    """Let the server end this connection."""
    if connection.vendor == "mysql":
        other.execute(f"KILL {raw.thread_id()}")
    else:
        other.execute("SELECT pg_terminate_backend(%s)", [raw.info.backend_pid])


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no connections to lose.")
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_lost_while_it_is_made_again_delays_a_run_and_stops_nothing(
    lost_again: list[str],
) -> None:
    run, other = Straight(autorun=False), Straight(autorun=False)
    report = sweep()
    assert (report.delayed, report.broken) == (1, 0)
    assert not connection.in_atomic_block
    assert other.finished()
    sweep(until=timezone.now() + HOUR)
    assert run.finished()
    assert lost_again[0] == "the first"


class HalfMade:
    """A connection that was lost before Django could turn autocommit on, as two drivers say so."""

    in_atomic_block = False
    closes = 0

    def __init__(self, **raw: Any) -> None:
        self.connection = SimpleNamespace(**raw)

    def get_autocommit(self) -> bool:
        """Off, as on one whose transactions the caller manages."""
        return False

    def close(self) -> None:
        """Count it."""
        self.closes += 1


@pytest.mark.parametrize(
    ("raw", "let_go"),
    [({"closed": True}, 1), ({"open": False}, 1), ({"closed": False}, 0), ({"open": True}, 0)],
    ids=["psycopg, lost", "PyMySQL, lost", "psycopg, in use", "PyMySQL, in use"],
)
def test_only_a_connection_that_is_lost_is_let_go(raw: dict[str, bool], let_go: int) -> None:
    half = HalfMade(**raw)
    locking.put_right(half)  # type: ignore[arg-type] # it has what is asked for
    assert half.closes == let_go


@pytest.mark.django_db(transaction=True)
def test_a_thread_that_is_left_in_a_transaction_gets_another_connection() -> None:
    left = transaction.atomic()
    left.__enter__()
    Effect.objects.create(run=1, node="x")
    locking.renew_connection()
    assert not locking.in_transaction()
    assert not Effect.objects.exists()
    run = Straight()
    assert run.finished()
