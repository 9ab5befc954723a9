"""Tasks that follow each other at once share a transaction, and nobody sees a difference."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from automations import flow
from automations.engine import bursts, locking, statements, steps, transitions
from automations.engine import states as task_states
from automations.exceptions import AutomationNotFound
from automations.models import AutomationModel, AutomationTaskModel
from tests.engine.rows import at, closings, path, row, states
from tests.engine.test_trouble import DEADLOCKS
from tests.plain import HOUR
from tests.testapp.bursts import (
    HAPPENED,
    Both,
    Charging,
    Dangling,
    Elsewhere,
    Hooked,
    Meddling,
    Onlooker,
    Pairs,
    Row,
    Sending,
    Troubled,
)
from tests.testapp.models import Effect
from tests.testapp.promises import Trio

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("nothing_happened")]

LIMIT = bursts.longest


def commits(run: Any) -> list[list[str]]:
    """Run what is due; return the nodes whose tasks were closed, by transaction."""
    found: list[list[str]] = [[]]
    with CaptureQueriesContext(connection) as queries:
        run.run()
    nodes = iter([node for node in path(run) if at(run, node).finished])
    for sql in (query["sql"] for query in queries):
        found[-1] += islice(nodes, closings(sql))
        if sql == "COMMIT":
            found.append([])
    return [nodes for nodes in found if nodes]


def test_steps_in_a_row_share_a_transaction() -> None:
    assert commits(Row(autorun=False)) == [["a", "b", "c", "d", "e", "f", "end"]]
    assert Effect.objects.count() == 6


@pytest.mark.parametrize("every", [1, 3])
def test_the_setting_says_how_many_tasks_share_one(every: int, settings: Any) -> None:
    settings.ATM_COMMIT_EVERY = every
    nodes = ["a", "b", "c", "d", "e", "f", "end"]
    assert commits(Row(autorun=False)) == [
        nodes[start : start + every] for start in range(0, 7, every)
    ]


def test_the_process_says_how_many_of_its_tasks_share_one(settings: Any) -> None:
    settings.ATM_COMMIT_EVERY = 1
    assert commits(Pairs(autorun=False)) == [["a", "b"], ["c", "d"], ["e", "end"]]


def test_a_step_with_commit_shares_with_none_before_and_none_after_it() -> None:
    assert commits(Charging(autorun=False)) == [["a", "b"], ["charge"], ["c", "d", "end"]]


def test_how_many_share_one_is_a_whole_number_from_one() -> None:
    for wrong in (0, -1, True, "3", 1.5):

        class Many(flow.Automation):
            class Meta:
                commit_every = wrong

            end = flow.End()

        (problem,) = Many._meta.options.problems("x.Many")
        assert problem.code == "E127"
        assert "commit_every" in problem.message
        assert Many._meta.options.commit_every is None
        del Many


def test_what_runs_long_is_committed_after_the_task_in_hand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bursts, "longest", lambda: -1)
    # The End takes no time of its own: it is written with the last of them.
    assert [len(one) for one in commits(Row(autorun=False))] == [1] * 5 + [2]


def test_a_join_that_the_database_disturbs_in_a_burst_is_done_again_task_by_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has no savepoint there: all of the burst is undone, and nothing is lost or doubled."""
    merge, calls = transitions.merge, []

    def disturbed(context: Any) -> None:
        calls.append(context.task.pk)
        if len(calls) == 2:
            raise DEADLOCKS[0]
        merge(context)

    monkeypatch.setattr(transitions, "merge", disturbed)
    run = Trio()
    assert len(calls) == 4  # two branches arrive, twice; the third is late
    tasks = AutomationTaskModel.objects.order_by("pk").values_list("status", "state")
    assert list(tasks.filter(automation=run.id)) == list(tasks.filter(automation=Trio().id))


def test_the_budget_of_a_request_ends_a_burst(settings: Any) -> None:
    settings.ATM_BUDGET_TASKS = 4
    run = Row()
    assert path(run) == ["a", "b", "c", "d", "e"]
    assert row(run).due <= row(run).updated
    assert row(run).claimed_by == ""
    assert AutomationModel.run().done == 3
    assert run.finished()


def test_who_is_told_to_stop_ends_a_burst_after_the_task_in_hand() -> None:
    run = Row(autorun=False)
    (first,) = bursts.burst(run.id, most=5, stopped=lambda: bool(HAPPENED))
    assert (first.node, first.more) == ("a", True)


def test_each_task_finds_the_rows_as_if_all_before_it_were_committed() -> None:
    run = Onlooker()
    assert run.finished()
    done = [["a", "completed"], ["b", "completed"]]
    assert run.data["seen"] == [
        [[["a", "ready"]], None],
        [[done[0], ["b", "ready"]], "completed"],
        [[*done, ["c", "ready"]], "completed"],
    ]
    assert row(run).version == 3


def test_what_is_to_be_done_on_commit_is_done_before_the_next_task() -> None:
    Hooked()
    assert HAPPENED == ["a", "b is committed", "c"]


@pytest.mark.parametrize("raw", [False, True])
def test_a_task_that_writes_to_the_rows_of_runs_is_committed_before_the_next(raw: bool) -> None:
    assert commits(Meddling(raw=raw, autorun=False)) == [["a", "b"], ["c", "end"]]


def test_an_error_undoes_its_own_task_alone() -> None:
    Troubled.trouble_left.append(ValueError("no"))
    run = Troubled()
    assert states(run) == {"a": "completed", "b": "completed", "c": "completed", "d": "failed"}
    assert HAPPENED == ["a", "b", "c", "d"]
    assert list(Effect.objects.order_by("pk").values_list("node", flat=True)) == ["a", "b", "c"]


def test_trouble_with_the_database_undoes_all_and_does_it_again_task_by_task() -> None:
    Troubled.trouble_left.append(OperationalError(*DEADLOCKS[0].args))
    Troubled.trouble_left[0].__cause__ = DEADLOCKS[0].__cause__
    run = Troubled()
    assert HAPPENED == ["a", "b", "c", "d"] * 2 + ["e"]
    assert run.finished()
    assert Effect.objects.count() == 5


def test_trouble_that_goes_on_delays_the_task_that_has_it() -> None:
    for _ in range(2):
        Troubled.trouble_left.append(OperationalError(*DEADLOCKS[0].args))
        Troubled.trouble_left[-1].__cause__ = DEADLOCKS[0].__cause__
    run = Troubled()
    assert states(run) == {"a": "completed", "b": "completed", "c": "completed", "d": "ready"}
    assert at(run, "d").due == row(run).due
    assert HAPPENED == ["a", "b", "c", "d"] * 2
    AutomationModel.run(timestamp=row(run).due)
    assert run.finished()


@pytest.mark.parametrize("error", [RecursionError, MemoryError])
def test_a_task_that_runs_out_of_stack_or_memory_fails_and_undoes_no_other(error: type) -> None:
    Troubled.trouble_left += [error("deep"), error("deep")]
    run = Troubled()
    assert states(run) == {"a": "completed", "b": "completed", "c": "completed", "d": "failed"}
    assert at(run, "d").error.endswith(error.__name__)
    assert HAPPENED == ["a", "b", "c", "d"] * 2
    assert list(Effect.objects.order_by("pk").values_list("node", flat=True)) == ["a", "b", "c"]


def test_a_condition_is_asked_once_and_again_when_the_data_has_changed() -> None:
    run = Both()
    assert run.finished()
    assert HAPPENED == ["asked", "b", "asked", "a"]


def test_inside_a_transaction_of_the_callers_every_task_is_a_savepoint_of_it() -> None:
    run = Row(autorun=False)
    with transaction.atomic():
        assert len(bursts.burst(run.id, most=20)) == 1
        run.run()
        transaction.set_rollback(True)
    assert path(run) == ["a"]


def test_work_outside_of_a_transaction_ends_a_burst_and_begins_none() -> None:
    run = Elsewhere(autorun=False)
    done = bursts.burst(run.id, most=20)
    assert [(step.node, bool(step.outside)) for step in done] == [("a", False)]
    done = bursts.burst(run.id, most=20)
    assert [(step.node, bool(step.outside)) for step in done] == [("work", True)]


def test_a_database_that_does_not_say_which_keys_it_gave_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    update = task_states.update_task

    def silent(key: int, state: str, changes: Any, opened: Any) -> bool:
        done = update(key, state, changes, opened)
        for one in opened:
            one.pk = None
        return done

    monkeypatch.setattr(task_states, "update_task", silent)
    assert [len(one) for one in commits(Row(autorun=False))] == [7]


def test_a_run_that_the_code_lacks_is_done_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Row(autorun=False)

    def gone(self: Any) -> Any:
        raise AutomationNotFound("gone")

    monkeypatch.setattr(AutomationModel, "get_automation_class", gone)
    (only,) = bursts.burst(run.id, most=20)
    assert only.failed


def test_a_process_that_is_killed_by_its_own_task_ends_the_burst() -> None:
    def kill(self: Any, task: Any) -> None:
        self.kill()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Row, "note", kill)
        run = Row(autorun=False)
        (only,) = bursts.burst(run.id, most=20)
    assert (only.node, only.more) == ("a", False)
    assert not AutomationTaskModel.objects.exists()


#: Statements for the lock and the open tasks, and for a task that is closed and opens another.
TO_READ, TO_GO_ON = {"sqlite": (1, 2), "postgresql": (2, 1)}.get(connection.vendor, (2, 2))


def test_a_burst_costs_at_most_two_statements_for_each_task_and_three_for_all() -> None:
    run = Row(autorun=False)
    with CaptureQueriesContext(connection) as queries:
        done = bursts.burst(run.id, most=20)
    control = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    took = [query["sql"] for query in queries if not query["sql"].startswith(control)]
    took = [sql for sql in took if "testapp_effect" not in sql]
    assert len(done) == 7
    # The End is written as done with what is before it, and so is the row of the run.
    assert len(took) == TO_READ + TO_GO_ON * 6 + 1


def test_a_task_with_a_transaction_of_its_own_costs_at_most_four_statements(settings: Any) -> None:
    run = Row(autorun=False)
    with CaptureQueriesContext(connection) as queries:
        steps.step(run.id)
    control = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    took = [query["sql"] for query in queries if not query["sql"].startswith(control)]
    assert len([sql for sql in took if "testapp_effect" not in sql]) == TO_READ + TO_GO_ON


def test_what_stands_alone_is_done_alone_from_the_beginning() -> None:
    """A burst that begins at a step with commit, and one of a run that was taken meanwhile."""
    run = Charging(autorun=False)
    for _ in range(2):
        steps.step(run.id)
    assert [step.node for step in bursts.burst(run.id, most=20)] == ["charge"]
    AutomationModel.objects.filter(pk=run.id).update(due=None, state="suspended")
    assert bursts.burst(run.id, most=20) == [steps.Step()]


def test_what_is_sent_is_left_to_whoever_delivers_it() -> None:
    run = Sending(autorun=False)
    done = bursts.burst(run.id, most=20)
    assert [step.node for step in done] == ["a", "send"]
    assert done[-1].more
    (sending,) = bursts.burst(run.id, most=20)
    assert sending.sending


def test_a_field_that_is_written_in_a_way_of_its_own_is_left_to_django(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("update_words", "insert_words"):
        monkeypatch.setattr(statements, name, lambda *about: None)
    assert [len(one) for one in commits(Row(autorun=False))] == [7]
    monkeypatch.undo()
    own = AutomationTaskModel._meta.get_field("message")
    monkeypatch.setattr(own, "get_placeholder", lambda *about: "%s", raising=False)
    assert statements.insert_words.__wrapped__("any", AutomationTaskModel) is None
    changed = ("state", "message")
    assert statements.update_words.__wrapped__("any", AutomationTaskModel, changed, "state") is None
    changed = ("state", "finished")
    assert statements.update_words.__wrapped__("any", AutomationTaskModel, changed, "state")


def test_a_claim_by_the_databases_own_time_is_written_as_an_expression() -> None:
    run = Row(autorun=False)
    task = at(run, "a")
    changes = {"state": "waiting", "claimed_by": "me", "claimed_until": locking.from_now(HOUR)}
    assert statements.update_task(task.pk, "ready", changes)
    assert not statements.update_task(task.pk, "ready", changes)
    assert at(run, "a").claimed_until is not None


@pytest.mark.skipif(connection.vendor == "mysql", reason="MySQL refuses at once: the task fails")
def test_what_is_refused_on_commit_keeps_no_task_before_it_from_being_done() -> None:
    run = Dangling(autorun=False)
    with pytest.raises(IntegrityError):
        run.run()
    assert states(run) == {"a": "completed", "b": "completed", "c": "ready"}
    assert HAPPENED == ["a", "b", "c", "d", "a", "b", "c"]
    assert Effect.objects.count() == 2


@pytest.mark.parametrize("error", [ValueError("no"), OperationalError("no"), IntegrityError("no")])
def test_what_fails_on_commit_is_raised_and_undoes_nothing(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(Hooked, "later", lambda self, task: transaction.on_commit(fail))
    run = Hooked(autorun=False)
    with pytest.raises(type(error)):
        run.run()
    assert HAPPENED == ["a"]
    assert states(run) == {"a": "completed", "b": "completed", "c": "ready"}


def test_where_all_share_one_lock_a_burst_is_shorter() -> None:
    alone = connection.vendor == "sqlite"
    assert LIMIT() == (bursts.LONGEST_ALONE if alone else bursts.LONGEST)
    assert bursts.LONGEST_ALONE < bursts.LONGEST


def test_a_run_that_somebody_has_is_not_obtained(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Row(autorun=False)
    monkeypatch.setattr(bursts, "lock_with_tasks", lambda run_id, wait: (None, []))
    assert bursts.burst(run.id, most=20) == [steps.Step(obtained=False)]
