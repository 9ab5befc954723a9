"""What has come is never missed: no wake-up is lost between two who are at work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User

from automations import firing
from automations.dispatch import peek
from automations.engine import receiving, steps
from automations.engine.receiving import Message
from automations.exceptions import RunBusy
from automations.models import AutomationModel
from tests.engine.rows import at, path, row
from tests.plain import DAY, HOUR, NOW
from tests.testapp.hard import InTurn, Invoice, Inward, Patient, Payer, Watching
from tests.testapp.language import WebinarJourney
from tests.testapp.models import Webinar

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_message_that_only_a_sweep_is_left_to_hand_over_is_taken() -> None:
    run = Invoice(number=1)
    AutomationModel.run()
    assert at(run, "paid").state == "waiting"
    receiving.receive(run.id, Message("paid"))  # and whoever has sent it crashes
    AutomationModel.run()
    assert path(run) == ["start", "paid", "book", "end"]


def test_a_message_that_is_ready_to_go_goes_whatever_its_condition_says_now() -> None:
    invoice = Invoice(number=1)
    run = Payer(invoice=invoice.id, told=True, autorun=False)
    assert steps.step(run.id).postponed is False
    assert at(run, "start").outbox
    AutomationModel.objects.filter(pk=run.id).update(data={"invoice": invoice.id, "told": False})
    AutomationModel.run()
    assert path(run) == ["start", "end"]


def test_a_message_that_came_in_time_counts_however_late_it_is_looked_at(
    clock: time_machine.Traveller,
) -> None:
    in_time, late = Invoice(number=1), Invoice(number=2)
    clock.shift(14 * DAY - HOUR)
    receiving.receive(in_time.id, Message("paid"))
    clock.shift(2 * HOUR)
    receiving.receive(late.id, Message("paid"))
    AutomationModel.run()
    AutomationModel.run()
    assert path(in_time) == ["start", "paid", "book", "end"]
    assert path(late) == ["start", "paid", "dun", "end"]


@pytest.mark.parametrize("change", ["data", "object"])
def test_a_change_between_two_looks_is_not_put_off(
    clock: time_machine.Traveller, settings: Any, change: str
) -> None:
    settings.ATM_POLL = 3600
    webinar = Webinar.objects.create(title="wait", begins=NOW)
    run = Patient(webinar=webinar)
    clock.shift(2 * HOUR)
    block = list(AutomationModel.objects.filter(pk=run.id))
    look_later = peek.look_later
    now = NOW + 2 * HOUR

    def too_late(*given: Any) -> None:
        clock.shift(timedelta(seconds=1))
        if change == "data":
            handle = Patient(automation_id=run.id)
            handle.data["go"] = True
            handle.save()
        else:
            webinar.title = "go"
            webinar.save()
        look_later(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peek, "look_later", too_late)
        assert peek.idle_runs(block, now) == {run.id}
    AutomationModel.run()
    assert run.finished()


def test_one_run_that_is_busy_keeps_no_other_from_its_object(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    webinar = Webinar.objects.create(title="Django", begins=NOW + 10 * DAY)
    runs = [WebinarJourney(webinar=webinar) for _ in range(3)]
    look_anew = firing.look_anew

    def busy(run_id: int) -> None:
        if run_id == runs[0].id:
            raise RunBusy("busy")
        look_anew(run_id)

    monkeypatch.setattr(firing, "look_anew", busy)
    webinar.begins = NOW + 5 * DAY
    webinar.save()
    AutomationModel.run()
    assert [row(run).due for run in runs] == [NOW + 9 * DAY, NOW + 4 * DAY, NOW + 4 * DAY]


def test_who_is_asked_is_looked_up_once(clock: time_machine.Traveller) -> None:
    ada = User.objects.create(username="ada")
    run = InTurn(person=ada.pk)
    for _ in range(3):
        clock.shift(HOUR)
        AutomationModel.run()
    ada.delete()
    clock.shift(HOUR)
    AutomationModel.run()
    assert row(run).state == "running"
    assert row(run).data["turns"] == 1
    assert at(run, "ask").reminded == 4


def test_a_node_that_asks_again_is_asked_again_beside_its_reminder(
    clock: time_machine.Traveller,
) -> None:
    run = Watching()
    AutomationModel.objects.filter(pk=run.id).update(data={"done": True})
    clock.shift(HOUR)
    AutomationModel.run()
    assert run.finished()


def test_another_handle_cannot_save_what_a_step_would_overwrite() -> None:
    run = Inward(how="save")
    assert row(run).state == "failed"
    assert "in the middle of a step" in at(run, "start").message
    assert row(run).data == {"how": "save"}


def test_what_waits_for_the_commit_of_a_step_may_send_its_run_a_message() -> None:
    run = Inward(how="send")
    assert row(run).data == {"how": "send", "kept": True, "remark": True}
    assert path(run) == ["start", "end"]
