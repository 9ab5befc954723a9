"""Small things that the engine keeps to the letter, and what it does to nobody else."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, OperationalError, connection, connections, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from automations import signals
from automations.engine import (
    bursts,
    charging,
    incidents,
    locking,
    outside,
    people,
    receiving,
    sending,
    statements,
    steps,
    trouble,
)
from automations.engine.context import TaskContext
from automations.engine.starting import save_data
from automations.engine.steps import Step
from automations.exceptions import NodeNotFound, TaskClosed
from automations.models import (
    AutomationAuditModel,
    AutomationMessageModel,
    AutomationModel,
    AutomationTaskModel,
)
from tests.engine.rows import at, path, row, states
from tests.engine.test_bursts import commits
from tests.engine.test_incidents import valid_form
from tests.engine.test_trouble import DEADLOCKS
from tests.plain import HOUR, NOW
from tests.testapp.background import Beside
from tests.testapp.bursts import HAPPENED, Row, Sending, Short, Spoiled, Troubled
from tests.testapp.hard import Demand
from tests.testapp.processes import Straight
from tests.testapp.promises import Rounds, Trio, Uneven, Watched

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("nothing_happened")]


def test_a_step_of_which_nothing_is_said_has_looked_and_found_nothing() -> None:
    step = Step()
    assert step.obtained
    said = {name: value for name, value in vars(step).items() if name != "obtained"}
    assert not any(said.values()), said
    assert step.task_id is None
    assert step.outside is None
    assert step.row is None


def test_two_steps_are_equal_whatever_was_read_and_however_long_it_took() -> None:
    read = Step(task_id=1, row=AutomationModel(pk=7), seconds=1.5)
    assert read == Step(task_id=1)
    assert "row" not in repr(read)
    assert "seconds" not in repr(read)
    assert read != Step(task_id=2)


@pytest.mark.parametrize(
    ("on_it", "keep", "written"),
    [
        ("", False, set()),
        ("", True, {"claimed_by", "claimed_until"}),
        ("ours", False, {"claimed_by", "claimed_until"}),
        ("ours", True, set()),
        ("theirs", False, set()),
        ("theirs", True, set()),
    ],
)
def test_a_claim_is_put_on_what_has_none_and_only_ours_is_given_back(
    on_it: str, keep: bool, written: set[str]
) -> None:
    run = AutomationModel(claimed_by=on_it)
    assert set(steps.claim_columns(run, "ours", keep=keep)) == written
    assert steps.claim_columns(run, "", keep=keep) == {}


MYSQL = [1020, 1021, 1040, 1053, 1114, 1205, 1213, 1305, 1927, 2002, 2003, 2006, 2013, 2055, 3572]


@pytest.mark.parametrize("number", MYSQL)
def test_what_mysql_says_of_itself_may_be_gone_next_time(number: int) -> None:
    assert trouble.is_transient(OperationalError(number, "said"))
    assert trouble.is_lock_timeout(OperationalError(number, "said")) is (number == 1205)


@pytest.mark.parametrize("number", [1062, 1064, 1146, 1451])
def test_what_mysql_says_of_a_statement_will_be_the_same_next_time(number: int) -> None:
    assert not trouble.is_transient(DatabaseError(number, "said"))


@pytest.mark.parametrize("code", range(1, 28))
def test_what_sqlite_says_of_its_file_and_its_locks_may_be_gone_next_time(code: int) -> None:
    error, link = OperationalError("said"), sqlite3.OperationalError("said")
    link.sqlite_errorcode = code | (2 << 8)  # an extended code
    error.__cause__ = link
    assert trouble.is_transient(error) is (code in {5, 6, 10, 13, 14})
    assert trouble.is_lock_timeout(error) is (code in {5, 6})


def test_each_branch_that_arrives_says_so_and_the_last_that_it_has_joined() -> None:
    run = Rounds()
    arrived = AutomationTaskModel.objects.filter(automation=run.id, status="join").order_by("pk")
    *early, last = arrived
    assert early
    assert [(task.state, task.message) for task in early] == [("merged", "Arrived")] * len(early)
    assert (last.state, last.message) == ("completed", "Joined")
    assert last.result == [task.pk for task in arrived]


def test_who_is_told_of_each_task_costs_no_transaction() -> None:
    told: list[str] = []

    def hear(sender: Any, run: Any, task: Any, **more: Any) -> None:
        told.append(task.status)

    signals.task_finished.connect(hear)
    try:
        nodes = ["a", "b", "c", "d", "e", "f", "end"]
        assert commits(Row(autorun=False)) == [nodes]
        assert told == nodes
    finally:
        signals.task_finished.disconnect(hear)


def failed_runs() -> tuple[Any, Any]:
    """Return two runs that have failed at the same node."""
    Troubled.trouble_left += [ValueError("no"), ValueError("no")]
    runs = Troubled(), Troubled()
    assert [row(run).state for run in runs] == ["failed", "failed"]
    return runs


def test_only_a_task_of_the_run_that_has_failed_is_taken_care_of() -> None:
    one, other = failed_runs()
    theirs = at(other, "d")
    done = at(one, "a")
    for act in (incidents.retry, incidents.skip):
        with pytest.raises(TaskClosed):
            act(one.id, theirs.pk)
        with pytest.raises(TaskClosed):
            act(one.id, done.pk)
    assert states(one)["d"] == states(other)["d"] == "failed"
    assert row(one).state == row(other).state == "failed"


def test_what_an_operator_skips_is_written_down_with_its_task() -> None:
    one, other = failed_runs()
    ada = User.objects.create(username="ada")
    incidents.skip(one.id, at(one, "d").pk, user=ada, reason="because")
    (action,) = AutomationAuditModel.objects.filter(automation=one.id)
    assert (action.action, action.task_id, action.reason) == ("skip", at(one, "d").pk, "because")
    assert not AutomationAuditModel.objects.filter(automation=other.id).exists()
    assert row(other).state == "failed"


def test_the_data_of_a_run_that_has_ended_is_that_of_no_other() -> None:
    ended, other = Straight(a=1), Straight(a=1)
    before = row(other).version
    save_data(ended.id, {"a": 1}, {"a": 2})
    assert (row(ended).data["a"], row(other).data["a"]) == (2, 1)
    assert row(other).version == before


def test_a_run_that_stands_still_is_not_due_whatever_its_tasks_say() -> None:
    run = Straight(autorun=False)
    AutomationModel.objects.filter(pk=run.id).update(state="suspended", due=None)
    AutomationTaskModel.objects.filter(automation=run.id).update(due=NOW)
    outside.write_due(run.id)
    assert row(run).due is None
    AutomationModel.objects.filter(pk=run.id).update(state="running")
    outside.write_due(run.id)
    assert row(run).due == NOW


def test_what_django_writes_in_its_own_words_is_one_row_in_its_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(statements, "update_words", lambda *about: None)
    one, other = Straight(autorun=False), Straight(autorun=False)
    task, theirs = at(one, "first"), at(other, "first")
    assert statements.update_task(task.pk, "ready", {"message": "new"})
    assert not statements.update_task(task.pk, "waiting", {"message": "newer"})
    assert statements.update_run(one.id, {"due": None}, new_data=True)
    task.refresh_from_db()
    theirs.refresh_from_db()
    assert (task.message, theirs.message) == ("new", "")
    assert (row(one).due, row(one).version) == (None, 1)
    assert row(other).due is not None
    ended = {"state": "finished", "finished": True, "ended": NOW}
    AutomationModel.objects.filter(pk=one.id).update(**ended)
    assert not statements.update_run(one.id, {"due": NOW}, new_data=False)
    assert row(one).due is None


def test_a_burst_is_over_when_its_last_task_has_been_begun() -> None:
    run = Row(autorun=False)
    done = bursts.burst(run.id, most=3)
    assert [step.node for step in done] == ["a", "b", "c"]
    assert done[-1].more
    assert path(run)[-1] == "d"
    rest = bursts.burst(run.id, most=20)
    assert [step.node for step in rest] == ["d", "e", "f", "end"]
    assert not rest[-1].more


def test_the_answer_to_work_that_is_late_names_the_task(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = Straight(autorun=False)
    task = at(run, "first")
    gone: Any = SimpleNamespace(
        run=SimpleNamespace(pk=run.id),
        task=SimpleNamespace(pk=task.pk, status="first", claimed_by="somebody"),
    )
    with transaction.atomic():
        step = outside._record(gone, ValueError("no"), NOW + timedelta(days=1), ())
    assert step == Step(obtained=False, task_id=task.pk)
    assert f"What task {task.pk} (first) of run {run.id} came to is not kept" in caplog.text


def test_what_waits_for_a_time_is_not_looked_at_sooner_because_the_data_has_changed() -> None:
    run = Trio()
    waits = at(run, "late")
    assert waits.due is not None
    run.data["x"] = 1
    run.save()
    assert at(run, "late").due == waits.due
    assert row(run).due == waits.due


def test_a_worker_that_is_lost_too_often_lets_the_other_tasks_of_the_run_stand_still(
    settings: Any,
) -> None:
    settings.ATM_ATTEMPTS = 1
    run = Trio(autorun=False)
    steps.step(run.id)  # three branches are open
    tried = AutomationTaskModel.objects.filter(automation=run.id, finished=None).order_by("pk")
    first, *others = tried
    assert len(others) == 2
    assert charging.charge(run.id) is None
    assert row(run).state == "failed"
    assert {task.state for task in tried.all()} == {"ready"}
    assert [task.due for task in tried.all()] == [None, None]
    first.refresh_from_db()
    assert first.state == "failed"


def test_a_run_and_its_first_task_begin_at_one_moment() -> None:
    run = Straight(autorun=False)
    begun, first = row(run), at(run, "first")
    assert begun.created == begun.updated == begun.due == first.created == first.due


def test_a_message_that_is_kept_came_when_the_run_was_told() -> None:
    run = Demand()
    receiving.receive(run.id, receiving.Message("paid"))
    message = AutomationMessageModel.objects.get(automation=run.id)
    assert message.created == row(run).updated


@pytest.mark.parametrize(
    ("outbox", "found"),
    [({"everyone": False}, ["received", None]), ({"everyone": True}, []), (None, [])],
)
def test_who_has_caught_a_message_before_the_sender_was_lost_is_known_by_its_key(
    outbox: Any, found: list[Any]
) -> None:
    run, other = Straight(), Straight()
    for receiver, key, answer in (
        (run, "the key", "received"),
        (other, "the key", None),
        (other, "another", "received"),
    ):
        AutomationMessageModel.objects.create(
            automation_id=receiver.id, name="paid", key=key, answer=answer
        )
    task: Any = SimpleNamespace(outbox=outbox, idempotency_key="the key")
    assert sending.caught(task) == found


def test_a_message_that_nobody_has_caught_is_delivered_again() -> None:
    run = Straight()
    AutomationMessageModel.objects.create(
        automation_id=run.id, name="paid", key="the key", answer=None
    )
    task: Any = SimpleNamespace(outbox={"everyone": False}, idempotency_key="the key")
    assert sending.caught(task) == []


def test_work_that_only_looks_at_runs_shares_its_transaction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    note = Row.note

    def look(self: Any, task: Any) -> None:
        assert AutomationModel.objects.filter(pk=self.id).count() == 1
        note(self, task)

    monkeypatch.setattr(Row, "note", look)
    assert commits(Row(autorun=False)) == [["a", "b", "c", "d", "e", "f", "end"]]


def test_a_burst_gives_the_row_of_its_run_if_there_is_no_more_to_do() -> None:
    run = Row(autorun=False)
    assert bursts.burst(run.id, most=3)[-1].row is None
    last = bursts.burst(run.id, most=20)[-1]
    assert last.row is not None
    assert last.row.state == "finished"


def test_who_gives_no_reason_is_written_down_without_one() -> None:
    one, other = failed_runs()
    incidents.retry(one.id, at(one, "d").pk)
    incidents.skip(other.id, at(other, "d").pk)
    run = Straight(autorun=False)
    incidents.suspend(run.id)
    incidents.resume(run.id)
    incidents.cancel(run.id)
    acts = list(AutomationAuditModel.objects.order_by("pk").values_list("action", "reason"))
    assert acts == [(name, "") for name in ("retry", "skip", "suspend", "resume", "cancel")]


def test_what_a_receiver_that_kills_its_run_has_got_is_written_down_for_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def receive_stop(self: Any, token: Any, data: Any) -> None:
        self.kill()

    monkeypatch.setattr(Straight, "receive_stop", receive_stop, raising=False)
    run, other = Straight(autorun=False), Straight(autorun=False)
    message = receiving.Message("stop")
    receiving.receive_from(None, run.id, message, sent={}, reason="")
    assert not AutomationModel.objects.filter(pk=run.id).exists()
    assert row(other).state == "running"
    assert not AutomationAuditModel.objects.exists()


def test_a_branch_that_arrives_before_another_has_split_says_so() -> None:
    run = Uneven()
    quick = AutomationTaskModel.objects.get(automation=run.id, status="join")
    assert (quick.state, quick.message) == ("merged", "Arrived")
    for message in ("one", "other"):
        run.send_message(message)
    last = AutomationTaskModel.objects.filter(automation=run.id, status="join").latest("pk")
    assert (last.state, last.message) == ("completed", "Joined")
    assert run.finished()


def test_a_task_with_a_message_to_deliver_is_the_last_of_its_burst() -> None:
    run = Sending(autorun=False)
    done = bursts.burst(run.id, most=20)
    assert [step.node for step in done] == ["a", "send"]
    # Also if another branch has something to do that has been due for longer.
    AutomationTaskModel.objects.create(
        automation_id=run.id, status="b", created=NOW - HOUR, due=NOW - HOUR
    )
    AutomationTaskModel.objects.filter(automation=run.id, status="send").update(
        state="ready", outbox=None, due=NOW - 2 * HOUR
    )
    assert [step.node for step in bursts.burst(run.id, most=20)] == ["send"]


def test_a_task_whose_work_is_to_be_begun_outside_is_the_last_of_its_burst() -> None:
    run = Beside(autorun=False)
    start = bursts.burst(run.id, most=1)
    assert [step.node for step in start] == ["start"]
    done = bursts.burst(run.id, most=20)
    assert [step.node for step in done] == ["slow"]
    assert done[-1].outside is not None
    assert [step.node for step in bursts.burst(run.id, most=20)] == ["ask"]


def test_the_row_that_a_burst_gives_is_as_it_has_been_written() -> None:
    run = Row(autorun=False)
    AutomationModel.objects.filter(pk=run.id).update(claimed_by="me", claimed_until=NOW)
    given, kept = bursts.burst(run.id, claim="me", most=20)[-1].row, row(run)
    assert given is not None
    names = [field.attname for field in AutomationModel._meta.concrete_fields]
    assert {name: getattr(given, name) for name in names} == {
        name: getattr(kept, name) for name in names
    }
    assert (kept.state, kept.due, kept.claimed_by) == ("finished", None, "")


def test_what_a_form_changes_has_the_conditions_of_its_run_asked_again() -> None:
    ada = User.objects.create(username="ada")
    run = Watched()
    later = timezone.now() + HOUR
    AutomationTaskModel.objects.filter(automation=run.id, status="wait").update(due=later)
    AutomationModel.objects.filter(pk=run.id).update(due=later)
    people.submit(run.id, at(run, "ask").pk, valid_form(), ada)
    assert at(run, "wait").due < later


def test_what_has_failed_in_a_run_that_goes_on_again_is_not_healed() -> None:
    run = Straight(autorun=False)
    error = f"{NodeNotFound.__module__}.{NodeNotFound.__name__}"
    AutomationTaskModel.objects.filter(automation=run.id).update(
        state="failed", error=error, finished=NOW, due=None
    )
    assert incidents.heal() == []
    assert at(run, "first").state == "failed"


def test_a_connection_that_was_lost_while_it_was_made_is_made_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = connections["default"]
    database.close()
    left: Any = SimpleNamespace(closed=True, close=lambda: None)
    database.connection, database.autocommit = left, False
    with locking.atomic():
        assert not AutomationModel.objects.exists()
    assert database.connection is not left
    assert database.get_autocommit()


def test_a_connection_that_is_lost_with_its_transaction_is_left_to_nobody() -> None:
    database = connections["default"]
    left: Any = SimpleNamespace(closed=True, close=lambda: None)

    class Block:
        """A transaction that has lost its connection, and the one after it as well."""

        def __enter__(self) -> None: ...

        def __exit__(self, *raised: object) -> None:
            database.close()
            database.connection, database.autocommit = left, False

    with locking.whole(database, cast(Any, Block())):
        pass
    assert database.connection is None
    assert Straight().finished()


@pytest.mark.parametrize("raw", [None, SimpleNamespace(closed=False), SimpleNamespace(open=True)])
def test_a_connection_that_can_be_used_is_kept(raw: Any) -> None:
    database: Any = SimpleNamespace(
        connection=raw, in_atomic_block=False, get_autocommit=lambda: False, closed=[]
    )
    database.close = lambda: database.closed.append(raw)
    locking.put_right(database)
    assert not database.closed


@pytest.mark.parametrize(
    ("inside", "autocommit", "let_go"),
    [(False, False, True), (True, False, False), (False, True, False), (True, True, False)],
)
def test_only_a_lost_connection_on_which_nobody_is_at_work_is_let_go(
    inside: bool, autocommit: bool, let_go: bool
) -> None:
    gone: list[bool] = []
    database: Any = SimpleNamespace(
        connection=SimpleNamespace(closed=True),
        in_atomic_block=inside,
        get_autocommit=lambda: autocommit,
        close=lambda: gone.append(True),
    )
    locking.put_right(database)
    assert bool(gone) is let_go


def test_who_has_waited_for_a_run_waits_for_nothing_else_so_briefly(
    settings: Any, database_vendor: str
) -> None:
    asked = {
        "postgresql": "SHOW lock_timeout",
        "mariadb": "SELECT @@innodb_lock_wait_timeout",
        "sqlite": "PRAGMA busy_timeout",
    }[database_vendor]
    settings.ATM_LOCK_TIMEOUT = 3
    run = Straight(autorun=False)

    def limit() -> Any:
        with connection.cursor() as cursor:
            cursor.execute(asked)
            return cursor.fetchone()

    with transaction.atomic():
        before = limit()
        assert locking.lock_run(run.id, wait=True) is not None
        assert limit() == before


def test_a_step_by_itself_has_a_savepoint_only_where_it_tells_something(
    database_vendor: str,
) -> None:
    run = Straight(autorun=False)
    with CaptureQueriesContext(connection) as queries:
        steps.step(run.id)
    begun = [query["sql"] for query in queries if query["sql"].startswith("SAVEPOINT")]
    assert len(begun) == (0 if database_vendor == "postgresql" else 1)
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        steps.step(run.id)
    begun = [query["sql"] for query in queries if query["sql"].startswith("SAVEPOINT")]
    assert len(begun) == 2  # its transaction, and its attempt


def test_the_row_of_a_run_is_written_once_in_a_burst() -> None:
    run = Row(autorun=False)
    with CaptureQueriesContext(connection) as queries:
        bursts.burst(run.id, most=20)
    told = [query["sql"] for query in queries]
    about = [sql for sql in told if sql.startswith("UPDATE") and "automationmodel" in sql]
    assert len(about) == 1
    assert row(run).state == "finished"


def test_a_database_that_gives_no_keys_back_is_not_asked_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Straight(autorun=False)
    monkeypatch.setattr(type(connection.features), "can_return_rows_from_bulk_insert", False)
    opened = AutomationTaskModel(automation_id=run.id, status="second", created=NOW, due=NOW)
    with CaptureQueriesContext(connection) as queries:
        statements.insert_tasks([opened])
    (sql,) = [query["sql"] for query in queries if query["sql"].startswith("INSERT")]
    assert "RETURNING" not in sql
    assert path(run) == ["first", "second"]


@pytest.mark.parametrize("kind", [Row, Trio])
def test_bursts_go_on_where_the_database_gives_no_keys_back(
    kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As MySQL does; what was opened is read then."""
    usual, other = kind(autorun=False), kind(autorun=False)
    expected = [step.node for step in bursts.burst(usual.id, most=20)]
    monkeypatch.setattr(type(connection.features), "can_return_rows_from_bulk_insert", False)
    done = bursts.burst(other.id, most=20)
    assert [step.node for step in done] == expected
    assert path(other) == path(usual)
    assert row(other).state == row(usual).state


def test_what_a_task_has_opened_that_is_undone_is_not_gone_on_with() -> None:
    run = Spoiled(autorun=False)
    # On PostgreSQL the error of a first task is written down in a transaction of its own.
    done = [step.node for _ in range(2) for step in bursts.burst(run.id, most=20) if step.node]
    assert done == ["a", "aside", "end"]
    assert HAPPENED == ["aside"]
    assert path(run) == ["a", "aside", "end"]


@pytest.mark.parametrize("now", [None, NOW + timedelta(days=900)])
def test_a_task_that_is_in_trouble_is_delayed_from_the_time_of_its_burst(now: Any) -> None:
    run = Short(autorun=False)

    def trouble(run: Any) -> None:
        raise OperationalError(*DEADLOCKS[0].args) from DEADLOCKS[0].__cause__

    Short.acts[run.id] = trouble
    try:
        done = bursts.burst(run.id, most=20, now=now)
    finally:
        Short.acts.clear()
    assert [step.delayed for step in done] == [True]
    assert at(run, "a").due > (now or row(run).created)


def test_a_task_knows_the_row_of_its_run_that_is_written() -> None:
    run = AutomationModel(automation_class=Straight._meta.label, data={})
    task = AutomationTaskModel(status="first")
    context = TaskContext(task, run, NOW)
    assert context.task.automation is run


def test_who_is_told_of_a_run_that_begins_is_told_once_it_is_there() -> None:
    told: list[Any] = []

    def hear(sender: Any, run: Any, **more: Any) -> None:
        told.append((sender, AutomationModel.objects.get(pk=run.pk).pk))

    signals.run_started.connect(hear)
    try:
        run = Straight(autorun=False)
    finally:
        signals.run_started.disconnect(hear)
    assert told == [(Straight, run.id)]


def test_rows_are_written_alike_also_with_what_only_the_database_knows() -> None:
    one, other, third = (Straight(autorun=False) for _ in range(3))
    changes = {"version": F("version") + 3, "due": None}
    keys = [one.id, other.id]
    assert statements.update_all(AutomationModel, keys, ("finished", False), changes) == 2
    assert statements.update_all(AutomationModel, keys, ("finished", True), changes) == 0
    assert [row(run).version for run in (one, other, third)] == [3, 3, 0]
    assert [row(run).due for run in (one, other)] == [None, None]
    assert row(third).due is not None
