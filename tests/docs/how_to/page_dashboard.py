"""The page on cards for the dashboard."""

from __future__ import annotations

import datetime

from blocks import PAGES, Page, shown
from django.contrib.auth.models import User
from django.test import TestCase

from automations import flow
from automations.flow import this
from automations.models import AutomationModel

page = Page("dashboard", globals())
page.run("class Order")
CARD = page.text("<h2>")


class LateOrder(Order):
    wait = flow.ReceiveMessage("shipped")
    end = flow.End()


class LeftOut(flow.Automation):
    class Meta:
        verbose_name_plural = "Left out"
        dashboard_template = None

    wait = flow.ReceiveMessage("shipped").Next(this.end)
    end = flow.End()


def a_week_ago() -> datetime.datetime:
    return flow.now() - datetime.timedelta(days=7)


class DashboardTest(TestCase):
    def test_the_card_shows_what_it_is_given(self) -> None:
        self.client.force_login(User.objects.create(username="root", is_superuser=True))
        runs = [LateOrder(), LateOrder(), LateOrder(), LeftOut()]
        created = a_week_ago() - datetime.timedelta(hours=1)
        AutomationModel.objects.filter(pk=runs[0].id).update(created=created)
        with shown({"shop/order_card.html": CARD}):
            text = self.client.get("/automations/dashboard").content.decode()
        assert "<h2>Orders</h2>" in text
        assert "<p>3 on their way, 1 of them late.</p>" in text
        assert "Left out" not in text

    def test_a_card_has_what_the_table_says(self) -> None:
        self.client.force_login(User.objects.create(username="root", is_superuser=True))
        LateOrder()
        names = "cls verbose_name verbose_name_plural running finished failed cancelled counts"
        names += " overdue median most chart dashboard_template dashboard"
        with shown({"shop/order_card.html": CARD}):
            (card,) = self.client.get("/automations/dashboard").context["automations"]
        for name in names.split():
            assert f"`{name}`" in (PAGES / "dashboard.md").read_text()
            assert hasattr(card, name) or name in card
