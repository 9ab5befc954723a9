"""Runs that take but a moment share a transaction, and nobody sees a difference."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from automations.dispatch import pace as pacing
from automations.dispatch import sweep as sweeping
from automations.dispatch.pace import Pace
from automations.dispatch.sweep import sweep
from automations.engine import blocks, together, watching
from automations.models import AutomationModel, AutomationTaskModel
from tests.engine.rows import closings, path, row, states
from tests.engine.test_trouble import DEADLOCKS, said
from tests.testapp.bursts import (
    HAPPENED,
    Charging,
    Dangling,
    Hooked,
    Meddling,
    Pairs,
    Row,
    Troubled,
)
from tests.testapp.models import Effect
from tests.testapp.processes import Straight

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_trouble(all_are_quick: None) -> Iterator[None]:
    yield
    Troubled.trouble_left.clear()


def made(kind: Any, number: int) -> list[Any]:
    """Return so many new runs of the kind."""
    return [kind(autorun=False) for _ in range(number)]


def transactions() -> tuple[Any, list[int]]:
    """Sweep; return the report, and in how many tasks each transaction has closed."""
    found = [0]
    with CaptureQueriesContext(connection) as queries:
        report = sweep()
    for sql in (query["sql"] for query in queries):
        found[-1] += closings(sql)
        if sql == "COMMIT":
            found.append(0)
    return report, [number for number in found if number]


def test_quick_runs_share_a_transaction() -> None:
    made(Row, 5)
    report, closed = transactions()
    assert (report.runs, report.done, report.ok) == (5, 35, True)
    # Seven tasks each: with the last of the twenty the third run is in its midst.
    assert closed == [20, 1, 14]
    assert not AutomationModel.objects.exclude(state="finished", claimed_by="").exists()
    assert Effect.objects.count() == 30


def test_runs_of_which_nobody_knows_that_they_are_quick_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pacing, "OFTEN", 3)
    made(Row, 5)
    _, closed = transactions()
    assert closed == [7, 7, 7, 14]


def test_runs_that_take_long_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "QUICK", 0)
    made(Row, 3)
    _, closed = transactions()
    assert closed == [7, 7, 7]


def test_a_block_that_took_long_to_read_is_not_read_in_vain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(blocks, "longest", lambda: 0)
    made(Row, 2)
    report, closed = transactions()
    assert closed[0] == 1  # of the first run; the others go on one by one
    assert (report.done, sum(closed)) == (14, 14)


@pytest.mark.parametrize("kind", [Row, Pairs])
def test_where_each_task_is_to_have_its_own_none_is_shared(kind: Any, settings: Any) -> None:
    settings.ATM_COMMIT_EVERY = 1
    made(kind, 2)
    _, closed = transactions()
    assert sum(closed) == (14 if kind is Row else 12)
    assert max(closed) == (1 if kind is Row else 2)


def test_a_step_with_commit_shares_with_no_other_run() -> None:
    made(Charging, 2)
    report, closed = transactions()
    assert report.done == 12
    assert closed == [4, 1, 3, 1, 3]
    assert Effect.objects.count() == 10


def test_what_is_to_be_done_on_commit_is_done_before_the_next_task_of_any_run() -> None:
    made(Hooked, 2)
    assert sweep().done == 8
    assert HAPPENED == ["a", "b is committed", "c"] * 2


def test_what_writes_to_the_rows_of_runs_is_committed_before_the_next_run() -> None:
    made(Meddling, 2)
    _, closed = transactions()
    assert closed == [2, 2, 2, 2]


def test_an_error_undoes_its_own_task_alone() -> None:
    Troubled.trouble_left.append(ValueError("no"))
    runs = made(Troubled, 2)
    report = sweep()
    assert (report.failed, report.done) == (1, 10)
    assert states(runs[0])["d"] == "failed"
    assert [row(run).state for run in runs] == ["failed", "finished"]
    assert Effect.objects.count() == 3 + 5


def in_trouble() -> DatabaseError:
    """Return a deadlock, as Django tells it."""
    error = OperationalError(*DEADLOCKS[0].args)
    error.__cause__ = DEADLOCKS[0].__cause__
    return error


def test_trouble_with_the_database_undoes_all_and_does_it_again_run_by_run() -> None:
    Troubled.trouble_left.append(in_trouble())
    runs = made(Troubled, 3)
    report = sweep()
    assert (report.done, report.runs, report.delayed, report.broken) == (18, 3, 0, 0)
    assert all(run.finished() for run in runs)
    assert Effect.objects.count() == 15
    assert HAPPENED[:4] == HAPPENED[4:8] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("error", [RecursionError, MemoryError])
def test_work_that_runs_out_of_stack_or_memory_undoes_no_other_run(error: type) -> None:
    Troubled.trouble_left += [error("deep"), error("deep"), error("deep")]
    runs = made(Troubled, 3)
    report = sweep()
    assert report.failed == 1
    assert sorted(row(run).state for run in runs) == ["failed", "finished", "finished"]
    assert Effect.objects.count() == 3 + 5 + 5


@pytest.mark.parametrize(
    ("error", "left"), [(RecursionError("deep"), [0]), (in_trouble(), []), (ValueError("no"), [])]
)
def test_connections_are_left_after_work_that_ran_out_and_after_nothing_else(
    error: Exception, left: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    leave, seen = blocks.leave_connections, []

    def leaving() -> None:
        seen.append(len(seen))
        leave()

    monkeypatch.setattr(blocks, "leave_connections", leaving)
    Troubled.trouble_left.append(error)
    runs = made(Troubled, 2)
    AutomationModel.objects.update(claimed_by="me", claimed_until="2100-01-01T00:00Z")
    blocks.block([run.id for run in runs], claim="me", now=row(runs[-1]).due)
    assert seen == left


@pytest.mark.parametrize("error", [ValueError("no"), OperationalError("no"), IntegrityError("no")])
def test_what_raises_on_commit_is_told_and_keeps_no_run(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise error

    def hook(self: Any, task: Any) -> None:
        transaction.on_commit(fail)

    monkeypatch.setattr(Hooked, "later", hook)
    runs = made(Hooked, 2)
    report = sweep()
    assert report.broken == 2
    assert caplog.text.count("could not be worked on") == 2
    assert [row(run).state for run in runs] == ["finished", "running"]
    AutomationModel.objects.update(claimed_by="", claimed_until=None)
    assert sweep().ok
    assert AutomationTaskModel.objects.filter(state="completed").count() == 8


@pytest.mark.skipif(connection.vendor == "mysql", reason="MySQL refuses at once: the task fails")
def test_what_is_refused_on_commit_keeps_no_other_run(caplog: pytest.LogCaptureFixture) -> None:
    first, refused, last = Row(autorun=False), Dangling(autorun=False), Row(autorun=False)
    report = sweep()
    assert (report.done, report.broken) == (7 + 7, 1)
    assert [row(run).state for run in (first, refused, last)] == ["finished", "running", "finished"]
    assert states(refused) == {"a": "completed", "b": "completed", "c": "ready"}
    assert "could not be worked on" in caplog.text


def test_work_that_ends_the_transaction_of_a_block_keeps_no_other_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    note, quick = Straight.note, made(Straight, 3)

    def leave(self: Any, task: Any) -> Any:
        return said("COMMIT")(task) if self.id == quick[1].id else note(self, task)

    monkeypatch.setattr(Straight, "note", leave)
    assert sweep().failed == 1
    assert [row(run).state for run in quick] == ["finished", "failed", "finished"]
    assert path(quick[0]) == path(quick[2]) == ["first", "second", "third", "end"]
    assert path(quick[1]) == ["first"]


def test_what_is_not_claimed_any_more_is_left_alone() -> None:
    first, second = made(Row, 2)
    AutomationModel.objects.filter(pk=second.id).update(
        claimed_by="mine", claimed_until="2100-01-01T00:00Z"
    )
    done = blocks.block([first.id, second.id], claim="mine", now=row(second).due)
    assert list(done) == [second.id]
    assert [step.node for step in done[second.id]] == ["a", "b", "c", "d", "e", "f", "end"]


def test_who_is_told_to_stop_ends_a_block_after_the_task_in_hand() -> None:
    made(Row, 3)
    report = sweep(stopped=lambda: bool(HAPPENED))
    assert report.done == 1
    assert not AutomationModel.objects.exclude(claimed_by="").exists()


@pytest.mark.parametrize("runs", [1, 3])
def test_how_quick_a_run_is_depends_on_its_work_and_not_on_the_engine(
    runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks, noted = itertools.count(), []
    monkeypatch.setattr(watching, "time", SimpleNamespace(monotonic=lambda: float(next(ticks))))
    monkeypatch.setattr(
        sweeping.pace, "note", lambda label, seconds: noted.append((label, seconds))
    )
    made(Row, runs)
    assert sweep().ok
    # Six works of a second each; an End takes none.
    assert sum(seconds for _, seconds in noted) == 6 * runs
    assert {label for label, _ in noted} == {Row._meta.label}


def test_what_is_written_for_the_runs_before_it_makes_no_work_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SimpleNamespace(now=0.0)
    write_early = together.Together.write_early

    def slowly(self: Any) -> None:
        clock.now += 100
        write_early(self)

    def look(self: Any, task: Any) -> None:
        clock.now += 1
        assert AutomationModel.objects.filter(pk__lt=self.id, state="running").count() == 0

    monkeypatch.setattr(watching, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(together.Together, "write_early", slowly)
    monkeypatch.setattr(Straight, "note", look)
    noted: list[float] = []
    monkeypatch.setattr(sweeping.pace, "note", lambda label, seconds: noted.append(seconds))
    made(Straight, 3)
    assert sweep().ok
    assert noted == [3, 3, 3]
    assert clock.now > 100


def test_the_pace_of_a_class_follows_what_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "OFTEN", 3)
    pace = Pace()
    pace.note("a", 1.0)
    assert not pace.is_quick("a")
    monkeypatch.setattr(pacing, "QUICK", 0.005)
    for _ in range(40):
        pace.note("a", 0.001)
    assert pace.is_quick("a")
    for _ in range(3):
        pace.note("a", 0.02)
    assert not pace.is_quick("a")


def test_a_quick_run_in_a_block_costs_less_than_alone() -> None:
    made(Pairs, 9)
    control = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    with CaptureQueriesContext(connection) as queries:
        assert sweep().runs == 9
    took = [query["sql"] for query in queries if not query["sql"].startswith(control)]
    assert len([sql for sql in took if "testapp_effect" not in sql]) < 9 * 18


def test_what_has_nothing_due_or_stands_alone_is_left_as_it_was() -> None:
    idle, alone, quick = Row(autorun=False), Charging(autorun=False), Row(autorun=False)
    alone.run()
    AutomationTaskModel.objects.filter(automation=alone.id, status="end").delete()
    charge = AutomationTaskModel.objects.filter(automation=alone.id, status="charge")
    charge.update(state="ready", finished=None, due=row(quick).created)
    runs = AutomationModel.objects.filter(pk__in=[idle.id, alone.id, quick.id])
    runs.update(
        state="running", finished=False, ended=None, due=row(quick).created,
        claimed_by="mine", claimed_until="2100-01-01T00:00Z",
    )  # fmt: skip
    AutomationTaskModel.objects.filter(automation=idle.id).update(due=None)
    done = blocks.block([idle.id, alone.id, quick.id], claim="mine", now=row(quick).created)
    assert list(done) == [quick.id]
    assert set(runs.exclude(pk=quick.id).values_list("claimed_by", flat=True)) == {"mine"}
