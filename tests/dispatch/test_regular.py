"""Where tasks of a queue are the scheduler, they do all that a scheduler does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core import mail

from automations import notices, tasks
from automations.dispatch import django_tasks, regular
from automations.dispatch.pulse import Pulse
from automations.models import AutomationModel, AutomationSweepModel
from tests.testapp.inbox_processes import Review
from tests.testapp.processes import Straight

pytestmark = pytest.mark.django_db

WAYS = [tasks.sweep, lambda: django_tasks.sweep.call()]


@pytest.fixture(autouse=True)
def begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this be a process that has not swept yet."""
    monkeypatch.setattr(regular, "_pulse", Pulse())


@pytest.mark.parametrize("sweep", WAYS, ids=["Celery", "Django Tasks"])
def test_it_runs_what_is_due_notes_that_and_tells_people(
    sweep: Callable[[], str], settings: Any
) -> None:
    settings.ATM_EMAIL, settings.ATM_SITE = "each", "https://example.org"
    ada = User.objects.create(username="ada", email="ada@example.org")
    ada.groups.add(Group.objects.create(name="reviewers"))
    Review()
    run = Straight(autorun=False)
    assert not AutomationSweepModel.objects.exists()
    assert sweep().startswith("1 runs")
    assert run.finished()
    assert AutomationSweepModel.objects.count() == 1
    assert [message.to for message in mail.outbox] == [["ada@example.org"]]


def test_a_chore_that_fails_is_logged_and_keeps_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    done: list[int] = []
    monkeypatch.setattr(regular, "chores", [lambda: 1 / 0, lambda: done.append(1)])
    with caplog.at_level(logging.ERROR, "automations"):
        assert regular.do_the_rounds().ok
    assert "has failed after a sweep" in caplog.text
    assert done == [1]
    assert not AutomationModel.objects.exists()


def test_telling_people_is_the_only_chore(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(notices, "send_due", lambda: told.append("due"))
    (chore,) = regular.chores
    chore()
    assert told == ["due"]
