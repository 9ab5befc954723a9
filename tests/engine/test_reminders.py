"""Reminders while a task waits, and what happens when nobody answers in time."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User

from automations.definition.boundary import ENDLESS
from automations.dispatch import inline
from automations.dispatch.peek import idle_answer
from automations.models import AutomationModel, AutomationTaskModel
from tests.engine.rows import at, path, row
from tests.plain import DAY, HOUR, NOW
from tests.testapp.forms import ApprovalForm
from tests.testapp.hard import Demand
from tests.testapp.language import Approval, Nagging
from tests.testapp.models import Effect

in_all_ways = True


@pytest.fixture(autouse=True)
def people(db: None) -> dict[str, User]:
    return {name: User.objects.create(username=name) for name in ("ada", "boss")}


def reminded(run: Any, name: str = "reminder") -> int:
    return Effect.objects.filter(run=run.id, node=name).count()


def sweep(times: int = 2) -> None:
    for _ in range(times):
        AutomationModel.run()


def answer(run: Any, node: str, user: User) -> None:
    form = ApprovalForm({"approved": "on", "reason": "good"})
    assert form.is_valid()
    inline.submit(run.id, at(run, node).pk, form, user)


@pytest.mark.api("A21")
def test_a_waiting_form_reminds_as_often_as_it_says(clock: time_machine.Traveller) -> None:
    run = Approval(warn_after=30)
    days = []
    for _day in range(6):
        days.append(reminded(run))
        clock.shift(DAY)
        sweep()
    assert days == [0, 0, 1, 2, 3, 3]
    assert at(run, "ask").reminders == [3, 0]
    assert at(run, "ask").state == "waiting"
    assert at(run, "ask").due == NOW + 7 * DAY
    assert reminded(run, "warning") == 0


def test_several_reminders_stand_beside_each_other(clock: time_machine.Traveller) -> None:
    run = Approval()
    clock.shift(3 * DAY)
    sweep()
    assert reminded(run, "warning") == 1
    assert at(run, "ask").reminders == [2, 1]


def test_of_several_missed_reminders_one_is_made_up(clock: time_machine.Traveller) -> None:
    run = Approval()
    clock.shift(6 * DAY)
    sweep()
    assert reminded(run) == 1
    assert at(run, "ask").reminders == [3, 1]


def test_who_has_answered_is_not_reminded(
    clock: time_machine.Traveller, people: dict[str, User]
) -> None:
    run = Approval()
    clock.shift(DAY)
    answer(run, "ask", people["ada"])
    clock.shift(10 * DAY)
    sweep()
    assert run.finished()
    assert reminded(run) == 0


@pytest.mark.api("A21")
def test_nobody_answers_and_the_superior_is_asked(
    clock: time_machine.Traveller, people: dict[str, User]
) -> None:
    run = Approval()
    clock.shift(7 * DAY)
    sweep()
    assert path(run) == ["ask", "escalate"]
    assert at(run, "ask").message == "timed out"
    assert at(run, "escalate").interaction_user == people["boss"]
    assert reminded(run) == 0  # too late for that
    answer(run, "escalate", people["boss"])
    assert run.finished()


def test_a_time_that_is_moved_in_the_data_moves_the_reminder(clock: time_machine.Traveller) -> None:
    run = Approval(warn_after=30)
    assert at(run, "ask").due == NOW + 2 * DAY
    run.data["warn_after"] = 1
    run.save()
    sweep()
    assert at(run, "ask").due == NOW + DAY
    clock.shift(DAY)
    sweep()
    assert reminded(run, "warning") == 1


@pytest.mark.parametrize("poll", [0, 60])
def test_a_condition_reminds_while_it_is_false(
    clock: time_machine.Traveller, settings: Any, poll: int
) -> None:
    settings.ATM_POLL = poll
    run = Nagging()
    for _ in range(3):
        sweep(3)
        clock.shift(DAY)
    sweep(3)
    assert reminded(run) == 3
    assert at(run, "start").reminders == [3]
    run.data["ready"] = True
    run.save()
    sweep()
    assert run.finished()
    assert reminded(run) == 3


def test_a_look_without_a_lock_never_reminds(clock: time_machine.Traveller) -> None:
    run = Nagging()
    task = at(run, "start")
    answer = idle_answer(row(run), task, NOW + HOUR)
    assert answer is not None
    assert answer.until == NOW + DAY
    assert idle_answer(row(run), task, NOW + DAY) is None
    assert reminded(run) == 0


def test_a_reminder_that_fails_is_undone_and_tried_again_with_the_task(
    clock: time_machine.Traveller,
) -> None:
    run = Nagging(fails=True)
    clock.shift(DAY)
    sweep()
    assert row(run).state == "failed"
    assert at(run, "start").message == "ValueError: no paper"
    assert reminded(run) == 0
    Nagging(automation_id=run.id)
    AutomationModel.objects.filter(pk=run.id).update(data={})
    at(run, "start").retry()
    assert reminded(run) == 1
    assert at(run, "start").reminders == [1]


def test_a_reminder_is_done_once_however_many_sweep(clock: time_machine.Traveller) -> None:
    run = Nagging()
    clock.shift(DAY)
    sweep(5)
    assert reminded(run) == 1
    AutomationTaskModel.objects.filter(automation=run.id).update(reminders=[])
    sweep()
    assert reminded(run) == 2  # it is the count in the row that keeps it from that


def test_a_form_that_is_first_looked_at_late_reminds_and_asks(
    clock: time_machine.Traveller,
) -> None:
    run = Approval(autorun=False)
    clock.shift(2 * DAY)
    sweep()
    assert at(run, "ask").state == "waiting"
    assert at(run, "ask").reminders == [1, 0]
    assert at(run, "ask").reminded == 1
    assert reminded(run) == 1


def test_a_look_without_a_lock_is_over_when_the_next_reminder_comes(
    clock: time_machine.Traveller,
) -> None:
    run = Nagging()
    task = at(run, "start")
    task.reminders = [10]
    answer = idle_answer(row(run), task, NOW + HOUR)
    assert answer is not None
    assert answer.until == NOW + 11 * DAY
    task.reminders = [ENDLESS]
    answer = idle_answer(row(run), task, NOW + HOUR)
    assert answer is not None
    assert answer.until is None


def test_who_has_sent_the_message_is_not_reminded_of_it(clock: time_machine.Traveller) -> None:
    run = Demand()
    clock.shift(DAY)
    assert run.send_message("paid")
    assert run.finished()
    assert reminded(run) == 0
