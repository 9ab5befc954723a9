"""The page on embedding."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from blocks import Page, shown
from django import forms
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import Group, User
from django.contrib.staticfiles import finders
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template import engines
from django.test import Client, RequestFactory, TestCase, override_settings
from django.urls import include, path, reverse
from django.utils.safestring import mark_safe
from shop.automations import Order as OrderProcess
from shop.models import Order

from automations import flow
from automations.diagrams.svg import svg
from automations.flow import this
from automations.models import AutomationModel, AutomationTaskModel
from automations.views import TaskView

page = Page("embed", globals())


class AddressForm(forms.Form):
    street = forms.CharField()


class PaymentForm(forms.Form):
    iban = forms.CharField()


BASE = page.text("templates/automations/base.html")
CSS = page.text("--atm-link")
BADGE = page.text("automation_count")
page.run("def order_page")
STATUS = page.text("automation_status")
page.run("def check_out")
page.run("class CheckOut")
STEP = page.text("templates/shop/check_out.html")
page.run("class Step")
page.run("urlpatterns = [")
page.run("class JsonStep")
page.run("def how_it_works")

urlpatterns += [
    path("order/<int:pk>", order_page),
    path("check-out", check_out),
    path("how", how_it_works),
]
FRAME = "<title>Shop</title>{% block head %}{% endblock %}{% block content %}{% endblock %}"


class Wait(flow.Automation):
    order = Order
    wait = flow.ReceiveMessage("packed", description="The parcel is being packed")
    end = flow.End()


class Usual(flow.Automation):
    customer = User
    address = flow.Form(AddressForm, success_url="/thanks/").User(this.who_buys)
    end = flow.End()

    def who_buys(self, task: object) -> User:
        return self.customer


class Shown:
    """The URLs of a project that shows a task to scripts."""

    urlpatterns = [
        path("automations/<int:task_id>", JsonStep.as_view()),
        path("automations/", include("automations.urls")),
    ]


class EmbedTest(TestCase):
    def setUp(self) -> None:
        self.ada = User.objects.create(username="ada", is_superuser=True)
        self.client.force_login(self.ada)

    def test_all_pages_stand_in_the_layout_of_the_shop(self) -> None:
        Group.objects.create(name="managers")
        run = OrderProcess()
        task = AutomationTaskModel.objects.get(automation=run.id)
        names = "task_list start_list dashboard error_report"
        addresses = [reverse(f"automations:{name}") for name in names.split()]
        addresses += [reverse("automations:history", args=[run.id])]
        addresses += [reverse("automations:picture", args=[run.id])]
        addresses += [reverse("automations:process", args=["shop.automations.Order"])]
        addresses += [reverse("automations:task", args=[task.pk])]
        with shown({"automations/base.html": BASE, "shop/base.html": FRAME}):
            for address in addresses:
                text = self.client.get(address).content.decode()
                assert text.strip().startswith("<title>Shop</title>")
                assert "<h1" in text
                assert "automations/automations.css" in text
                pictured = address in addresses[4:7]
                assert ("automations/diagram.css" in text) == pictured

    def test_the_badge_and_the_first_tasks(self) -> None:
        Group.objects.create(name="managers")
        for _ in range(6):
            OrderProcess()
        request = RequestFactory().get("/")
        request.user = self.ada
        text = engines["django"].from_string(BADGE).render({}, request)
        assert "My tasks <b>6</b>" in text
        assert text.count("atm-item") == 5

    def test_a_link_to_a_task_brings_people_back(self) -> None:
        task = AutomationTaskModel.objects.get(automation=Usual(customer=self.ada).id)
        plain = AutomationTaskModel.objects.get(automation=Wait(order=Order.objects.create()).id)
        assert plain.status == "wait"
        address = f"/automations/{task.pk}?back={quote('/order/1')}"
        text = self.client.get(address).content.decode()
        assert 'name="back" value="/order/1"' in text

    @override_settings(ROOT_URLCONF=__name__)
    def test_the_page_of_an_order_tells_where_it_stands(self) -> None:
        order = Order.objects.create(customer=self.ada)
        Wait(order=order)
        with shown({"shop/order.html": STATUS}):
            assert Client().get(f"/order/{order.pk}").status_code == 302
            text = self.client.get(f"/order/{order.pk}").content.decode()
        assert "<h1>A book</h1>" in text
        assert "The parcel is being packed" in text
        assert "data-atm-live" in text

    @override_settings(ROOT_URLCONF=__name__)
    def test_a_check_out_goes_from_form_to_form(self) -> None:
        address = self.client.get("/check-out")["Location"]
        assert address.startswith("/automations/")
        with shown({"shop/check_out.html": STEP}):
            response = self.client.get(address)
            assert "<h1>Address (1 of 2)</h1>" in response.content.decode()
            assert response.context["customer"] == self.ada
            address = self.client.post(address, {"street": "High Street"})["Location"]
            assert "<h1>Payment (2 of 2)</h1>" in self.client.get(address).content.decode()
            assert self.client.post(address, {"iban": "DE02"})["Location"] == "/automations/"
        assert AutomationModel.objects.of(CheckOut).get().state == "finished"
        self.client.force_login(User.objects.create(username="eve"))
        assert self.client.get(address).status_code == 404

    def test_the_address_after_a_form(self) -> None:
        task = AutomationTaskModel.objects.get(automation=Usual(customer=self.ada).id)
        response = self.client.post(f"/automations/{task.pk}", {"street": "High Street"})
        assert response["Location"] == "/thanks/"

    @override_settings(ROOT_URLCONF=Shown)
    def test_a_script_is_told_what_is_wrong(self) -> None:
        task = AutomationTaskModel.objects.get(automation=Usual(customer=self.ada).id)
        address = f"/automations/{task.pk}"
        response = self.client.post(address, {})
        assert (response.status_code, list(response.json())) == (422, ["street"])
        assert self.client.post(address, {"street": "High Street"}).status_code == 302
        assert self.client.post(address, {"street": "High Street"}).status_code == 409

    @override_settings(ROOT_URLCONF=__name__)
    def test_a_picture_stands_in_a_page(self) -> None:
        with shown({"shop/how_it_works.html": "<p>So:</p>{{ picture }}"}):
            text = self.client.get("/how").content.decode()
        assert text.startswith("<p>So:</p><svg")


def test_the_stylesheet_touches_nothing_else() -> None:
    for name in ("automations", "diagram"):
        sheet = Path(finders.find(f"automations/{name}.css")).read_text()
        sheet = re.sub(r"/\*.*?\*/|\([^()]*\)", "", sheet, flags=re.DOTALL)
        for selectors in re.findall(r"([^{};]+)\{", sheet):
            for selector in selectors.strip().split(","):
                own = selector.strip().startswith((".atm", ":root", "@media", "html[data-theme"))
                assert own, f"{name}.css: {selector}"


def test_the_colours_are_those_of_the_stylesheet() -> None:
    sheet = Path(finders.find("automations/automations.css")).read_text()
    for name in CSS.split("--")[1:]:
        assert f"--{name.split(':')[0]}:" in sheet
