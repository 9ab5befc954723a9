"""The page on putting right what has failed."""

from __future__ import annotations

import datetime
from datetime import timedelta
from types import SimpleNamespace

import pytest
from blocks import Page
from django.contrib.auth.models import User
from django.dispatch import receiver
from django.test import TestCase

from automations import flow
from automations.flow import this
from automations.models import AutomationAuditModel, AutomationModel, AutomationTaskModel
from automations.signals import run_failed
from automations.testing import assert_path, clock

page = Page("put-right", globals())
act = page.later("The wire is mended")
MEND = page.text("iban").splitlines()
HOLD = page.text("run.cancel")


class CardRefused(Exception):
    """What a payment service says."""


class Order(flow.Automation):
    pay = flow.Execute(this.pay_in)
    wait = flow.ReceiveMessage("shipped")
    end = flow.End()

    def pay_in(self, task: object) -> None:
        if "iban" not in self.data:
            raise ConnectionError("The wire is cut.")


class Charge(flow.Automation):
    page.run("charge = (", locals())
    end = flow.End()
    call_customer = flow.Execute().Next(this.end)
    pay_by_hand = flow.Execute().Next(this.end)

    def charge_card(self, task: object) -> None:
        self.data["tries"] = 1
        if error := self.data.get("error"):
            raise CardRefused if error == "refused" else ConnectionError


page.run("page_somebody")


class PutRightTest(TestCase):
    def setUp(self) -> None:
        self.ada = User.objects.create(username="ada")
        self.request = SimpleNamespace(user=self.ada)

    def test_what_has_failed_is_retried_and_skipped(self) -> None:
        run = Order()
        act(request=self.request)
        assert_path(run, ["pay", "wait"])
        acts = AutomationAuditModel.objects.order_by("pk").values_list("action", "user", "reason")
        assert list(acts) == [
            ("retry", self.ada.pk, "The wire is mended."),
            ("skip", self.ada.pk, "Not worth it."),
        ]

    def test_data_is_put_right_by_a_retry_and_a_result_by_a_skip(self) -> None:
        first, second = MEND
        run = Order()
        task = AutomationTaskModel.objects.get(automation=run.id)
        exec(first, {"task": task, "request": self.request})
        run.run()
        assert run.data["iban"] == "DE02120300000000202051"
        task = AutomationTaskModel.objects.get(automation=Order().id)
        exec(second, {"task": task, "request": self.request})
        assert task.result == {"paid": "by hand"}

    def test_a_run_is_cancelled_suspended_and_resumed(self) -> None:
        state = []
        for line in HOLD.splitlines():
            run = AutomationModel.objects.get(pk=Order(iban="x").id)
            if "resume" in line:
                run.suspend()
            exec(line, globals() | {"run": run, "request": self.request})
            run.refresh_from_db()
            state.append(run.state)
        assert state == ["cancelled", "suspended", "running", "suspended"]

    def test_where_it_goes_on_after_the_last_try(self) -> None:
        with clock(datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)) as time:
            refused, cut, fine = Charge(error="refused"), Charge(error="cut"), Charge()
            assert_path(refused, ["charge", "call_customer", "end"])
            assert_path(fine, ["charge", "end"])
            time.advance(seconds=30 + 60 + 120)
            time.advance(seconds=240)
            assert_path(cut, ["charge", "pay_by_hand", "end"])


@pytest.mark.django_db
def test_a_receiver_is_told_of_failures(django_capture_on_commit_callbacks: object) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        Order()
    assert page_somebody in [ref() for _, ref, *_ in run_failed.receivers]
