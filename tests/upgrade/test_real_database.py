"""A database that release 0.9.4.1 itself has filled, brought to today."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections

from tests.conftest import ROOT
from tests.proofs.recording import Recorder
from tests.upgrade.databases import empty_database

HERE = Path(__file__).parent
OLD = os.environ.get("ATM_TEST_OLD_DATABASE", str(HERE / "old.sqlite3"))

pytestmark = pytest.mark.processes

#: What the notes of each run have to be in the end, each once, and in which order.
PATHS = {
    "Finished": [["start"]],
    "Waiting": [["start", "wait", "after"]],
    "Choice": [["start", "large"], ["start", "small"]],
    "Nested": [["left", "quick", "slow", "after", "last"]],
    "InnerJoined": [["one", "two", "after", "left", "slow", "last"]],
    "AskUser": [["after"]],
    "AskGroup": [["after"]],
    "AskHolders": [["after"]],
    "AskAnybody": [["after"]],
    "AskLater": [["after"]],
    "Answered": [["after", "wait"]],
    "Failed": [["start", "print_it", "after"]],
    "FailedBranch": [["print_it", "slow", "last"]],
    "Rescued": [["rescue", "wait"]],
    "Skipping": [["start", "wait"]],
    "SkippingBranch": [["other", "slow", "last"]],
    "JoinedEarly": [["other", "last"]],
    "Condition": [["start", "wait"]],
    "Weekly": [["start", "wait", "start", "wait"]],  # and so on, a week after it was started
    "Bound": [["start", "wait"]],
    "Single": [["start", "wait"]],
    "OnePerSlot": [["start", "wait"], ["start", "wait"]],
    "Crashed": [["start", "crash", "after"]],
    "Retired": [["start"]],
    "Aborted": [["start", "wait"], ["start", "wait"]],
    "Unbegun": [["start"]],
}


class Told:
    """What the database holds, as the project's own process tells it."""

    def __init__(self, rows: dict[str, list[dict[str, Any]]]) -> None:
        self.runs: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.tasks: dict[int, list[dict[str, Any]]] = defaultdict(list)
        self.notes: dict[int, list[str]] = defaultdict(list)
        self.objects = rows["objects"]
        for run in rows["runs"]:
            self.runs[run["automation_class"].rpartition(".")[2]].append(run)
        for task in rows["tasks"]:
            self.tasks[task["automation_id"]].append(task)
        for note in rows["notes"]:
            self.notes[note["run"]].append(note["node"])

    def task(self, automation: str, node: str) -> dict[str, Any]:
        """The only task of the first run of the automation at the node."""
        run = self.runs[automation][0]
        (found,) = [task for task in self.tasks[run["id"]] if task["status"] == node]
        return found


def seconds_since_the_old_release() -> float:
    """Return how long ago, below zero, it wrote its last task."""
    with contextlib.closing(sqlite3.connect(OLD)) as database:
        query = "SELECT max(created) FROM automations_automationtaskmodel"
        (last,) = database.execute(query).fetchone()
    written = datetime.datetime.fromisoformat(last).replace(tzinfo=datetime.UTC)
    return (written - datetime.datetime.now(datetime.UTC)).total_seconds()


class Upgraded:
    """The database right after the upgrade, and when all its processes have come to their end."""

    def __init__(self, name: str) -> None:
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "workshop.settings",
            "ATM_TEST_DATABASE": settings.VENDOR,
            "ATM_TEST_DATABASE_NAME": name,
            "WORKSHOP_AHEAD": str(seconds_since_the_old_release() + 60),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT), str(HERE / "today")]),
        }
        if settings.VENDOR != "sqlite":
            self.work("load", OLD)
        self.migrated = self.run("-m", "django", "migrate")
        self.checked = self.run("-m", "django", "check", "--database", "default")
        changes = ("makemigrations", "--check", "--dry-run", "automations")
        self.changes = self.run("-m", "django", *changes)
        self.first = Told(json.loads(self.work("tell")))
        self.last = Told(json.loads(self.work("finish")))

    def run(self, *arguments: str) -> str:
        command = [sys.executable, "-W", "error", *arguments]
        answer = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    def work(self, *arguments: str) -> str:
        return self.run(str(HERE / "today" / "work.py"), *arguments)


@pytest.fixture(scope="module")
def upgraded(django_db_blocker: Any) -> Iterator[Upgraded]:
    with django_db_blocker.unblock(), empty_database() as alias:
        name = str(connections[alias].settings_dict["NAME"])
        if settings.VENDOR == "sqlite":
            shutil.copyfile(OLD, name)
        yield Upgraded(name)


def test_the_upgrade_is_one_migrate_and_leaves_nothing_to_complain_about(
    upgraded: Upgraded,
) -> None:
    applied = [line for line in upgraded.migrated.splitlines() if "Applying automations" in line]
    assert [line.split()[1].rstrip(".") for line in applied] == [
        "automations.0002_columns_and_tables",
        "automations.0003_rows",
        "automations.0004_laws",
        "automations.0005_work_outside",
        "automations.0006_health",
        "automations.0007_inbox",
        "automations.0008_offers",
        "automations.0009_offered_rows",
        "automations.0010_states",
    ]
    assert "no issues" in upgraded.checked
    assert "No changes" in upgraded.changes


def test_every_process_comes_to_its_end_and_does_nothing_twice(
    upgraded: Upgraded, proof: Recorder
) -> None:
    paths = {
        name: [upgraded.last.notes[run["id"]] for run in runs]
        for name, runs in upgraded.last.runs.items()
    }
    assert {name: [sorted(path) for path in found] for name, found in paths.items()} == {
        name: [sorted(path) for path in wanted] for name, wanted in PATHS.items()
    }
    assert paths["Waiting"] == PATHS["Waiting"]
    assert paths["Nested"] == PATHS["Nested"]
    left = {name for name, runs in upgraded.last.runs.items() for run in runs if run["due"]}
    assert left == {"Weekly"}
    ended = {name for name, runs in upgraded.last.runs.items() if runs[0]["state"] == "finished"}
    assert ended == set(PATHS) - {"Retired", "Weekly"}
    done = "rows of release 0.9.4.1, upgraded and worked on by this one, to where they should be"
    proof("P16", done=done, exact=sum(len(runs) for runs in paths.values()))


def test_each_run_is_in_the_state_that_it_was_left_in(upgraded: Upgraded) -> None:
    states = {name: [run["state"] for run in runs] for name, runs in upgraded.first.runs.items()}
    others = {
        "Finished": ["finished"],
        "JoinedEarly": ["finished"],
        "Failed": ["failed"],
        "FailedBranch": ["failed"],
        "Aborted": ["running", "failed"],
    }
    assert states == {
        name: others.get(name, ["running"] * len(paths)) for name, paths in PATHS.items()
    }
    assert all(
        run["ended"] for runs in upgraded.first.runs.values() for run in runs if run["finished"]
    )


def test_keys_are_new_and_no_two_are_alike(upgraded: Upgraded) -> None:
    keys = [run["key"] for runs in upgraded.first.runs.values() for run in runs]
    assert len(set(keys)) == len(keys)
    assert {len(key) for key in keys} == {32}  # the old ones, which could be guessed, had 40


def test_a_failed_run_is_an_incident_with_its_plain_traceback(upgraded: Upgraded) -> None:
    task = upgraded.first.task("Failed", "print_it")
    assert task["state"] == "failed"
    assert task["finished"]
    assert task["message"] == "ValueError('no paper left')"
    assert task["traceback"].startswith("Traceback (most recent call last):\n  File ")
    assert task["traceback"].endswith("Exception Value: no paper left\n")
    assert task["result"] is None
    beside = upgraded.first.task("FailedBranch", "slow")
    assert (beside["state"], beside["due"]) == ("ready", None)


def test_reports_of_errors_lose_settings_and_variables(upgraded: Upgraded) -> None:
    assert b"mark-of-a-setting" in Path(OLD).read_bytes()
    assert b"mark-of-a-variable" in Path(OLD).read_bytes()
    kept = json.dumps([list(upgraded.first.tasks.values())])
    assert "ValueError" in kept
    assert "mark-of" not in kept


def test_an_error_that_the_process_went_on_from_is_no_incident(upgraded: Upgraded) -> None:
    task = upgraded.first.task("Rescued", "start")
    assert task["state"] == "completed"
    assert "no paper left" in task["traceback"]


def test_branches_know_their_split_again(upgraded: Upgraded) -> None:
    def fork(automation: str, node: str) -> Any:
        return upgraded.first.task(automation, node)["fork_id"]

    outer = upgraded.first.task("Nested", "outer")["id"]
    inner = upgraded.first.task("Nested", "inner")["id"]
    assert fork("Nested", "outer") is None
    assert {fork("Nested", node) for node in ("left", "inner", "join")} == {outer}
    assert {fork("Nested", node) for node in ("quick", "slow", "inner_join")} == {inner}
    assert upgraded.first.task("Nested", "join")["state"] == "merged"
    assert fork("InnerJoined", "after") == upgraded.first.task("InnerJoined", "outer")["id"]


def test_the_way_back_over_a_skipped_task_is_found_again(upgraded: Upgraded) -> None:
    slow, skipped = (upgraded.first.task("SkippingBranch", name) for name in ("slow", "skipped"))
    assert slow["previous_id"] == skipped["id"]
    assert slow["fork_id"] == upgraded.first.task("SkippingBranch", "split")["id"]


def test_a_form_goes_on_being_offered_to_those_whom_it_was_offered_to(upgraded: Upgraded) -> None:
    task = upgraded.first.task("AskUser", "ask")
    assert (task["state"], task["requires_interaction"]) == ("waiting", True)
    assert task["interaction_user_name"] == "ada"
    # The page of the old release had been answered: nobody is asked again.
    assert upgraded.first.task("Answered", "ask")["state"] == "completed"


@pytest.mark.parametrize("automation", ["AskGroup", "AskHolders", "AskAnybody", "AskLater"])
def test_a_form_that_was_offered_to_the_wrong_people_is_asked_anew(
    upgraded: Upgraded, automation: str
) -> None:
    task = upgraded.first.task(automation, "ask")
    assert (task["state"], task["requires_interaction"]) == ("ready", False)


def test_bound_objects_can_be_looked_up(upgraded: Upgraded) -> None:
    run = upgraded.first.runs["Bound"][0]["id"]
    assert [
        (row["automation_id"], row["name"], row["model"], row["object_key"])
        for row in upgraded.first.objects
    ] == [(run, "session", "workshop.session", "1")]


def test_only_running_runs_of_unique_automations_keep_others_out(upgraded: Upgraded) -> None:
    with_key = {
        name: [bool(run["unique_key"]) for run in runs]
        for name, runs in upgraded.first.runs.items()
        if any(run["unique_key"] for run in runs)
    }
    assert with_key == {"Single": [True], "OnePerSlot": [True, True]}
    one, two = upgraded.first.runs["OnePerSlot"]
    assert one["unique_key"] != two["unique_key"]


def test_a_run_whose_class_is_gone_waits_as_an_incident(upgraded: Upgraded) -> None:
    assert upgraded.last.runs["Retired"][0]["state"] == "failed"
    assert "Retired" in upgraded.last.task("Retired", "wait")["message"]
