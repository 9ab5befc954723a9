"""The page on waiting for a change in the database."""

from __future__ import annotations

import datetime
from datetime import timedelta
from functools import partial

from blocks import Page
from django import forms
from django.contrib.auth.models import Group, User
from django.core import mail
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Sum
from django.db.models.signals import post_save, pre_delete
from django.dispatch import receiver
from django.test import TestCase, override_settings
from shop.models import Order, Payment

from automations import flow
from automations.flow import this
from automations.models import AutomationModel, AutomationTaskModel
from automations.testing import assert_path, clock

page = Page("wait-for-a-change", globals())


class CallForm(forms.Form):
    said = forms.CharField()


page.run("class Delivery")
page.run("class PatientDelivery")
page.run("class Dunning")
page.run("class Settled")
page.run("class Shipment")
cancel_when_deleted = page.later("def cancel_runs")


class WaitTest(TestCase):
    def setUp(self) -> None:
        ada = User.objects.create(username="ada", email="ada@example.com")
        self.order = Order.objects.create(total=100, customer=ada)

    def save(self) -> None:
        with self.captureOnCommitCallbacks(execute=True):
            self.order.save()

    @override_settings(ATM_POLL=3600)
    def test_an_order_that_is_saved_is_noticed_by_the_next_sweep(self) -> None:
        run = Delivery(order=self.order)
        assert_path(run, ["pack"])
        self.order.paid = True
        self.save()
        assert_path(run, ["pack"])
        AutomationModel.run()
        assert_path(run, ["pack", "end"])

    def test_an_update_is_noticed_too(self) -> None:
        run = Delivery(order=self.order)
        Order.objects.update(paid=True)
        AutomationModel.run()
        assert_path(run, ["pack", "end"])

    def test_a_change_of_the_data_is_noticed(self) -> None:
        with override_settings(ATM_POLL=3600):
            run = Delivery(order=self.order)
            Order.objects.update(paid=True)
            AutomationModel.run()
            assert_path(run, ["pack"])
            run.data["note"] = "Somebody has called."
            run.save()
            AutomationModel.run()
            assert_path(run, ["pack", "end"])

    def test_it_reminds_and_gives_up(self) -> None:
        with clock(datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)) as time:
            run = PatientDelivery(order=self.order)
            time.advance(days=29)
            assert len(mail.outbox) == 4
            time.advance(days=1)
            assert_path(run, ["pack", "give_up", "end"])

    def test_a_form_goes_when_it_is_not_needed(self) -> None:
        Group.objects.create(name="accounting")
        run = Dunning(order=self.order)
        assert AutomationTaskModel.objects.offered().count() == 1
        self.order.paid = True
        self.save()
        AutomationModel.run()
        assert_path(run, ["call", "end"])

    @override_settings(ATM_POLL=3600)
    def test_a_payment_is_not_the_order(self) -> None:
        run = Settled(order=self.order)
        with self.captureOnCommitCallbacks(execute=True):
            Payment.objects.create(order=self.order, amount=100)
        AutomationModel.run()
        assert_path(run, ["close"])
        with override_settings(ATM_POLL=0):
            self.save()
            AutomationModel.run()
        assert_path(run, ["close", "end"])

    def test_a_message_is_taken_at_once(self) -> None:
        run = Shipment(order=self.order)
        with self.captureOnCommitCallbacks(execute=True):
            Payment.objects.create(order=self.order, amount=100)
        assert_path(run, ["paid", "pack", "end"])
        assert run.data["paid"] == {"amount": 100}

    def test_a_deleted_object_is_an_incident_unless_it_cancels_its_runs(self) -> None:
        run = Delivery(order=self.order)
        self.order.delete()
        AutomationModel.run()
        (row,) = AutomationModel.objects.all()
        assert row.state == "failed"
        assert "BoundObjectMissing" in row.automationtaskmodel_set.get().message
        other = Order.objects.create()
        run = Delivery(order=other)
        receivers = pre_delete.receivers[:]
        try:
            kept = cancel_when_deleted()
            other.delete()
            assert kept
        finally:
            pre_delete.receivers[:] = receivers
            pre_delete.sender_receivers_cache.clear()
        row = AutomationModel.objects.get(pk=run.id)
        assert row.state == "cancelled"
        assert row.automationauditmodel_set.get().reason == "The order has been deleted."
