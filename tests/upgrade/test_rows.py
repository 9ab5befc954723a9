"""
What becomes of old rows that the real database of release 0.9.4.1 does not hold.

Each story writes old rows and returns what it wants to see again. All of them are converted
together, by one upgrade.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections
from django.db.migrations.exceptions import IrreversibleError

from automations import settings
from automations.engine.failures import TRACEBACK_BYTES
from automations.engine.starting import make_unique_key
from automations.models.offers import asked_by, offer_for
from automations.upgrade import conversion, offers, verdict
from tests.upgrade.databases import COLUMNS, SQUASHED, empty_database, migrate, schema
from tests.upgrade.old_rows import PATH, OldRows, minute

Ids = dict[str, int]
STORIES: dict[str, Callable[[OldRows], Ids]] = {}


def story(write: Callable[[OldRows], Ids]) -> Callable[[OldRows], Ids]:
    STORIES[write.__name__] = write
    return write


class After:
    """The rows after the upgrade, and the names that the stories gave them."""

    def __init__(self, apps: Any, alias: str, ids: dict[str, Ids]) -> None:
        self.apps, self.alias, self.ids = apps, alias, ids

    def rows(self, model: str) -> Any:
        return self.apps.get_model("automations", model).objects.using(self.alias)

    def run(self, story: str, name: str = "run") -> Any:
        return self.rows("AutomationModel").get(pk=self.ids[story][name])

    def task(self, story: str, name: str) -> Any:
        return self.rows("AutomationTaskModel").get(pk=self.ids[story][name])

    def of_run(self, story: str, name: str = "run") -> list[Any]:
        tasks = self.rows("AutomationTaskModel").filter(automation=self.ids[story][name])
        return list(tasks.order_by("pk"))


@pytest.fixture(scope="module")
def after(django_db_blocker: Any) -> Iterator[After]:
    with django_db_blocker.unblock(), empty_database() as alias:
        apps = migrate(alias, SQUASHED)
        for name in ("ada", "bob"):
            apps.get_model("auth", "User").objects.using(alias).create(username=name)
        apps.get_model("auth", "Group").objects.using(alias).create(name="staff")
        rows = OldRows(apps, alias)
        ids = {name: write(rows) for name, write in STORIES.items()}
        with pytest.MonkeyPatch.context() as patch:
            # Several blocks of runs, and several statements for the rows of one.
            patch.setattr(conversion, "BLOCK", 7)
            patch.setattr(conversion, "ROWS", 2)
            patch.setattr(offers, "BLOCK", 2)
            upgraded = migrate(alias)
        yield After(upgraded, alias, ids)


@story
def running(rows: OldRows) -> Ids:
    run = rows.run(paused_until=minute(600))
    first = rows.task(run, "first")
    return {"run": run, "first": first, "wait": rows.task(run, "wait", first, done=False)}


def test_a_run_that_goes_on_is_looked_at_at_once_whatever_it_was_paused_for(after: After) -> None:
    run, wait = after.run("running"), after.task("running", "wait")
    assert (run.state, run.finished, run.ended) == ("running", False, None)
    assert (wait.state, wait.finished) == ("ready", None)
    assert run.due == wait.due
    assert abs((run.due - settings.now()).total_seconds()) < 600
    assert (run.claimed_by, run.claimed_until, run.version) == ("", None, 0)
    assert (wait.attempts, wait.reminders, wait.outbox) == (0, [], None)
    assert run.updated == minute(60)


@story
def ended(rows: OldRows) -> Ids:
    run = rows.run(finished=True)
    first = rows.task(run, "first", finished=minute(7))
    rows.task(run, "end", first, finished=minute(9), message="")
    return {"run": run, "empty": rows.run(finished=True)}


def test_a_run_ended_when_its_last_task_did(after: After) -> None:
    run = after.run("ended")
    assert (run.state, run.ended, run.due) == ("finished", minute(9), None)
    assert after.run("ended", "empty").ended == minute(60)


@story
def ended_with_open_tasks(rows: OldRows) -> Ids:
    run = rows.run(finished=True)
    split = rows.task(run, "split", message="Split")
    rows.task(run, "end", split, message="")
    return {"run": run, "left": rows.task(run, "left", split, done=False)}


def test_what_was_open_when_a_run_ended_is_cancelled(after: After) -> None:
    assert after.run("ended_with_open_tasks").state == "finished"
    left = after.task("ended_with_open_tasks", "left")
    assert (left.state, left.message) == ("cancelled", verdict.HAS_ENDED)
    assert left.finished == minute(60)


@story
def stopped_before_its_end(rows: OldRows) -> Ids:
    run = rows.run("Fork", finished=True)
    split = rows.task(run, "split", message="Split")
    rows.task(run, "left", split)
    return {"run": run, "right": rows.task(run, "right", split, done=False)}


def test_a_run_that_was_stopped_without_a_word_is_an_incident(after: After) -> None:
    run, right = after.run("stopped_before_its_end"), after.task("stopped_before_its_end", "right")
    assert (run.state, run.ended, run.due) == ("failed", minute(60), None)
    assert (right.state, right.message) == ("failed", verdict.NOT_KEPT)


@story
def two_errors(rows: OldRows) -> Ids:
    run = rows.run(finished=True)
    split = rows.task(run, "split", message="Split")
    error = {"message": "E('x')", "result": {"error": "no traceback", "html": "<p>"}}
    return {
        "run": run,
        "one": rows.task(run, "one", split, done=False, **error),
        "two": rows.task(run, "two", split, done=False, **error),
    }


def test_one_task_of_a_failed_run_has_failed_and_the_others_stand_still(after: After) -> None:
    one, two = after.task("two_errors", "one"), after.task("two_errors", "two")
    assert (one.state, one.finished, one.message) == ("failed", minute(60), "E('x')")
    assert (two.state, two.finished, two.due) == ("ready", None, None)
    assert [one.result, two.result, one.traceback] == [None, None, ""]


@story
def long_error(rows: OldRows) -> Ids:
    run = rows.run(finished=True)
    frame = '  File "/srv/shop.py", line 7, in pay\n    pay(now)\n'
    text = (
        "Settings: secret\nTraceback (most recent call last):\n"
        + frame
        + "Local vars: secret\nThe above exception (x) was the direct cause of the following "
        "exception:\n" + frame * 400 + "Exception Type: ValueError\nException Value: no\nsecret\n"
    )
    result = {"error": text, "html": "<p>secret</p>"}
    return {
        "run": run,
        "task": rows.task(run, "pay", done=False, message="ValueError('no')", result=result),
    }


def test_a_traceback_keeps_its_beginning_and_its_end_and_nothing_secret(after: After) -> None:
    kept = after.task("long_error", "task").traceback
    assert len(kept.encode()) <= TRACEBACK_BYTES
    assert kept.startswith('Traceback (most recent call last):\n  File "/srv/shop.py", line 7')
    assert "direct cause of the following exception:" in kept
    assert kept.endswith("Exception Type: ValueError\nException Value: no\n")
    assert "secret" not in kept


@story
def doubled(rows: OldRows) -> Ids:
    run = rows.run()
    split = rows.task(run, "split", message="Split")
    left, right = rows.task(run, "left", split), rows.task(run, "right", split)
    twin = rows.task(run, "left", split)
    # One letter's case makes no difference to some databases.
    lagging = rows.task(run, "Left", split, done=False)
    return {
        "run": run,
        "split": split,
        "left": left,
        "right": right,
        "twin": twin,
        "lagging": lagging,
        "arrived": rows.task(run, "join", left, message="Open Join", result=[]),
        "arrived_twin": rows.task(run, "join", twin, message="Open Join", result=[]),
        "wait": rows.task(run, "wait", right, done=False),
        "again": rows.task(run, "wait", right, done=False),
    }


def test_of_doubled_tasks_one_goes_on_and_its_twin_counts_nowhere(after: After) -> None:
    split = after.ids["doubled"]["split"]
    tasks = {name: after.task("doubled", name) for name in after.ids["doubled"] if name != "run"}
    assert after.run("doubled").state == "running"
    assert (tasks["left"].previous_id, tasks["left"].fork_id) == (split, split)
    assert (tasks["twin"].previous_id, tasks["twin"].fork_id) == (None, None)
    assert (tasks["arrived"].state, tasks["arrived"].fork_id) == ("merged", split)
    assert (tasks["arrived_twin"].state, tasks["arrived_twin"].fork_id) == ("merged", None)
    assert (tasks["lagging"].state, tasks["lagging"].message) == ("cancelled", verdict.DOUBLED)
    assert (tasks["wait"].state, tasks["again"].state) == ("ready", "cancelled")
    assert tasks["wait"].previous_id == tasks["right"].pk


@story
def nested(rows: OldRows) -> Ids:
    run = rows.run()
    outer = rows.task(run, "outer", message="Split")
    inner, slow = rows.task(run, "inner", outer, message="Split"), rows.task(run, "slow", outer)
    one, two = rows.task(run, "one", inner), rows.task(run, "two", inner)
    first = rows.task(run, "inner_join", one, message="Joined", result=[])
    last = rows.task(run, "inner_join", two, message="Joined")
    rows.tasks.objects.using(rows.alias).filter(pk=last).update(result=[first, last])
    return {
        "run": run,
        "outer": outer,
        "inner": inner,
        "first": first,
        "last": last,
        "deep": rows.task(run, "deep", last, done=False),
        "slow": rows.task(run, "later", slow, done=False),
    }


def test_a_task_behind_an_inner_join_belongs_to_the_outer_split(after: After) -> None:
    ids = after.ids["nested"]
    forks = {name: after.task("nested", name).fork_id for name in ids if name != "run"}
    assert forks == {
        "outer": None,
        "inner": ids["outer"],
        "first": ids["inner"],
        "last": ids["inner"],
        "deep": ids["outer"],
        "slow": ids["outer"],
    }
    assert after.task("nested", "first").state == "merged"
    assert after.task("nested", "last").state == "completed"


@story
def joined_without_split(rows: OldRows) -> Ids:
    run = rows.run()
    join = rows.task(run, "join", message="Joined", result=[1])
    return {"run": run, "after": rows.task(run, "after", join, done=False)}


def test_rows_that_make_no_sense_do_not_stop_the_upgrade(after: After) -> None:
    assert after.task("joined_without_split", "after").fork_id is None
    assert after.run("odd").state == "running"
    assert after.task("odd", "nameless").status == "unknown"
    assert after.task("odd", "stray").previous_id is None
    assert after.rows("AutomationObjectModel").filter(automation=after.run("odd").pk).count() == 0


@story
def odd(rows: OldRows) -> Ids:
    other = rows.task(rows.run(), "elsewhere", done=False)
    run = rows.run("Binding", data=[1, 2])
    return {
        "run": run,
        "nameless": rows.task(run, "", done=False),
        "stray": rows.task(run, "stray", other, done=False),
    }


@story
def interrupted_split(rows: OldRows) -> Ids:
    run, unknown = rows.run("Fork"), rows.run()
    split = rows.task(run, "split", done=False, locked=1)
    other = rows.task(unknown, "split", done=False, locked=1)
    rows.task(unknown, "left", other, done=False)
    return {
        "run": run,
        "split": split,
        "left": rows.task(run, "left", split, done=False),
        "unknown": unknown,
        "other": other,
    }


def test_a_split_that_was_interrupted_opens_the_branches_that_are_missing(after: After) -> None:
    split = after.task("interrupted_split", "split")
    assert (split.state, split.message) == ("completed", "Split")
    branches = after.of_run("interrupted_split")[1:]
    assert {(task.status, task.state, task.previous_id, task.fork_id) for task in branches} == {
        (name, "ready", split.pk, split.pk) for name in ("left", "right")
    }
    assert all(task.due for task in branches)
    # Without the class nobody knows which.
    assert len(after.of_run("interrupted_split", "unknown")) == 2


@story
def interrupted_between(rows: OldRows) -> Ids:
    run = rows.run("Straight")
    return {"run": run, "first": rows.task(run, "first")}


def test_a_run_that_was_interrupted_between_two_tasks_is_an_incident(after: After) -> None:
    first = after.task("interrupted_between", "first")
    assert after.run("interrupted_between").state == "failed"
    assert (first.state, first.message) == ("failed", verdict.INTERRUPTED)


@story
def skipping(rows: OldRows) -> Ids:
    run, loop = rows.run("Straight"), rows.run()
    skipped = rows.task(run, "first", message="skipped", requires_interaction=True)
    rows.task(run, "end", done=False)  # by a signal of its own: not where the skipped one leads
    return {
        "run": run,
        "skipped": skipped,
        "second": rows.task(run, "second", done=False),
        "begin": rows.task(loop, "begin"),
        "lost": rows.task(loop, "lost", None, message="skipped"),
    }


def test_a_skipped_task_leads_where_its_node_does(after: After) -> None:
    skipped, second = after.task("skipping", "skipped"), after.task("skipping", "second")
    assert (skipped.state, skipped.requires_interaction) == ("skipped", False)
    assert second.previous_id == skipped.pk


@story
def not_begun(rows: OldRows) -> Ids:
    return {"run": rows.run("Straight"), "gone": rows.run()}


def test_a_run_that_had_not_begun_begins(after: After) -> None:
    (task,) = after.of_run("not_begun")
    assert (task.status, task.state, task.previous_id) == ("first", "ready", None)
    assert task.due == task.created == after.run("not_begun").due


def test_a_run_that_cannot_begin_says_why(after: After) -> None:
    (task,) = after.of_run("not_begun", "gone")
    assert after.run("not_begun", "gone").state == "failed"
    assert (task.state, task.message) == ("failed", verdict.NOT_BEGUN)


@story
def forms(rows: OldRows) -> Ids:
    asked: dict[str, Any] = {"done": False, "requires_interaction": True, "locked": -1}
    user = rows.tasks._meta.get_field("interaction_user").related_model
    ada = user.objects.using(rows.alias).get(username="ada")
    bob = user.objects.using(rows.alias).get(username="bob")
    group = rows.tasks._meta.get_field("interaction_group").related_model
    staff = group.objects.using(rows.alias).get()
    failed = rows.run(finished=True)
    rows.task(failed, "boom", done=False, message="x", result={"error": "", "html": ""})
    return {
        "user": rows.task(rows.run(), "ask", interaction_user=ada, **asked),
        "group": rows.task(rows.run(), "ask", interaction_group=staff, **asked),
        "holders": rows.task(rows.run(), "ask", interaction_permissions=["a.b"], **asked),
        "nobody": rows.task(rows.run(), "ask", **asked),
        "no_permissions": rows.task(rows.run("Ask"), "ask", interaction_user=ada, **asked),
        "same": rows.task(
            rows.run("Ask"),
            "ask",
            interaction_user=bob,
            interaction_permissions=["auth.add_group"],
            **asked,
        ),
        "of_failed": rows.task(failed, "ask", interaction_user=ada, **asked),
        "closed": rows.task(rows.run(finished=True), "ask", interaction_user=bob),
    }


def test_a_form_stays_with_those_whom_it_was_offered_to(after: After) -> None:
    offered = {
        name: task.state == "waiting" and task.requires_interaction
        for name in after.ids["forms"]
        for task in [after.task("forms", name)]
    }
    assert offered == {
        "user": True,
        "group": True,
        "holders": True,
        "nobody": False,
        # The class asks for a permission that the old release never wrote down.
        "no_permissions": False,
        "same": True,
        "of_failed": True,
        "closed": False,
    }
    assert after.task("forms", "nobody").state == "ready"
    assert after.task("forms", "of_failed").due is None
    assert after.task("forms", "user").due is not None
    assert after.task("forms", "holders").interaction_permissions == ["a.b"]


def test_what_is_offered_after_the_upgrade_is_counted_by_inboxes(after: After) -> None:
    tasks = after.rows("AutomationTaskModel").select_related("automation").order_by("pk")
    waiting = tasks.filter(requires_interaction=True, automation__state="running")
    assert len(waiting) > 3
    expected = {task.pk: offer_for(asked_by(task)) for task in waiting}
    assert dict(tasks.exclude(offer="").values_list("pk", "offer")) == expected


def test_the_names_of_those_who_were_asked_are_kept(after: After) -> None:
    tasks = {name: after.task("forms", name) for name in ("user", "group", "closed", "nobody")}
    assert {name: task.interaction_user_name for name, task in tasks.items()} == {
        "user": "ada",
        "group": "",
        "closed": "bob",
        "nobody": "",
    }
    assert tasks["group"].interaction_group_name == "staff"


@story
def unique(rows: OldRows) -> Ids:
    names = ("first", "second", "failed", "other", "without")
    runs = {
        "first": rows.run("Unique", data={"slot": 1}),
        "failed": rows.run("Unique", data={"slot": 3}, finished=True),
        "other": rows.run("Unique", data={"slot": 2}),
        "without": rows.run("Unique"),
    }
    for run in runs.values():
        rows.task(run, "first", done=False)
    for _ in range(10):  # into another block
        rows.task(rows.run(), "first", done=False)
    runs["second"] = rows.run("Unique", data={"slot": 1})
    rows.task(runs["second"], "first", done=False)
    return {name: runs[name] for name in names}


def test_of_running_runs_that_should_be_one_the_first_keeps_others_out(after: After) -> None:
    keys = {name: after.run("unique", name).unique_key for name in after.ids["unique"]}
    label = f"{PATH}Unique"
    assert keys == {
        "first": make_unique_key(label, {"slot": 1}, ("slot",)),
        "second": None,
        "failed": None,
        "other": make_unique_key(label, {"slot": 2}, ("slot",)),
        "without": None,
    }


@story
def bound(rows: OldRows) -> Ids:
    key = "0a1b2c3d-0000-4000-8000-000000000000"
    run = rows.run("Binding", data={"issues": 7, "ticket": key, "else": 1}, finished=True)
    other = rows.run("Binding", data={"issues": True, "ticket": None}, finished=True)
    return {"run": run, "other": other}


def test_what_a_run_is_bound_to_is_found_in_its_data(after: After) -> None:
    objects = after.rows("AutomationObjectModel").order_by("name")
    assert list(
        objects.filter(automation=after.run("bound").pk).values_list("name", "model", "object_key")
    ) == [
        ("issues", "testapp.issuelist", "7"),
        ("ticket", "testapp.ticket", "0a1b2c3d-0000-4000-8000-000000000000"),
    ]
    assert not objects.filter(automation=after.run("bound", "other").pk).exists()


def test_no_run_is_left_without_a_key_of_its_own(after: After) -> None:
    keys = list(after.rows("AutomationModel").values_list("key", flat=True))
    assert len(set(keys)) == len(keys)
    assert all(len(key) == 32 for key in keys)


def test_runs_with_a_history_are_not_brought_back_into_the_old_tables(after: After) -> None:
    before = schema(after.alias)
    with pytest.raises(IrreversibleError, match="Restore the backup"):
        migrate(after.alias, COLUMNS)
    assert schema(after.alias) == before


@pytest.mark.parametrize("runs", [1, 30])
def test_a_block_of_runs_costs_the_same_however_many_there_are(
    django_db_blocker: Any, runs: int
) -> None:
    with django_db_blocker.unblock(), empty_database() as alias:
        rows = OldRows(migrate(alias, SQUASHED), alias)
        for number in range(runs):
            run = rows.run("Straight", data={"number": number})
            rows.task(run, "second", rows.task(run, "first"), done=False)
        apps = migrate(alias, COLUMNS)
        connection = connections[alias]
        connection.force_debug_cursor = True
        before = len(connection.queries_log)
        converted = conversion.Conversion(apps, alias)
        assert [converted.convert_block() for _ in range(2)] == [True, False]
        statements = len(list(itertools.islice(connection.queries_log, before, None)))
        assert statements <= 14


def test_who_has_no_name_is_known_by_the_primary_key(after: After) -> None:
    found = conversion.Conversion(after.apps, after.alias)
    (staff,) = after.apps.get_model("auth", "Group").objects.using(after.alias).all()
    assert found._names("auth.Group", "name", [staff.pk]) == {staff.pk: "staff"}
    assert found._names("auth.Group", "title", [staff.pk]) == {staff.pk: str(staff.pk)}
