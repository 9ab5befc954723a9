"""The page for those who come from Viewflow; their own code can only be read."""

from __future__ import annotations

import ast
from types import SimpleNamespace
from typing import Any

from blocks import Page
from django import forms
from django.contrib.auth.models import Permission, User
from django.test import TestCase

from automations import flow
from automations.exceptions import NotAllowed
from automations.flow import this
from automations.models import AutomationModel
from automations.testing import assert_path, complete

page = Page("from-viewflow", globals())
THEIRS = ast.parse(page.text("class ExpenseFlow"))
page.run("class Expense(flow.Automation)")


class MovedExpense(flow.Automation):
    page.run("enter =", locals())
    approve = flow.Form(ApprovalForm).Permission("shop.approve_expense")
    pay = flow.Execute(this.transfer)
    end = flow.End()
    transfer = Expense.transfer


move = page.later("Task.objects.filter")
paid: list[int] = []


class bank:  # noqa: N801 - the block names a module so
    transfer = staticmethod(paid.append)


class ViewflowTest(TestCase):
    def setUp(self) -> None:
        self.ada = User.objects.create(username="ada")
        self.ada.user_permissions.add(Permission.objects.get(codename="approve_expense"))
        self.client.force_login(self.ada)
        paid.clear()

    def test_the_process_does_what_theirs_does(self) -> None:
        address = f"/automations/start/{Expense.get_automation_name()}"
        for approved, nodes in ((True, ["approve", "check", "pay", "end"]), (False, [..., "end"])):
            self.client.post(address, {"title": "Train", "amount": 12})
            run = AutomationModel.objects.of(Expense).filter(state="running").get()
            complete(run, "approve", {"approved": approved}, user=self.ada)
            assert_path(run, nodes)
        assert paid == [12]

    def test_both_have_the_same_nodes(self) -> None:
        (theirs,) = (
            each
            for each in THEIRS.body
            if isinstance(each, ast.ClassDef) and each.name == "ExpenseFlow"
        )
        names = [each.targets[0].id for each in theirs.body if isinstance(each, ast.Assign)]
        assert names == ["process_class", "start", *Expense._meta.nodes]

    def test_runs_that_are_under_way_are_started_where_they_stand(self) -> None:
        process = SimpleNamespace(title="Train", amount=12)
        found = [SimpleNamespace(process=SimpleNamespace(coerced=process))]
        waiting = SimpleNamespace(filter=lambda **asked: found)
        objects = SimpleNamespace(filter=lambda **asked: waiting)
        theirs = SimpleNamespace(approve=None)
        move(Task=SimpleNamespace(objects=objects), ExpenseFlow=theirs, Expense=MovedExpense)
        assert_path(AutomationModel.objects.get(), ["enter", "approve"])
        assert_path(MovedExpense(amount=3, entered_at="pay"), ["enter", "pay", "end"])
        assert paid == [3]
