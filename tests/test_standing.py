"""Before a deploy one is told where runs stand that the new code cannot go on with."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.checks import Error, Info
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from automations.management.commands import automation_check
from automations.models import AutomationModel, AutomationTaskModel
from automations.standing import strays
from tests.pages.rows import add_failed_task, add_question, make_run
from tests.testapp.inbox_processes import Review, Twofold
from tests.testapp.language import Renamed

pytestmark = pytest.mark.django_db

REVIEW = Review.get_automation_name()


def waiting(run: AutomationModel, node: str, **changes: Any) -> AutomationTaskModel:
    """Return a new open task of the run that asks nobody."""
    return AutomationTaskModel.objects.create(
        automation=run, status=node, **{"state": "waiting"} | changes
    )


def told() -> list[str]:
    return [str(stray) for stray in strays()]


def check(*arguments: str) -> str:
    """Call ``automation_check`` and return what it printed."""
    out = io.StringIO()
    call_command("automation_check", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the broken processes that other tests need."""
    monkeypatch.setattr(automation_check, "check_definitions", list)


def test_runs_of_today_s_code_stand_where_they_may() -> None:
    Group.objects.create(name="reviewers")
    Review()
    Twofold(fails=False)
    Twofold(fails=True)
    assert AutomationTaskModel.objects.open().count() == 3
    assert told() == []


def test_a_node_that_has_gone_is_told_with_how_many_stand_there() -> None:
    for _ in range(2):
        run = make_run(Review, "running")
        add_question(run, status="gone")
        add_question(run, status="gone")
    assert told() == [f"{REVIEW}.gone: 4 tasks of 2 runs: the code has no such node"]


def test_an_automation_that_has_gone_is_told() -> None:
    add_question(make_run("shop.automations.Gone", "suspended"))
    assert told() == ["shop.automations.Gone.ask: 1 task of 1 run: the code has no such automation"]


def test_a_former_name_is_no_stray() -> None:
    node = next(iter(Renamed._meta.nodes))
    waiting(make_run("shop.automations.Old", "running"), node, state="ready")
    assert told() == []


def test_people_who_are_asked_at_a_node_that_asks_nobody_are_told() -> None:
    add_question(make_run(Twofold, "running"), status="risk")
    (stray,) = told()
    assert stray.endswith("risk: 1 task of 1 run: people are asked, and the node is an Execute now")


def test_what_waits_for_a_message_at_a_node_that_gets_none_is_told() -> None:
    waiting(make_run(Review, "running"), "ask")
    reason = "a message or work outside is waited for, and the node is a Form now"
    assert told() == [f"{REVIEW}.ask: 1 task of 1 run: {reason}"]


def test_what_has_failed_is_held_against_the_code_until_its_run_has_ended() -> None:
    add_failed_task(make_run(Review, "failed"), status="gone")
    add_failed_task(make_run(Review, "cancelled"), status="gone")
    waiting(make_run(Review, "finished"), "gone", state="completed", finished="2026-01-01T00:00Z")
    assert told() == [f"{REVIEW}.gone: 1 task of 1 run: the code has no such node"]


def test_what_is_looked_at_anew_may_be_of_any_kind() -> None:
    waiting(make_run(Review, "running"), "ask", state="ready")
    assert told() == []


def test_it_asks_once_however_many_runs_there_are() -> None:
    for _ in range(5):
        add_question(make_run(Review, "running"), status="gone")
    with CaptureQueriesContext(connection) as queries:
        told()
    assert len(queries) == 1


@pytest.mark.usefixtures("sound")
def test_the_command_fails_and_says_what_to_do() -> None:
    add_question(make_run(Review, "running"), status="gone")
    with pytest.raises(CommandError, match=r"1 place .* flow\.Execute\(\)"):
        check("--database")
    assert "Nothing is wrong" in check()


@pytest.mark.usefixtures("sound")
def test_the_command_says_when_the_database_is_in_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    def in_trouble() -> Any:
        raise OperationalError("gone away")

    monkeypatch.setattr(automation_check, "strays", in_trouble)
    with pytest.raises(CommandError, match="in trouble: gone away"):
        check("--database")


def test_flaws_of_processes_are_told_all_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flaws = [Error("no End", obj=Review, id="automations.E1"), Info("undecided", obj=Review)]
    monkeypatch.setattr(automation_check, "check_definitions", lambda: flaws)
    out = io.StringIO()
    with pytest.raises(CommandError, match="that are errors: 1"):
        call_command("automation_check", stdout=out)
    assert "no End" in out.getvalue()
    assert "undecided" in out.getvalue()
    flaws.pop(0)
    assert "Nothing is wrong" in check()
