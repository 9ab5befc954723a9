"""The page on reminders, timeouts and repetitions."""

from __future__ import annotations

import datetime
from collections import Counter
from datetime import timedelta

import pytest
from blocks import Page
from django import forms
from django.contrib.auth.models import User
from django.core import mail
from django.core.mail import send_mail
from django.test import TestCase
from shop.models import BankAccount, Webinar

from automations import flow
from automations.flow import this
from automations.models import AutomationTaskModel
from automations.testing import assert_path, assert_waiting_at, clock, complete, send

page = Page("remind-and-escalate", globals())
MONDAY = datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)


class ApprovalForm(forms.Form):
    approved = forms.BooleanField(required=False)


class BankAccountForm(forms.ModelForm):
    class Meta:
        model = BankAccount
        fields = ["iban"]


class Approval(flow.Automation):
    page.run("approve = (", locals())
    end = flow.End()
    ask_the_director = flow.Execute().Next(this.end)

    def team_lead(self, task: object) -> User:
        return User.objects.get(username="ada")

    def send_reminder(self, task: object) -> None:
        send_mail("Please have a look", "", None, ["ada@example.com"])


class Reminder(flow.Automation):
    webinar = Webinar

    page.run("reminder =", locals())
    end = flow.End()

    def send_reminder(self, task: object) -> None:
        send_mail("Tomorrow", "", None, ["ada@example.com"])


class Figures(flow.Automation):
    page.run("collect =", locals())

    def collect_figures(self, task: object) -> None:
        self.data.setdefault("times", []).append(flow.now().isoformat())


class Rules(flow.Automation):
    """Each rule of the table."""

    start = flow.Split().Next(this.a).Next(this.b).Next(this.c).Next(this.d).Next(this.e)
    a = flow.Repeat(this.a).EveryNMinutes(30)
    b = flow.Repeat(this.b).EveryHour(2)
    c = flow.Repeat(this.c).EveryNDays(2)
    d = flow.Repeat(this.d).EveryDayAt(21, 0)
    e = flow.Repeat(this.e).Cron("0 9 * * MON")


class Ways(flow.Automation):
    page.run("flow.Switch", locals())
    book = flow.Execute().Next(this.end)
    two_approvals = flow.Execute().Next(this.end)
    approve = flow.Execute().Next(this.end)
    end = flow.End()

    def size(self, task: object) -> str:
        return str(self.data["size"])


class Parcel(flow.Automation):
    page.run("flow.Split()", locals())
    end = flow.End()

    def wrap(self, task: object) -> None:
        self.data["wrapped"] = True


class Account(flow.Automation):
    account = BankAccount

    page.run("flow.ModelForm", locals())
    end = flow.End()

    def employee(self, task: object) -> User:
        return User.objects.get(username="ada")


class RemindTest(TestCase):
    def setUp(self) -> None:
        self.ada = User.objects.create(username="ada")

    def test_three_reminders_and_after_a_week_the_director(self) -> None:
        with clock(MONDAY) as time:
            run = Approval()
            for mails in [0, 0, 1, 2, 3, 3, 3]:
                assert len(mail.outbox) == mails
                assert_waiting_at(run, "approve", for_user=self.ada)
                time.advance(days=1)
            assert_path(run, ["approve", "ask_the_director", "end"])

    def test_a_webinar_that_is_moved_moves_its_reminder_both_ways(self) -> None:
        with clock(MONDAY) as time:
            webinar = Webinar.objects.create(begins=MONDAY + timedelta(days=8))
            run = Reminder(webinar=webinar)
            for days in (10, 3):  # farther, then nearer
                webinar.begins = MONDAY + timedelta(days=days)
                with self.captureOnCommitCallbacks(execute=True):
                    webinar.save()
            time.advance(days=1, hours=23)
            assert_path(run, ["reminder"])
            time.advance(hours=1)
            assert_path(run, ["reminder", "end"])

    def test_at_nine_in_the_evening(self) -> None:
        with clock(MONDAY) as time:
            run = Figures()
            time.advance(days=2)
            run.run()
            assert run.data["times"] == [
                "2026-03-02T09:00:00+00:00",
                "2026-03-02T20:00:00+00:00",
                "2026-03-03T20:00:00+00:00",
            ]

    def test_many_ways(self) -> None:
        for size, way in (("small", "book"), ("big", "two_approvals"), ("middling", "approve")):
            assert_path(Ways(size=size), ["size", way, "end"])

    def test_several_ways_at_once(self) -> None:
        run = Parcel()
        assert run.data["wrapped"]
        assert_waiting_at(run, "pay")
        send(run, "paid")
        assert_path(run, ["both", "pay", "pack", ..., "joined", ..., "end"])
        assert run.finished

    def test_a_form_saves_its_object(self) -> None:
        run = Account()
        complete(run, "bank", {"iban": "DE02120300000000202051"}, user=self.ada)
        assert run.account == BankAccount.objects.get(iban="DE02120300000000202051")
        assert run.data["account"] == run.account.pk


@pytest.mark.automation_clock(MONDAY)
def test_the_rules_of_the_table(automation_clock: clock, db: None) -> None:
    run = Rules()
    automation_clock.advance(days=2)
    done = AutomationTaskModel.objects.filter(automation=run.id, state="completed")
    counts = Counter(done.values_list("status", flat=True))
    assert counts == {"start": 1, "a": 96, "b": 24, "c": 1, "d": 2}
