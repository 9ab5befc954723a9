"""What the pages say about runs and tasks, and that they say it in the reader's language."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

import automations
from automations.history import NOTES
from automations.models import AutomationModel, AutomationTaskModel
from tests.pages.conftest import browser
from tests.pages.rows import add_failed_task, make_run
from tests.testapp.dashboard_processes import Plain
from tests.testapp.processes import Fragile, Nested

pytestmark = pytest.mark.django_db

SOURCE = Path(automations.__file__).parent


def constants(value: ast.expr | None) -> Iterator[str]:
    """Yield the texts that an expression may be."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from constants(value.body)
        yield from constants(value.orelse)


def noted() -> set[str]:
    """Return every text of its own that the engine keeps as the message of a task."""
    found: set[str] = set()
    paths = [SOURCE / "outcomes.py"]
    for room in ("definition", "engine", "nodes"):
        paths += (SOURCE / room).rglob("*.py")
    for path in paths:
        for item in ast.walk(ast.parse(path.read_text())):
            match item:
                case ast.keyword(arg="message") | ast.AnnAssign(target=ast.Name(id="message")):
                    found.update(constants(item.value))
                case ast.Assign(targets=[ast.Name(id="message")]):
                    found.update(constants(item.value))
    return found - {""}


def page(people: dict[str, User], name: str, *arguments: Any, **headers: str) -> str:
    """Return a page as a superuser sees it."""
    client = browser(people, "root", headers=headers or None)
    return str(client.get(reverse(f"automations:{name}", args=arguments)).content.decode())


def test_whatever_the_engine_notes_on_a_task_can_be_translated() -> None:
    assert "Joined" in noted()
    assert noted() <= set(NOTES)


def test_the_history_is_german_for_germans(people: dict[str, User]) -> None:
    german = {"accept-language": "de"}
    text = page(people, "history", Nested().id, **german)
    for there in ("Automation Nested", "Verzweigt", "Angekommen", "Vereinigt", "Beendet"):
        assert there in text
    for gone in ("Split", "Arrived", "Joined", "Ended"):
        assert f">{gone}<" not in text
    run = AutomationModel.objects.get(pk=Fragile().id)
    run.cancel()
    assert "von einem Menschen abgebrochen" in page(people, "history", run.pk, **german)
    assert "Automationen Fragile" in page(people, "dashboard", **german)


def test_what_the_author_notes_stays_as_it_is(people: dict[str, User]) -> None:
    task = add_failed_task(make_run(Plain, "failed"), message="Joined the club")
    assert "Joined the club" in page(people, "history", task.automation_id)


def test_the_history_names_the_automation_and_its_class(people: dict[str, User]) -> None:
    text = page(people, "history", Nested().id)
    assert "Automation Nested · tests.testapp.processes.Nested" in text


def test_a_failed_run_has_stopped_and_has_not_ended(people: dict[str, User]) -> None:
    text = page(people, "history", Fragile(fail=True).id)
    assert "Stopped" in text
    assert "Ended" not in text
    assert "Ended" in page(people, "history", make_run(Plain, "cancelled").pk)


@pytest.mark.parametrize(
    ("lasted", "times"),
    [
        (timedelta(seconds=9), ["9:30 a.m."]),
        (timedelta(hours=2), ["9:30 a.m.", "11:30 a.m."]),
        (timedelta(days=1), ["9:30 a.m.", "March 3, 2026, 9:30 a.m."]),
    ],
)
def test_a_time_is_said_once_and_a_day_only_if_it_is_another(
    people: dict[str, User], lasted: timedelta, times: list[str]
) -> None:
    run = make_run(Plain, tasks=1)
    begun = timezone.make_aware(datetime(2026, 3, 2, 9, 30))
    AutomationTaskModel.objects.update(created=begun, finished=begun + lasted)
    text = page(people, "history", run.pk)
    shown = text.partition('<ol class="atm-history">')[2]
    assert [part.partition("<")[0].partition(">")[2] for part in shown.split("<time")[1:]] == [
        f"March 2, 2026, {times[0]}",
        *times[1:],
    ]


def test_what_is_empty_says_so(people: dict[str, User]) -> None:
    run = make_run("tests.gone.Gone", "failed")
    assert "This run has no tasks." in page(people, "history", run.pk)
    assert "None of its tasks has failed." in page(people, "error_report")


def test_every_page_names_the_time_zone_of_its_times(people: dict[str, User]) -> None:
    for name in ("task_list", "dashboard", "error_report"):
        assert "Time zone: Europe/Berlin" in page(people, name)
    with timezone.override("Asia/Tokyo"):
        assert "Time zone: Asia/Tokyo" in page(people, "task_list")


def test_who_has_sent_nothing_is_not_told_that_it_had_no_effect(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    address = reverse("automations:task", args=[asks["by_user"].pk])
    client = browser(people, "asked")
    client.post(address, {"text": "mine"})
    said = "Nothing that you sent just now has had any effect."
    assert said in client.post(address, {"text": "again"}).content.decode()
    assert said not in client.get(address).content.decode()


def test_a_task_that_may_come_back_is_not_said_to_be_over(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    task = asks["by_user"]
    now, ever = "Nothing to do here just now", "Nothing to do here any more"
    task.automation.suspend()
    text = page(people, "task", task.pk)
    assert now in text
    assert ever not in text
    AutomationModel.objects.get(pk=task.automation_id).cancel()
    text = page(people, "task", task.pk)
    assert ever in text
    assert now not in text


def test_no_page_of_incidents_is_called_earlier_or_later(people: dict[str, User]) -> None:
    for _ in range(51):
        make_run(Plain, "failed")
    text = page(people, "error_report")
    assert "Next page" in text
    assert "Earlier" not in text
    assert "Later" not in text
    assert "Nächste Seite" in page(people, "error_report", **{"accept-language": "de"})
