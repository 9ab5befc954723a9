"""The page for those who come from joeflow; their own code can only be read."""

from __future__ import annotations

import ast

from blocks import Page
from django import forms
from django.contrib.auth.models import Group, User
from django.core import mail
from django.core.mail import send_mail
from django.test import TestCase
from shop.models import Parcel

from automations import flow
from automations.flow import this
from automations.models import AutomationModel
from automations.testing import assert_path, complete

page = Page("from-joeflow", globals())
THEIRS = ast.parse(page.text("class Shipping(Workflow)"))
page.run("class Shipping(flow.Automation)")
page.run("class ParcelShipping")


class JoeflowTest(TestCase):
    def setUp(self) -> None:
        self.ada = User.objects.create(username="ada")
        Group.objects.create(name="warehouse").user_set.add(self.ada)
        self.client.force_login(self.ada)

    def test_the_process_does_what_theirs_does(self) -> None:
        address = f"/automations/start/{Shipping.get_automation_name()}"
        for email, nodes in (
            ("eve@example.com", ["ship", "check", "tell", "end"]),
            ("", ["ship", "check", "end"]),
        ):
            self.client.post(address, {"address": "High Street", "email": email})
            run = AutomationModel.objects.of(Shipping).filter(state="running").get()
            complete(run, "ship", {"tracking_code": "A17"}, user=self.ada)
            assert_path(run, nodes)
        assert [(each.body, each.to) for each in mail.outbox] == [("A17", ["eve@example.com"])]

    def test_the_state_may_stay_in_a_model(self) -> None:
        parcel = Parcel.objects.create(email="eve@example.com")
        run = ParcelShipping(parcel=parcel)
        complete(run, "ship", {"tracking_code": "A17"}, user=self.ada)
        assert_path(run, ["ship", "tell", "end"])
        parcel.refresh_from_db()
        assert parcel.tracking_code == "A17"
        assert mail.outbox[0].body == "A17"


def test_their_code_is_python_with_edges_between_what_it_has() -> None:
    (theirs,) = THEIRS.body
    methods = {each.name for each in theirs.body if isinstance(each, ast.FunctionDef)}
    names = {each.targets[0].id for each in theirs.body if isinstance(each, ast.Assign)}
    edges = theirs.body[-1].value
    assert {name.id for name in ast.walk(edges) if isinstance(name, ast.Name)} <= methods | names
