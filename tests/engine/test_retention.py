"""History is deleted by its age since the end of a run, and nothing else is."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction
from django.db.models import PROTECT, ProtectedError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from automations.engine import retention, starting
from automations.models import AutomationAuditModel, AutomationModel, AutomationTaskModel
from tests.pages.rows import add_failed_task, add_question, make_run
from tests.testapp.models import Comment, Effect, Invoice, Note
from tests.testapp.processes import Fragile, Loop, Nested, Straight

pytestmark = pytest.mark.django_db

STATES = ["running", "suspended", "failed", "finished", "cancelled"]


def delete(*args: Any, **options: Any) -> str:
    """Return what the command says."""
    out = StringIO()
    call_command("automation_delete_history", *args, stdout=out, **options)
    return out.getvalue()


def left() -> set[AutomationModel]:
    """Return the runs that are left."""
    return set(AutomationModel.objects.all())


# Which


@pytest.mark.api("D18", "automation_delete_history")
def test_the_age_is_counted_from_the_end_of_the_run() -> None:
    old = make_run(Straight, days=31)
    kept = [make_run(Straight, days=29, lasted=1000), make_run(Straight, "cancelled", days=29.9)]
    AutomationModel.objects.filter(pk=old.pk).update(updated=timezone.now())
    AutomationModel.objects.exclude(pk=old.pk).update(updated=timezone.now() - timedelta(days=99))
    assert delete() == "1 runs and 0 tasks deleted\n"
    assert left() == set(kept)


def test_the_age_is_process_time(settings: Any) -> None:
    settings.ATM_CLOCK = lambda: timezone.now() + timedelta(days=100)
    run = make_run(Straight, days=-90)
    assert delete("11") == "0 runs and 0 tasks deleted\n"
    assert left() == {run}
    assert delete("9") == "1 runs and 0 tasks deleted\n"


@pytest.mark.parametrize(
    ("options", "deleted"),
    [
        ({}, {"finished", "cancelled"}),
        ({"state": ["failed"]}, {"failed"}),
        ({"state": ["finished"]}, {"finished"}),
        ({"state": ["failed", "cancelled"]}, {"failed", "cancelled"}),
        ({"state": ["failed", "failed"]}, {"failed"}),
    ],
)
def test_only_the_states_that_are_meant_are_deleted(
    options: dict[str, list[str]], deleted: set[str]
) -> None:
    runs = {state: make_run(Straight, state, days=1000, tasks=2) for state in STATES}
    add_failed_task(runs["failed"])
    add_question(runs["running"])
    delete(**options)
    assert left() == {run for state, run in runs.items() if state not in deleted}


@pytest.mark.api("automation_delete_history")
def test_states_are_given_on_the_command_line() -> None:
    for state in STATES:
        make_run(Straight, state, days=10)
    said = delete("5", "--state", "failed", "--state=finished")
    assert said == "2 runs and 0 tasks deleted\n"
    assert {run.state for run in left()} == {"running", "suspended", "cancelled"}


@pytest.mark.api("D5", "AutomationModel")
def test_the_classmethod_keeps_what_has_failed_and_what_goes_on() -> None:
    for state in STATES:
        make_run(Straight, state, days=31, tasks=3)
    assert AutomationModel.delete_history() == (
        8,
        {"automations.AutomationModel": 2, "automations.AutomationTaskModel": 6},
    )
    assert {run.state for run in left()} == {"running", "suspended", "failed"}
    assert AutomationTaskModel.objects.count() == 9
    assert AutomationModel.delete_history(days=0) == (0, {})


def test_zero_days_are_everything_that_has_ended() -> None:
    Straight()
    waiting = Fragile()
    assert AutomationModel.delete_history(0)[1]["automations.AutomationModel"] == 1
    assert [run.pk for run in left()] == [waiting.id]


# What goes with a run


def test_loops_branches_and_forks_go_with_their_run(settings: Any) -> None:
    settings.ATM_BUDGET_TASKS = 10_000
    settings.ATM_BUDGET_SECONDS = 60
    Loop(limit=40)
    Nested()
    kept = Straight()
    AutomationModel.objects.filter(pk=kept.id).update(ended=timezone.now() + timedelta(days=9))
    counts = [AutomationModel.objects.count() - 1, AutomationTaskModel.objects.count() - 4]
    assert counts[0] == 2
    with time_machine.travel(timezone.now() + timedelta(days=8), tick=False):
        assert delete("7") == f"2 runs and {counts[1]} tasks deleted\n"
    assert [run.pk for run in left()] == [kept.id]
    assert AutomationTaskModel.objects.count() == 4
    assert Effect.objects.count() == 3


def test_the_record_of_what_people_did_goes_with_the_run() -> None:
    run, kept = (make_run(Straight, days=days, tasks=2) for days in (31, 1))
    for one in (run, kept):
        for task in (*one.automationtaskmodel_set.all(), None):
            AutomationAuditModel.objects.create(automation=one, task=task, action="complete")
    total, deleted = AutomationModel.delete_history()
    assert deleted == {
        "automations.AutomationModel": 1,
        "automations.AutomationTaskModel": 2,
        "automations.AutomationAuditModel": 3,
    }
    assert total == 6
    assert AutomationAuditModel.objects.filter(automation=kept).count() == 3


def test_what_another_run_says_about_a_task_stays_without_it() -> None:
    run, other = make_run(Straight, days=31, tasks=1), make_run(Straight)
    entry = AutomationAuditModel.objects.create(
        automation=other, task=run.automationtaskmodel_set.get(), action="retry"
    )
    AutomationModel.delete_history()
    entry.refresh_from_db()
    assert entry.task is None
    assert left() == {other}


def test_what_a_project_keeps_is_let_go_as_it_says() -> None:
    run, kept = make_run(Straight, days=31, tasks=1), make_run(Straight, tasks=1)
    task = run.automationtaskmodel_set.get()
    gone = Note.objects.create(run=run, task=task)
    Comment.objects.create(note=gone)
    stays = Note.objects.create(run=kept, task=task)
    Comment.objects.create(note=stays)
    assert AutomationModel.delete_history() == (
        4,
        {
            "automations.AutomationModel": 1,
            "automations.AutomationTaskModel": 1,
            "testapp.Note": 1,
            "testapp.Comment": 1,
        },
    )
    stays.refresh_from_db()
    assert stays.task_id is None
    assert Comment.objects.get().note == stays


def test_what_must_not_lose_its_run_keeps_it_and_is_named() -> None:
    make_run(Straight, days=33)
    protected = make_run(Straight, days=32, tasks=2)
    Invoice.objects.create(run=protected)
    with pytest.raises(CommandError, match=r"Invoice\.run.*Until then 1 runs and 0 tasks deleted"):
        delete(batch_size=1)
    assert left() == {protected}
    assert protected.automationtaskmodel_set.count() == 2
    with pytest.raises(ProtectedError), transaction.atomic():
        AutomationModel.delete_history()


# How


@pytest.mark.api("automation_delete_history")
def test_a_dry_run_says_what_it_would_do_and_does_nothing() -> None:
    for _ in range(3):
        make_run(Straight, days=31, tasks=4)
    make_run(Straight, "failed", days=31, tasks=4)
    make_run(Straight, days=1, tasks=4)
    assert delete(dry_run=True) == "3 runs and 12 tasks would be deleted\n"
    assert delete("0", dry_run=True) == "4 runs and 16 tasks would be deleted\n"
    assert delete("--state=failed", "--dry-run") == "1 runs and 4 tasks would be deleted\n"
    assert AutomationModel.objects.count() == 5
    assert AutomationTaskModel.objects.count() == 20
    assert delete(verbosity=0) == ""
    assert AutomationModel.objects.count() == 2


def test_a_dry_run_counts_a_few_runs_with_each_statement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "STRIDE", 3)
    monkeypatch.setattr(retention, "BATCH", 2)
    for old in (0, 1, 1, 0, 1, 1, 1):
        make_run(Straight, days=31 if old else 1, tasks=2)
    with CaptureQueriesContext(connection) as captured:
        assert retention.count_history(30) == (5, 10)
    found = [query["sql"] for query in captured if "LIMIT 3" in query["sql"]]
    assert len(found) == 3
    assert len(captured) == len(found) + 3  # two, two and one run


@pytest.mark.api("automation_delete_history")
def test_a_batch_is_one_transaction() -> None:
    kept = make_run(Straight)
    for _ in range(7):
        make_run(Straight, days=31, tasks=2)
    sizes = [
        deleted["automations.AutomationModel"]
        for deleted in retention.delete_in_batches(30, batch=3)
    ]
    assert sizes == [3, 3, 1]
    assert left() == {kept}


def sizes(batch: int = 500) -> list[tuple[int, int]]:
    """Delete; return how many runs and tasks each transaction has deleted."""
    return [
        (deleted["automations.AutomationModel"], deleted["automations.AutomationTaskModel"])
        for deleted in retention.delete_in_batches(30, batch=batch)
    ]


@pytest.mark.api("automation_delete_history")
def test_a_transaction_deletes_fewer_runs_if_they_have_many_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "MANY", 10)
    for tasks in (4, 4, 4, 10, 0, 1):
        make_run(Straight, days=31, tasks=tasks)
    assert sizes() == [(2, 8), (1, 4), (2, 10), (1, 1)]
    assert not left()


@pytest.mark.parametrize("long", [100_000, 35, 34, 20, 12])
def test_a_long_run_loses_its_newest_rows_first_and_is_gone_at_last(
    long: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MANY", 10)
    monkeypatch.setattr(retention, "LONG", long)
    monkeypatch.setattr(retention, "STRIDE", 7)
    run, kept = make_run(Straight, days=31, tasks=35), make_run(Straight, tasks=2)
    first, last = (run.automationtaskmodel_set.order_by(way).first() for way in ("pk", "-pk"))
    Note.objects.create(run=kept, task=last)
    for task in (first, last):
        AutomationAuditModel.objects.create(automation=run, task=task, action="complete")
    batches = retention.delete_in_batches(30)
    assert next(batches)["automations.AutomationTaskModel"] == 10
    assert run.automationtaskmodel_set.order_by("pk").first() == first
    assert not run.automationtaskmodel_set.filter(pk=last.pk).exists()
    assert sum(batches, Counter())["automations.AutomationTaskModel"] == 25
    assert left() == {kept}
    assert Note.objects.get().task is None
    assert not AutomationAuditModel.objects.exists()


def test_a_long_run_that_must_not_be_lost_keeps_all_of_its_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "MANY", 10)
    run = make_run(Straight, days=31, tasks=35)
    Invoice.objects.create(run=run)
    with pytest.raises(CommandError, match=r"Invoice\.run"):
        delete()
    assert run.automationtaskmodel_set.count() == 35


def test_a_long_run_that_goes_on_meanwhile_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MANY", 10)
    run = make_run(Straight, "failed", days=31, tasks=35)
    batches = retention.delete_in_batches(30, ["failed"])
    next(batches)
    AutomationModel.objects.update(state="running", finished=False, ended=None)
    assert not sum(batches, Counter())
    assert run.automationtaskmodel_set.count() == 25


def test_of_a_very_long_run_no_statement_puts_all_rows_into_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, number in {"MANY": 10, "LONG": 20, "STRIDE": 15}.items():
        monkeypatch.setattr(retention, name, number)
    run, beside = make_run(Straight, days=31, tasks=1), make_run(Straight)
    for at in range(100):
        AutomationTaskModel.objects.create(automation=beside if at % 3 else run, status="work")
    with CaptureQueriesContext(connection) as captured:
        deleted = sum(retention.delete_in_batches(30), Counter())
    assert deleted["automations.AutomationTaskModel"] == 35
    assert beside.automationtaskmodel_set.count() == 66
    ordered = [query["sql"] for query in captured if " DESC LIMIT" in query["sql"]]
    assert len([sql for sql in ordered if sql.endswith("LIMIT 15")]) == 4  # 20 of 60 rows
    assert len([sql for sql in ordered if sql.endswith("LIMIT 20")]) == len(ordered) - 4


def test_runs_are_found_a_stride_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "STRIDE", 2)
    kept = [make_run(Straight, days=31 if old else 1) for old in (0, 1, 0, 0, 1, 1, 0)]
    assert sizes(batch=2) == [(2, 0), (1, 0)]
    assert left() == {kept[at] for at in (0, 2, 3, 6)}


def test_what_was_deleted_before_the_trouble_stays_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(4):
        make_run(Straight, days=31, tasks=1)
    delete_runs = retention.delete_runs

    def in_trouble(ids: list[int]) -> Any:
        deleted = delete_runs(ids)
        if AutomationModel.objects.count() < 2:
            error = OperationalError("deadlock")
            error.__cause__ = Trouble()
            raise error
        return deleted

    class Trouble(Exception):
        sqlstate = "40P01"

    monkeypatch.setattr(retention, "delete_runs", in_trouble)
    with pytest.raises(CommandError, match=r"deadlock.*Until then 2 runs and 2 tasks deleted"):
        delete(batch_size=2)
    assert AutomationModel.objects.count() == 2
    Trouble.sqlstate = "23505"
    with pytest.raises(OperationalError):
        delete(batch_size=2)


def test_the_number_of_statements_does_not_depend_on_the_number_of_rows() -> None:
    def cost(runs: int, tasks: int) -> int:
        for _ in range(runs):
            run = make_run(Straight, days=31, tasks=tasks)
            AutomationAuditModel.objects.create(automation=run, action="complete")
        with CaptureQueriesContext(connection) as queries:
            assert AutomationModel.delete_history()[1]["automations.AutomationModel"] == runs
        return len(queries)

    assert cost(1, 1) == cost(20, 10) <= 24


def test_killing_a_run_costs_the_same_however_long_it_is() -> None:
    def cost(tasks: int) -> int:
        run = make_run(Straight, "running", tasks=tasks)
        AutomationAuditModel.objects.create(automation=run, action="resume")
        note = Note.objects.create(run=run, task=run.automationtaskmodel_set.first())
        Comment.objects.create(note=note)
        with CaptureQueriesContext(connection) as queries:
            starting.kill(run.pk)
        return len(queries)

    kept = make_run(Straight, "running", tasks=3)
    assert cost(1) == cost(250)
    assert left() == {kept}
    assert kept.automationtaskmodel_set.count() == 3
    assert not Comment.objects.exists()


def test_a_long_run_is_killed_in_one_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MANY", 10)
    run = make_run(Straight, "running", tasks=35)
    Note.objects.create(run=run, task=run.automationtaskmodel_set.first())
    starting.kill(run.pk)
    assert not left()
    assert not Note.objects.exists()


def test_what_must_not_lose_its_run_keeps_it_from_being_killed() -> None:
    run = make_run(Straight, "running", tasks=2)
    Invoice.objects.create(run=run)
    with pytest.raises(ProtectedError):
        starting.kill(run.pk)
    first, second = run.automationtaskmodel_set.order_by("pk")
    assert second.previous == first


@pytest.mark.django_db(transaction=True)
def test_a_run_that_somebody_works_on_is_left_for_the_next_time(database_vendor: str) -> None:
    if database_vendor == "sqlite":
        return  # its one write lock lets nobody work on anything meanwhile
    from concurrent.futures import ThreadPoolExecutor

    busy, idle = make_run(Straight, days=31, tasks=1), make_run(Straight, days=31, tasks=1)

    def in_a_thread() -> Any:
        try:
            return AutomationModel.delete_history()[0]
        finally:
            connection.close()

    with ThreadPoolExecutor() as pool:
        with transaction.atomic():
            AutomationModel.objects.select_for_update().get(pk=busy.pk)
            assert pool.submit(in_a_thread).result(timeout=30) == 2
        assert left() == {busy}
        assert idle not in left()
        assert pool.submit(in_a_thread).result(timeout=30) == 2
    assert left() == set()


@pytest.mark.django_db(transaction=True)
def test_deleting_leaves_no_reference_behind() -> None:
    Straight()
    run = Nested()
    AutomationAuditModel.objects.create(
        automation_id=run.id,
        task=AutomationTaskModel.objects.filter(automation=run.id).last(),
        action="complete",
    )
    AutomationModel.delete_history(0)
    assert not AutomationTaskModel.objects.exists()
    connection.check_constraints()


@pytest.mark.parametrize(
    "days", [-1, -0.5, True, "30", None, float("nan"), float("inf"), 10**30, 10**6]
)
def test_what_is_no_number_of_days_is_refused(days: Any) -> None:
    make_run(Straight, days=31)
    with pytest.raises(ValueError, match="no number of days"):
        AutomationModel.delete_history(days)
    assert AutomationModel.objects.exists()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["-1"], "no number of days"),
        (["99999999"], "no number of days"),
        (["soon"], "invalid int value"),
        (["--state", "running"], "invalid choice"),
        (["--state", "suspended"], "invalid choice"),
        (["--batch-size", "0"], "no batch"),
        (["--batch-size", "10001"], "no batch"),
        (["--dry-run", "--batch-size", "-3"], "no batch"),
    ],
)
def test_the_command_says_what_is_wrong(args: list[str], said: str) -> None:
    make_run(Straight, days=31)
    with pytest.raises(CommandError, match=said):
        delete(*args)
    assert AutomationModel.objects.exists()


@pytest.mark.parametrize("state", ["running", "suspended", "nonsense"])
def test_what_goes_on_can_not_be_deleted_as_history(state: str) -> None:
    make_run(Straight, "suspended", days=31)
    with pytest.raises(ValueError, match=f"{state} are not deleted"):
        retention.delete_history(30, [state])
    with pytest.raises(ValueError, match=f"{state} are not deleted"):
        retention.count_history(30, [state])
    assert AutomationModel.objects.exists()


def test_a_model_that_points_to_another_is_emptied_before_it() -> None:
    order = list(retention.leaves_first([AutomationTaskModel, AutomationAuditModel]))
    assert order == [AutomationAuditModel, AutomationTaskModel]


@pytest.mark.api("automation_delete_history")
def test_five_hundred_runs_are_a_batch_unless_one_says_so() -> None:
    old = make_run(Straight, days=31)
    AutomationModel.objects.bulk_create(
        AutomationModel(
            automation_class=old.automation_class, state="finished", finished=True, ended=old.ended
        )
        for _ in range(500)
    )
    gone = [each["automations.AutomationModel"] for each in retention.delete_in_batches(30)]
    assert gone == [500, 1]


def test_a_long_run_with_a_task_that_must_not_be_lost_keeps_all_of_its_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "MANY", 10)
    (relation,) = [
        each
        for each in retention.relations(AutomationTaskModel)
        if each.field.model is Note and each.field.name == "task"
    ]
    monkeypatch.setattr(relation.field.remote_field, "on_delete", PROTECT)
    monkeypatch.setattr(relation, "on_delete", PROTECT)
    run = make_run(Straight, days=31, tasks=35)
    # Of the oldest, which would be deleted last.
    Note.objects.create(run=make_run(Straight), task=run.automationtaskmodel_set.first())
    with pytest.raises(ProtectedError):
        list(retention.delete_in_batches(30))
    assert run.automationtaskmodel_set.count() == 35
