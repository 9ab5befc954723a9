"""The page on messages."""

from __future__ import annotations

import datetime
from datetime import timedelta

from blocks import Page
from django.core import mail
from django.core.mail import send_mail
from django.test import TestCase

from automations import flow
from automations.flow import this
from automations.testing import assert_path, clock

page = Page("messages", globals())

page.run("class Newsletter")
link_by_mail = page.later("flow.message_link")


class Subscription(Newsletter):
    def ask_for_confirmation(self, task: object) -> None:
        self.data["topics"] = []

    def is_confirmed(self, task: object) -> bool:
        return bool(self.data.get("confirmed"))

    def welcome(self, task: object) -> None:
        self.data["welcomed"] = True


class Delivery(flow.Automation):
    page.run("flow.ReceiveMessage", locals())
    end = flow.End()
    cancel = flow.Execute().Next(this.end)

    def receive_paid(self, token: str, data: dict) -> str:
        self.data["order"] = data["order"]
        return "received"


class Payment(flow.Automation):
    page.run("flow.SendMessage", locals())
    end = flow.End()

    def order_id(self, task: object) -> int:
        return int(self.data["order"])


class MessagesTest(TestCase):
    def test_what_is_received_is_converted_and_conditions_are_asked_at_once(self) -> None:
        run = Subscription(email="ada@example.com")
        run.send_message("choose", data={"topic": "art", "times": "2"})
        assert run.send_message("choose", data={"topic": "art"}) is None
        assert run.data["topics"] == [["art", 2]]
        run.send_message("confirm")
        assert_path(run, ["start", "confirmed", "end"])
        assert run.send_message("confirm") is None

    def test_the_calls_of_the_table(self) -> None:
        run = Subscription(email="ada@example.com")
        Subscription.dispatch_message(run.get_key(), "choose", data={"topic": "art", "times": 1})
        other = Subscription(email="eve@example.com")
        given = {"topic": "bees", "times": 2}
        assert Subscription.broadcast_message("choose", data=given) == [None, None]
        given |= {"email": "ada@example.com"}
        again = Subscription.create_on_message("choose", data=given)
        assert (again.id, again.is_new) == (run.id, False)
        assert again.data["topics"] == [["art", 1], ["bees", 2], ["bees", 2]]
        other.run()
        assert other.data["topics"] == [["bees", 2]]

    def test_a_node_waits_two_weeks_for_the_payment_of_another_process(self) -> None:
        with clock(datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)) as time:
            run, late = Delivery(), Delivery()
            Payment(order=17)
            assert_path(run, ["paid", "end"])
            assert run.data == {"order": 17, "paid": {"order": 17}}
            time.advance(days=13, hours=23)
            assert_path(late, ["paid"])
            time.advance(hours=1)
            assert_path(late, ["paid", "cancel", "end"])

    def test_a_link_that_is_sent_by_mail_sends_its_message_once(self) -> None:
        run = Subscription(email="ada@example.com")
        link = link_by_mail(run=run)["link"]
        assert link in mail.outbox[0].body
        assert self.client.get(link).status_code == 200
        run.run()
        assert "confirmed" not in run.data
        assert self.client.post(link).status_code == 200
        assert self.client.post(link).status_code != 500
        assert_path(run, ["start", "confirmed", "end"])
