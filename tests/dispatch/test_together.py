"""Runs that end in one block are written in one go, and nobody in it sees a difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from automations import flow, signals
from automations.dispatch.sweep import sweep
from automations.engine import blocks, statements
from automations.models import AutomationModel, AutomationTaskModel
from automations.outcomes import Fail
from tests.engine.rows import at, path, row, states
from tests.testapp.bursts import HAPPENED, Row, Short, Sole
from tests.testapp.models import Effect

pytestmark = pytest.mark.django_db(transaction=True)

RUNS, TASKS = AutomationModel._meta.db_table, AutomationTaskModel._meta.db_table


@pytest.fixture(autouse=True)
def nobody_acts(all_are_quick: None) -> Iterator[None]:
    yield
    Short.acts.clear()


def made(number: int) -> list[Any]:
    """Return so many new runs of one step."""
    return [Short(autorun=False) for _ in range(number)]


def acting(*acts: Callable[[Any], Any] | None) -> list[Any]:
    """Return new runs whose works do these things, in this order."""
    runs = made(len(acts))
    Short.acts.update({run.id: act for run, act in zip(runs, acts, strict=True) if act})
    return runs


def ended(*but: Any) -> None:
    """Assert that every run has ended as it should, and left its effect once."""
    others = [row(run).pk for run in but]
    assert not AutomationModel.objects.exclude(pk__in=others).exclude(state="finished").exists()
    ends = AutomationTaskModel.objects.exclude(automation__in=others).filter(status="end")
    closed = AutomationTaskModel.objects.exclude(automation__in=others).filter(status="a")
    assert set(ends.values_list("state", flat=True)) == {"completed"}
    assert set(closed.values_list("state", flat=True)) == {"completed"}
    runs = AutomationModel.objects.exclude(pk__in=others).count()
    assert (ends.count(), closed.count()) == (runs, runs)
    left = Effect.objects.exclude(run__in=others).values_list("run", flat=True)
    keys = AutomationModel.objects.exclude(pk__in=others).values_list("pk", flat=True)
    assert Counter(left) == Counter(keys)


def written() -> list[str]:
    """Sweep; return the statements that write to the rows of the package while work is done."""
    with CaptureQueriesContext(connection) as queries:
        assert sweep().ok
    told = [query["sql"] for query in queries]
    begun = next(at for at, sql in enumerate(told) if "testapp_effect" in sql)
    return [
        sql
        for sql in told[begun:]
        if sql.startswith(("UPDATE", "INSERT", "WITH")) and (RUNS in sql or TASKS in sql)
    ]


def test_ten_runs_that_end_alike_are_written_by_three_statements() -> None:
    made(10)
    assert [sql.split()[0] for sql in written()[:3]] == ["UPDATE", "INSERT", "UPDATE"]
    ended()
    assert len(HAPPENED) == 10


def test_what_is_written_together_is_what_would_be_written_alone() -> None:
    alone = Short()
    made(3)
    sweep()
    ended()
    own = {"id", "key", "automation_id", "previous_id", "created", "updated", "ended"}
    times = {"finished"}
    models: tuple[tuple[Any, set[str], int], ...] = (
        (AutomationModel, own, 1),
        (AutomationTaskModel, own | times, 2),
    )
    for model, but, kinds in models:
        names = [each.attname for each in model._meta.concrete_fields if each.attname not in but]
        kept = {tuple(map(repr, found)) for found in model.objects.values_list(*names)}
        assert len(kept) == kinds, kept
    assert path(alone) == ["a", "end"]
    for task in AutomationTaskModel.objects.filter(status="end"):
        assert task.previous is not None
        assert task.previous.automation_id == task.automation_id
        assert task.created <= task.finished


def test_results_are_kept_as_they_are() -> None:
    results = [1, True, 1.0, "1", None, [1], [True], {"a": 1}, {"a": True}, 0, False, ""]
    runs = acting(*[lambda run, result=result: result for result in results])
    sweep()
    ended()
    assert [repr(at(run, "a").result) for run in runs] == list(map(repr, results))


def test_data_that_the_last_step_has_changed_is_kept() -> None:
    runs = acting(*[lambda run: run.data.update(mine=run.id)] * 3, None)
    sweep()
    ended()
    assert [row(run).data for run in runs] == [{"mine": run.id} for run in runs[:3]] + [{}]
    assert [row(run).version for run in runs] == [1, 1, 1, 0]


def test_each_step_that_is_told_names_its_task() -> None:
    runs = made(3)
    AutomationModel.objects.update(claimed_by="me", claimed_until="2100-01-01T00:00Z")
    done = blocks.block([run.id for run in runs], claim="me", now=row(runs[-1]).due)
    for run in runs:
        told = [(step.task_id, step.node) for step in done[run.id]]
        assert told == [(at(run, node).pk, node) for node in ("a", "end")]


def test_who_is_told_of_an_end_can_find_it() -> None:
    heard: list[Any] = []

    def hear(sender: Any, run: Any, task: Any = None, **more: Any) -> None:
        assert row(type("Run", (), {"id": run.pk})).state == "finished"
        heard.append(task.pk if task else None)

    told = (signals.task_finished, signals.run_finished)
    for signal in told:
        signal.connect(hear)
    try:
        runs = made(3)
        sweep()
    finally:
        for signal in told:
            signal.disconnect(hear)
    for run in runs:
        assert {at(run, "a").pk, at(run, "end").pk} <= set(heard)
    assert heard.count(None) == 3


# What the work of a later run sees


def look(run: Any) -> list[Any]:
    """Return what the rows of the runs before this one say."""
    before = AutomationModel.objects.filter(pk__lt=run.id).order_by("pk")
    tasks = AutomationTaskModel.objects.filter(automation__lt=run.id).order_by("pk")
    said = list(before.values_list("state", flat=True))
    return [*said, sorted(tasks.values_list("status", "state"))]


def test_work_sees_the_runs_before_it_as_they_are() -> None:
    runs = acting(None, None, look, None)
    sweep()
    ended()
    tasks = [["a", "completed"]] * 2 + [["end", "completed"]] * 2
    assert at(runs[2], "a").result == ["finished", "finished", tasks]


def test_work_that_looks_in_a_part_of_its_own_that_is_undone_undoes_no_end() -> None:
    def back(run: Any) -> list[Any]:
        seen: list[Any] = []
        for _ in range(2):
            with pytest.raises(ZeroDivisionError), transaction.atomic():
                seen += look(run)[:-1]
                raise ZeroDivisionError
        return seen

    runs = acting(None, back, None, back, None)
    sweep()
    ended()
    assert at(runs[1], "a").result == ["finished"] * 2
    assert at(runs[3], "a").result == ["finished"] * 6


def test_work_that_looks_and_goes_back_by_itself_undoes_no_end() -> None:
    def back(run: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SAVEPOINT mine")
            look(run)
            cursor.execute("ROLLBACK TO SAVEPOINT mine")

    acting(None, None, back, None)
    sweep()
    ended()


def test_work_that_looks_and_fails_undoes_no_end() -> None:
    def fail(run: Any) -> None:
        look(run)
        raise ValueError("no")

    runs = acting(None, fail, None, None)
    report = sweep()
    assert (report.failed, report.broken) == (1, 0)
    ended(runs[1])
    assert states(runs[1]) == {"a": "failed"}
    assert Counter(HAPPENED) == {"a": 4}  # nobody's work was done again


@pytest.mark.parametrize("looks", [False, True])
def test_what_is_asked_after_an_error_sees_the_runs_before_it(
    looks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def recover(self: Any, context: Any, error: Exception) -> Any:
        seen.append(look(type("Run", (), {"id": context.run.pk}))[:-1])
        return Fail(error)

    def fail(run: Any) -> None:
        if looks:
            look(run)
        raise ValueError("no")

    monkeypatch.setattr(flow.Execute, "recover", recover)
    runs = acting(None, None, fail, None)
    sweep()
    ended(runs[2])
    assert seen == [["finished", "finished"]]


def test_a_run_that_has_ended_in_the_block_gets_no_message() -> None:
    runs = made(2)
    Short.acts[runs[1].id] = lambda run: Short(automation_id=runs[0].id).send_message("go")
    sweep()
    ended()
    assert at(runs[1], "a").result is None


def test_work_may_delete_a_run_that_has_ended_in_the_block() -> None:
    runs = made(3)
    Short.acts[runs[1].id] = lambda run: Short(automation_id=runs[0].id).kill()
    assert sweep().ok
    assert not AutomationModel.objects.filter(pk=runs[0].id).exists()
    assert [row(run).state for run in runs[1:]] == ["finished", "finished"]
    assert Counter(HAPPENED) == {"a": 3}


def test_what_may_run_only_once_may_begin_again_when_it_has_ended_in_the_block() -> None:
    first, second = Sole(who="ada", autorun=False), Short(autorun=False)
    Short.acts[second.id] = lambda run: Sole(who="ada", autorun=False).id
    sweep()
    sweep()
    ended()
    assert at(second, "a").result != first.id
    assert AutomationModel.objects.count() == 3


# What goes wrong


def unseen(words: str) -> None:
    """Tell the driver something, past Django."""
    connection.connection.cursor().execute(words)


TASK = "UPDATE {tasks} SET state = 'waiting' WHERE automation_id = {run} AND state = 'ready'"
RUN = (
    "UPDATE {runs} SET state = 'cancelled', finished = (1 = 1), ended = updated, due = NULL "
    "WHERE id = {run} AND finished = (1 = 0)"
)


@pytest.mark.parametrize("looks", [False, True])
@pytest.mark.parametrize("words", [TASK, RUN], ids=["task", "run"])
def test_a_row_that_somebody_has_changed_unseen_has_all_done_again_run_by_run(
    words: str, looks: bool
) -> None:
    runs = made(3)

    def meddle(run: Any) -> None:
        unseen(words.format(tasks=TASKS, runs=RUNS, run=runs[0].id))
        if looks:
            look(run)

    Short.acts[runs[1].id] = meddle
    assert sweep().broken == 0
    ended()
    assert len(HAPPENED) > 3


def test_a_part_of_what_was_written_that_is_undone_unseen_has_all_done_again_run_by_run() -> None:
    runs, begun = made(4), []

    def meddle(run: Any) -> None:
        look(run)
        if not begun:
            unseen(
                f"UPDATE {RUNS} SET state = 'running', finished = (1 = 0), ended = NULL "  # noqa: S608
                f"WHERE id = {runs[0].id}"
            )
        begun.append(run)

    Short.acts[runs[2].id] = meddle
    assert sweep().broken == 0
    ended()
    assert len(begun) == 2


def test_what_django_is_to_write_in_its_own_words_is_written_together_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(statements, "update_words", lambda *about, **more: None)
    made(3)
    assert sweep().ok
    ended()
    assert HAPPENED == ["a"] * 3  # nothing was done again


def test_an_error_that_work_keeps_to_itself_is_its_own() -> None:
    def swallow(run: Any) -> None:
        try:
            Effect.objects.create(run=None)
        except IntegrityError:
            HAPPENED.append("swallowed")

    runs = acting(None, swallow, None)
    assert sweep().broken == 0
    ended(runs[1])
    assert states(runs[1]) == {"a": "failed"}
    assert "TransactionManagementError" in at(runs[1], "a").message
    assert not Effect.objects.filter(run=runs[1].id).exists()


def test_what_is_to_be_done_on_commit_is_not_forgotten_with_a_later_run() -> None:
    def later(run: Any) -> None:
        transaction.on_commit(lambda: HAPPENED.append("committed"), robust=True)

    def fail(run: Any) -> None:
        transaction.on_commit(lambda: HAPPENED.append("never"), robust=True)
        Effect.objects.count()
        raise ValueError("no")

    runs = acting(later, fail, later)
    sweep()
    ended(runs[1])
    assert Counter(HAPPENED) == {"a": 3, "committed": 2}


def test_a_savepoint_of_a_block_is_left_to_its_end_where_that_says_no_less() -> None:
    made(5)
    with CaptureQueriesContext(connection) as queries:
        sweep()
    told = Counter(query["sql"].split()[0] for query in queries)
    assert told["SAVEPOINT"] >= 5
    assert told["RELEASE"] == (0 if connection.vendor == "postgresql" else told["SAVEPOINT"])
    ended()


def test_a_longer_run_that_ends_in_a_block_is_as_if_it_were_alone() -> None:
    alone = Row()
    runs = [Row(autorun=False) for _ in range(2)]
    sweep()
    for run in runs:
        assert states(run) == states(alone)
        assert row(run).state == "finished"
