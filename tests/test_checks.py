"""The system checks tell every mistake before anything runs."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import django.dispatch
import pytest
import time_machine
from django.core import checks as django_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from automations import checks, flow, registry, triggers
from automations.exceptions import DefinitionError
from automations.flow import this
from tests.plain import NOW
from tests.testapp import processes
from tests.testapp.automations import IssueDiscussion
from tests.testapp.models import IssueList


def ids(messages: list[django_checks.CheckMessage]) -> list[str]:
    """Return the ids of the messages."""
    return [str(message.id).removeprefix("automations.") for message in messages]


def stopped() -> datetime.datetime:
    """Return what a clock shows that stands still."""
    return NOW


class Flawed(flow.Automation):
    """A process with two mistakes, which the project does not have while no test adds it."""

    class Meta:
        abstract = True

    start = flow.Execute(this.missing)
    form = flow.Form(object)
    end = flow.End()


class Chooser(flow.Automation):
    """What takes signals for others, and says itself which of them to start."""

    class Meta:
        abstract = True

    @classmethod
    def on_signal(cls, start: str | None, sender: Any, /, **kwargs: Any) -> None:
        """Start nothing."""


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


@pytest.mark.django_db
def test_what_starts_an_abstract_automation_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    signal = django.dispatch.Signal()
    monkeypatch.setattr(Flawed, "_triggers", [])
    monkeypatch.setattr(flow.Automation, "_triggers", [])
    flow.on_signal(signal, start="nowhere")(Flawed)
    Flawed.on(signal)
    flow.Automation.on(signal)
    found = checks.check_definitions()
    assert ids(found) == ["E140"] * 3
    assert [message.obj for message in found] == [flow.Automation, Flawed, Flawed]
    assert "tests.test_checks.Flawed is started by a signal, but is abstract" in found[1].msg
    assert all("subclass" in str(message.hint) for message in found)
    with pytest.raises(DefinitionError, match="Flawed is abstract"):
        Flawed.on_signal(None, "door")


def test_what_starts_an_abstract_automation_may_start_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Chooser, "_triggers", [])
    Chooser.on(django.dispatch.Signal())
    assert checks.check_definitions() == []
    # By an object it is started itself, whatever it does with signals.
    Chooser._triggers.append(triggers.Trigger(None, IssueList))
    (message,) = checks.check_definitions()
    assert ids([message]) == ["E140"]
    assert "Chooser is started by IssueList, but is abstract" in message.msg


@pytest.fixture
def give_names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what gives a class of the project former names."""

    def give(automation: type[flow.Automation], *names: str) -> None:
        monkeypatch.setitem(vars(automation._meta.options), "former_names", names)

    return give


def test_a_former_name_that_two_automations_have_is_told(give_names: Callable[..., None]) -> None:
    give_names(processes.Straight, "shop.Old", "shop.Older", "shop.Old")
    assert checks.check_definitions() == []
    give_names(processes.Named, "shop.Oldest", "shop.Old")
    (message,) = checks.check_definitions()
    assert (message.level, ids([message])) == (django_checks.ERROR, ["E141"])
    assert message.obj is processes.Named  # the later one
    for name in ("'shop.Old'", "processes.Straight", "processes.Named"):
        assert name in message.msg
    assert message.hint


@pytest.mark.parametrize("other", [IssueDiscussion, Flawed])
def test_a_former_name_that_another_automation_has_now_is_told(
    give_names: Callable[..., None], other: type[flow.Automation]
) -> None:
    give_names(processes.Straight, other._meta.label)
    (message,) = checks.check_definitions()
    assert (message.obj, ids([message])) == (processes.Straight, ["E141"])
    assert f"{other._meta.label!r}, but another automation is called so now" in message.msg
    # Its own present name says nothing new, and harms nobody.
    give_names(processes.Straight, processes.Straight._meta.label)
    assert checks.check_definitions() == []


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

    settings.ATM_CLOCK = lambda: NOW
    assert checks.check_settings() == []
    assert own.now() == NOW


def test_an_author_may_ask_what_time_it_is_in_the_process(settings: Any) -> None:
    settings.ATM_CLOCK = lambda: NOW.astimezone(ZoneInfo("Asia/Tokyo"))
    assert (flow.now(), flow.now().tzinfo) == (NOW, datetime.UTC)
    settings.ATM_CLOCK = "tests.test_checks.stopped"
    assert flow.now() == NOW
    del settings.ATM_CLOCK
    with time_machine.travel(NOW, tick=False):
        assert flow.now() == NOW


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
    never = {"settings_dict": {"AUTOCOMMIT": False}, "answers": {"isolation": "read committed"}}
    assert check(monkeypatch, vendor="postgresql", **never) == ["E004"]


def test_an_isolation_level_that_only_the_server_of_postgresql_knows_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    late = {"vendor": "postgresql", "answers": {"isolation": "serializable"}}
    assert check(monkeypatch, **late) == ["W005"]
    told = SimpleNamespace(name="SERIALIZABLE")
    assert check(monkeypatch, **late, isolation_level=told) == []


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
