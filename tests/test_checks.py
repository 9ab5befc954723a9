"""The system checks tell every mistake before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import checks as django_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from automations import checks, flow, registry
from automations.flow import this
from tests.testapp import processes
from tests.testapp.automations import IssueDiscussion


def ids(messages: list[django_checks.CheckMessage]) -> list[str]:
    """Return the ids of the messages."""
    return [str(message.id).removeprefix("automations.") for message in messages]


class Flawed(flow.Automation):
    """A process with two mistakes, which the project does not have while no test adds it."""

    class Meta:
        abstract = True

    start = flow.Execute(this.missing)
    form = flow.Form(object)
    end = flow.End()


@pytest.fixture
def flawed(monkeypatch: pytest.MonkeyPatch) -> type[flow.Automation]:
    """The flawed process as one of the project's."""
    monkeypatch.setattr(Flawed.Meta, "abstract", False)
    return Flawed


def test_the_project_of_the_tests_has_no_mistake() -> None:
    assert checks.check_definitions() == []
    assert checks.check_settings() == []


@pytest.mark.django_db  # Django's own checks ask what the database can do
def test_every_mistake_of_every_process_is_told_at_once(flawed: type[flow.Automation]) -> None:
    found = checks.check_definitions()
    assert ids(found) == ["E109", "E117"]
    assert all(message.obj is flawed and message.hint for message in found)
    with pytest.raises(SystemCheckError, match=r"(?s)E109.*Flawed\.start.*E117.*Flawed\.form"):
        call_command("check")


def test_a_warning_is_told_as_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    class Old(flow.Automation):
        start = flow.Execute().Next(this.end)
        old = flow.Execute()
        end = flow.End()

    monkeypatch.setattr(registry, "automations", lambda: iter([Old]))
    (message,) = checks.check_definitions()
    assert (message.level, ids([message])) == (django_checks.WARNING, ["W101"])


def test_the_registry_has_what_a_run_can_find_again() -> None:
    class Local(flow.Automation):
        start = flow.End()

    found = list(registry.automations())
    assert IssueDiscussion in found
    assert processes.Named in found
    assert Local not in found
    assert Flawed not in found


def test_time_zones_are_needed(settings: Any) -> None:
    settings.USE_TZ = False
    assert ids(checks.check_settings()) == ["E002"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ATM_CLOCK", 42),
        ("ATM_POLL", -1),
        ("ATM_POLL", "1"),
        ("ATM_BUDGET_TASKS", True),
        ("ATM_BUDGET_TASKS", 0),
        ("ATM_ATTEMPTS", 1),
        ("ATM_GROUP_MODEL", None),
        ("ATM_FORM_VIEW_CONTEXT", []),
        ("ATM_NOTIFY", 1),
        ("ATM_NOTIFY", "no"),
        ("ATM_NOTIFY", None),
        ("ATM_HEALTH_TOKEN", True),
        ("ATM_HEALTH_TOKEN", 1234),
    ],
)
def test_a_setting_that_cannot_work_is_told(settings: Any, name: str, value: Any) -> None:
    setattr(settings, name, value)
    message, *more = checks.check_settings()
    assert ids([message]) == ["E003"]
    assert name in message.msg
    # Of the three settings that go together only one is there.
    assert ids(more) == (["E001"] if name == "ATM_GROUP_MODEL" else [])


@pytest.mark.api("D24", "settings")
def test_who_is_asked_is_decided_by_three_settings_or_none(settings: Any) -> None:
    settings.ATM_USER_WITH_PERMISSIONS_FORM_METHOD = "tests.testapp.swapped.for_form"
    settings.ATM_USER_WITH_PERMISSIONS_MODEL_METHOD = "tests.testapp.swapped.for_task"
    (message,) = checks.check_settings()
    assert ids([message]) == ["E001"]
    assert "Of ATM_GROUP_MODEL, " in message.msg
    settings.ATM_GROUP_MODEL = "auth.Group"
    assert checks.check_settings() == []
    settings.ATM_USER_WITH_PERMISSIONS_FORM_METHOD = 5
    assert ids(checks.check_settings()) == ["E003"]


def test_nobody_can_be_woken_on_another_database_than_postgresql(settings: Any) -> None:
    settings.ATM_NOTIFY = True
    assert ids(checks.check_settings()) == ["W004"] * (settings.VENDOR != "postgresql")
    settings.ATM_NOTIFY = False
    assert checks.check_settings() == []


def test_a_clock_may_be_a_callable(settings: Any) -> None:
    from automations import settings as own
    from tests.plain import NOW

    settings.ATM_CLOCK = lambda: NOW
    assert checks.check_settings() == []
    assert own.now() == NOW


# Databases


class FakeDatabase(SimpleNamespace):
    """A connection that answers what it is told to."""

    alias = "default"

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """Answer each query by the words in it."""
        yield SimpleNamespace(execute=self._execute, fetchone=lambda: (self.answer,))

    def _execute(self, sql: str) -> None:
        (self.answer,) = [answer for word, answer in self.answers.items() if word in sql]


def check(monkeypatch: pytest.MonkeyPatch, **attributes: Any) -> list[str]:
    """Return what is told of a database like this."""
    database = FakeDatabase(**{"settings_dict": {}, "answers": {}} | attributes)
    monkeypatch.setattr(checks, "connections", {"default": database})
    return ids(checks.check_databases(databases=["default"]))


def test_a_database_is_checked_only_if_asked() -> None:
    assert checks.check_databases() == []
    assert checks.check_databases(databases=["other"]) == []


@pytest.mark.django_db
def test_the_database_of_the_tests_costs_neither_safety_nor_speed() -> None:
    assert checks.check_databases(databases=["default"]) == []


def test_a_database_that_never_commits_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    found = check(monkeypatch, vendor="postgresql", settings_dict={"AUTOCOMMIT": False})
    assert found == ["E004"]


def test_slow_and_unsafe_sqlite_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = {"journal_mode": "delete"}
    assert check(monkeypatch, vendor="sqlite", answers=slow) == ["I001", "I002"]
    fast = {"journal_mode": "wal"}
    found = check(monkeypatch, vendor="sqlite", answers=fast, transaction_mode="IMMEDIATE")
    assert found == []


def test_slow_and_unsafe_mysql_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = check(
        monkeypatch,
        vendor="mysql",
        answers={"engine": "MyISAM", "character_set": "latin1"},
        isolation_level="repeatable read",
        features=SimpleNamespace(has_select_for_update_skip_locked=False),
    )
    assert bad == ["E005", "W003", "W002", "I003"]
