"""The page on starting processes."""

from __future__ import annotations

import datetime

import pytest
from blocks import Page
from django import forms
from django.contrib.auth.models import Group, Permission, User
from django.dispatch import Signal
from django.test import TestCase
from shop.models import Order

from automations import flow
from automations.flow import this
from automations.models import AutomationModel
from automations.testing import clock

page = Page("start", globals())
payment_received = Signal()


class Shop:
    """Who sends the signal."""


class ApprovalForm(forms.Form):
    approved = forms.BooleanField(required=False)


class ExpenseForm(forms.Form):
    title = forms.CharField()
    amount = forms.IntegerField()


page.run("class Receipt")
page.run("class Newsletter")
create = page.later("create_on_message")
page.run("class Expense")
page.run("class Approval")
page.run("class WeeklyList")


class Renamed(flow.Automation):
    end = flow.End()

    page.run("former_names", locals())


class StartTest(TestCase):
    def test_one_sending_starts_one_run_on_commit(self) -> None:
        with self.captureOnCommitCallbacks(execute=True):
            payment_received.send(Shop, sum=3)
            payment_received.send(User, sum=4)
            run = AutomationModel.objects.of(Receipt).get()
            assert (run.data, run.state) == ({"sum": 3}, "running")
        run.refresh_from_db()
        assert run.state == "finished"

    def test_a_message_starts_a_run_unless_it_is_refused(self) -> None:
        run = create()["run"]
        assert run.data == {"topics": [], "email": "ada@example.com"}
        assert run.finished()
        assert Newsletter.create_on_message("sign_up", data={}) is None

    def test_who_may_start_by_a_form(self) -> None:
        address = f"/automations/start/{Expense.get_automation_name()}"
        ada = User.objects.create_user("ada")
        self.client.force_login(ada)
        assert self.client.get(address).status_code == 404
        ada.user_permissions.add(Permission.objects.get(codename="add_expense"))
        Group.objects.create(name="managers").user_set.add(ada)
        assert Expense.get_verbose_name() in self.client.get("/automations/start").content.decode()
        response = self.client.post(address, {"title": "Train", "amount": 12})
        run = AutomationModel.objects.of(Expense).get()
        assert run.data == {"title": "Train", "amount": 12}
        task = run.automationtaskmodel_set.get()
        assert response["Location"] == f"/automations/{task.pk}"
        assert "Train: 12" in self.client.get(response["Location"]).content.decode()
        assert run.automationauditmodel_set.get().user == ada

    def test_an_order_above_a_hundred_starts_its_approval(self) -> None:
        with self.captureOnCommitCallbacks(execute=True):
            order = Order.objects.create(total=101)
            Order.objects.create(total=100)
            order.save()
            Order.objects.bulk_create([Order(total=200)])
        run = AutomationModel.objects.of(Approval).get()
        assert run.instance.order == order
        assert AutomationModel.objects.for_object(order).get() == run


@pytest.mark.automation_clock(datetime.datetime(2026, 3, 1, 9, tzinfo=datetime.UTC))
def test_one_list_a_week_by_the_clock_on_the_wall(automation_clock: clock) -> None:
    automation_clock.advance(weeks=2)
    runs = AutomationModel.objects.of(WeeklyList)
    assert [run.data["_scheduled"] for run in runs.order_by("pk")] == [
        "2026-03-02T08:00:00+00:00",
        "2026-03-09T08:00:00+00:00",
    ]


def test_a_former_name_is_taken() -> None:
    assert "shop.automations.OldName" in Renamed._meta.labels
