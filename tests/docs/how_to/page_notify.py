"""The page on telling people of their tasks."""

from __future__ import annotations

import datetime

import pytest
from blocks import Page, checked
from django import forms
from django.core import mail
from django.dispatch import receiver
from django.template import engines
from django.test import override_settings

from automations import flow
from automations.models import AutomationTaskModel
from automations.testing import clock

page = Page("notify", globals())
SETTINGS = page.settings("ATM_EMAIL")
LEAD = page.text("{% extends")


class Ask(flow.Automation):
    answer = flow.Form(forms.Form).User(username="ada").DueIn(datetime.timedelta(days=1))
    end = flow.End()


page.run("task_overdue")


def test_the_settings_are_right() -> None:
    checked(**SETTINGS)


@pytest.mark.automation_clock(datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC))
def test_people_are_told_when_a_task_comes_and_when_it_is_overdue(
    automation_clock: clock, django_user_model: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    django_user_model.objects.create(username="ada", email="ada@example.com", first_name="Ada")
    get = AutomationTaskModel.get_users_with_permission

    def watched(task: object, **options: object) -> object:
        asked.append(options)
        return get(task, **options)

    monkeypatch.setattr(AutomationTaskModel, "get_users_with_permission", watched)
    with override_settings(**SETTINGS):
        Ask()
        automation_clock.advance(hours=1)
        assert [each.to for each in mail.outbox] == [["ada@example.com"]]
        assert "https://example.org/automations/" in mail.outbox[0].body
        asked.clear()
        automation_clock.advance(days=1)
        assert len(mail.outbox) == 2
    assert {"include_superusers": False} in asked


def test_the_block_stands_before_the_usual_text() -> None:
    engine = engines["django"]
    with_lead = engine.from_string(LEAD)
    usual = engine.get_template("automations/email/assigned.txt")

    class Ada:
        first_name = "Ada"

    context = {"user": Ada()}
    text = with_lead.render(context)
    assert "Hello Ada, something new waits for you." in text
    assert "Hello Ada" not in usual.render(context)
