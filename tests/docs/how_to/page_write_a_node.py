"""The page on nodes of one's own."""

from __future__ import annotations

import datetime
from datetime import timedelta
from types import SimpleNamespace

from blocks import Page
from django import forms
from django.contrib.auth.models import Group, User
from django.core import mail
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.test import TestCase

from automations import flow, outcomes
from automations.definition.validation import find_problems
from automations.diagrams.bpmn import bpmn
from automations.flow import this
from automations.models import AutomationModel
from automations.testing import assert_path, clock, complete

page = Page("write-a-node", globals())


class ApprovalForm(forms.Form):
    approved = forms.BooleanField(required=False)
    amount = forms.IntegerField(required=False)


page.run("class SendMail")
page.run("class Signup")
page.run("class Poll")
page.run("class Sample")
page.run("class Claim")
page.run("class Prefilled")
page.run("class CarefulPoll")
page.run("def test_it_asks_again_after_an_hour")


class Polling(flow.Automation):
    ask = Poll(this.question, every=timedelta(hours=1)).OnTimeout(timedelta(days=1), this.late)
    end = flow.End()
    late = flow.Execute().Next(this.end)

    def question(self, task: object) -> object:
        return self.data.get("answer")


class Prefilling(flow.Automation):
    ask = Prefilled(ApprovalForm).User(username="ada")
    end = flow.End()


class NodesTest(TestCase):
    def test_a_mail_that_has_a_name(self) -> None:
        assert_path(Signup(email="ada@example.com"), ["welcome", "end"])
        assert [(each.subject, each.to) for each in mail.outbox] == [
            ("Welcome", ["ada@example.com"])
        ]

    def test_a_question_is_asked_every_hour_for_a_day(self) -> None:
        with clock() as time:
            answered, late = Polling(), Polling()
            time.advance(minutes=90)
            answered.data["answer"] = 42
            answered.save()
            time.advance(minutes=31)
            assert_path(answered, ["ask", "end"])
            time.advance(days=1)
            assert_path(late, ["ask", "late", "end"])

    def test_every_tenth_goes_another_way_which_pictures_and_checks_know(self) -> None:
        Group.objects.create(name="auditors")
        for run in [Claim() for _ in range(10)]:
            tenth = run.id % 10 == 0
            assert_path(run, ["sample", "look_closely"] if tenth else ["sample", "pay", "end"])
        assert not find_problems(Claim._meta)
        drawn = bpmn(Claim._meta)
        assert 'exclusiveGateway id="sample"' in drawn
        assert "1 of 10" in drawn

    def test_a_form_knows_what_the_run_knows(self) -> None:
        ada = User.objects.create(username="ada")
        run = Prefilling(amount=17)
        task = AutomationModel.objects.get(pk=run.id).automationtaskmodel_set.get()
        self.client.force_login(ada)
        assert 'value="17"' in self.client.get(f"/automations/{task.pk}").content.decode()
        complete(run, "ask", {"amount": 18}, user=ada)
        assert run.data["ask"]["amount"] == 18

    def test_mistakes_are_told(self) -> None:
        class Mistaken(flow.Automation):
            ask = CarefulPoll(this.qestion, every=timedelta(seconds=1))
            end = flow.End()

        assert [problem.code for problem in find_problems(Mistaken._meta)] == ["E109", "E900"]


def test_every_outcome_of_the_table_is_one() -> None:
    for name in ("Complete", "Skip", "Postpone", "Ask", "Listen", "Outside", "Fail"):
        assert hasattr(outcomes, name)
