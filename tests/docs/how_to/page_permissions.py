"""The page on permissions."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from blocks import Page, checked
from django import forms
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Q
from django.test import TestCase, override_settings
from django.urls import reverse
from shop.models import Deputy, Order

from automations import flow
from automations.exceptions import InvalidData, NotAllowed
from automations.flow import this
from automations.models import AutomationModel, AutomationTaskModel
from automations.testing import assert_path, assert_waiting_at, complete

page = Page("permissions", globals())
leads = {"bob": "ada"}


class ApprovalForm(forms.Form):
    approved = forms.BooleanField(required=False)


class AddressForm(forms.Form):
    street = forms.CharField()


page.run("class Purchase")
page.run("class BySomebodyElse")
page.run("class Transfer")
page.run("class OwnOrders")
page.run("class Address(")
BACKENDS = page.settings("AUTHENTICATION_BACKENDS")
operators_are_made = page.later("operators =")
asked = page.text("task.may_be_done_by(user)")
RULE = page.settings("ATM_GROUP_MODEL")
page.run("# shop/rules.py")
refused = page.later("self.assertRaises(NotAllowed)")

sys.modules["shop.backends"] = backends = ModuleType("shop.backends")
backends.OwnOrders = OwnOrders
sys.modules["shop.rules"] = rules = ModuleType("shop.rules")
rules.for_form, rules.for_task = for_form, for_task


def test_the_settings_are_right() -> None:
    checked(**BACKENDS)
    checked(**RULE)


class PermissionsTest(TestCase):
    def setUp(self) -> None:
        names = ("ada", "bob", "eve", "root")
        self.ada, self.bob, self.eve, self.root = (User.objects.create(username=n) for n in names)
        self.root.is_superuser = True
        self.root.save()
        for name in ("buyers", "accounting"):
            Group.objects.create(name=name).user_set.add(self.bob)
        self.order = Order.objects.create(customer=self.eve)

    def test_each_form_asks_whom_it_names(self) -> None:
        run = Purchase(order=self.order)
        refused(self=self, run=run)
        assert_waiting_at(run, "check", for_user=self.bob)
        Group.objects.get(name="buyers").user_set.add(self.ada)  # later than the task
        assert_waiting_at(run, "check", for_user=self.ada)
        complete(run, "check", {}, user=self.bob)
        assert_waiting_at(run, "approve", for_user=self.ada)
        complete(run, "approve", {}, user=self.root)
        with pytest.raises(NotAllowed):
            complete(run, "pay", {}, user=self.bob)
        self.bob.user_permissions.add(Permission.objects.get(codename="change_order"))
        complete(run, "pay", {}, user=self.bob)
        assert_path(run, ["check", "approve", "pay", "end"])

    def test_a_group_that_is_not_there_is_an_incident(self) -> None:
        Group.objects.get(name="buyers").delete()
        run = AutomationModel.objects.get(pk=Purchase(order=self.order).id)
        assert run.state == "failed"
        Group.objects.create(name="buyers").user_set.add(self.bob)
        run.automationtaskmodel_set.get().retry()
        assert_waiting_at(run, "check", for_user=self.bob)

    def test_two_people_have_to_look(self) -> None:
        Group.objects.get(name="accounting").user_set.add(self.ada)
        run = Transfer()
        complete(run, "enter", {}, user=self.bob)
        task = AutomationTaskModel.objects.get(automation=run.id, state="waiting")
        self.client.force_login(self.bob)
        response = self.client.post(reverse("automations:task", args=[task.pk]), {"approved": "on"})
        assert response.status_code == 200
        assert "Somebody else has to look at this as well." in response.content.decode()
        assert "checked" in response.content.decode()
        complete(run, "confirm", {}, user=self.ada)
        assert_path(run, ["enter", "confirm", "end"])

    @override_settings(**BACKENDS)
    def test_whoever_has_ordered_may_correct_the_address_of_that_order(self) -> None:
        own, other = Address(order=self.order), Address(order=Order.objects.create())
        with pytest.raises(NotAllowed):
            complete(other, "correct", {"street": "High Street"}, user=self.eve)
        doable = AutomationTaskModel.objects.doable_by(self.eve)
        assert [task.automation_id for task in doable] == [own.id]
        complete(own, "correct", {"street": "High Street"}, user=self.eve)

    def test_operators_see_and_act_and_nobody_else(self) -> None:
        operators = operators_are_made()["operators"]
        run = Purchase(order=self.order)
        pages = [reverse(f"automations:{name}") for name in ("dashboard", "error_report")]
        pages.append(reverse("automations:history", args=[run.id]))
        self.client.force_login(self.eve)
        assert [self.client.get(each).status_code for each in pages] == [403, 403, 403]
        views = operators.permissions.filter(codename__startswith="view")
        self.eve.user_permissions.set(views)
        assert [self.client.get(each).status_code for each in pages] == [200, 403, 403]
        operators.user_set.add(self.eve)
        assert [self.client.get(each).status_code for each in pages] == [200, 200, 200]

    def test_the_same_in_code(self) -> None:
        task = AutomationTaskModel.objects.get(automation=Purchase(order=self.order).id)
        names = {"task": task, "AutomationTaskModel": AutomationTaskModel, "user": self.bob}
        may, users, tasks = (eval(line, names) for line in asked.splitlines())
        assert (may, [*users], [*tasks]) == (True, [self.bob], [task])

    @override_settings(**RULE)
    def test_a_deputy_acts_for_somebody_else(self) -> None:
        run = Purchase(order=self.order)
        complete(run, "check", {}, user=self.bob)
        with pytest.raises(NotAllowed):
            complete(run, "approve", {}, user=self.eve)
        Deputy.objects.create(absent=self.ada, user=self.eve)
        assert AutomationTaskModel.objects.doable_by(self.eve).count() == 1
        complete(run, "approve", {}, user=self.eve)
