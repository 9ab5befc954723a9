"""What the inner class ``Meta`` says is kept, and what it cannot mean is told."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.contrib.sessions.models import Session

from automations import flow
from automations.definition import known
from automations.definition.options import Options
from automations.definition.validation import find_problems
from tests.testapp.models import IssueList


class Asked(forms.Form):
    """A form without fields."""


def said(**options: Any) -> Options:
    """Return the options of an automation whose ``Meta`` says this."""
    return Options.read(type("Meta", (), options), [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("former_names", ("shop.automations.Order",)),
        ("keep_history", 0),
        ("keep_history", None),
        ("commit_every", 1),
        ("dispatcher", "celery"),
        ("subject", "{title} for {name}"),
        ("start_form", Asked),
        ("start_permission", "shop.start"),
        ("schedule", flow.Cron("0 9 * * MON")),
    ],
)
def test_what_meta_says_is_kept(name: str, value: Any) -> None:
    options = said(**{name: value})
    assert getattr(options, name) == value
    assert options.wrong == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("former_names", "shop.automations.Order"),
        ("former_names", [1]),
        ("keep_history", -1),
        ("keep_history", True),
        ("commit_every", 0),
        ("commit_every", True),
        ("dispatcher", 7),
        ("start_form", IssueList),
        ("start_permission", "start"),
        ("schedule", "0 9 * * MON"),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_name_and_not_used(name: str, value: Any) -> None:
    options = said(**{name: value})
    assert options.wrong == ((name, value),)
    assert getattr(options, name) == getattr(Options(), name)


def test_people_may_start_what_has_a_form_or_a_permission_and_is_not_abstract() -> None:
    assert not said().by_hand
    assert said(start_form=Asked).by_hand
    assert said(start_permission="shop.start").by_hand
    assert not said(start_form=Asked, abstract=True).by_hand


def test_what_a_base_says_holds_but_for_what_belongs_to_one_class() -> None:
    base = type("Meta", (), {"dispatcher": "celery", "abstract": True, "former_names": ["a.B"]})
    inherited = Options.read(None, [base])
    assert inherited.dispatcher == "celery"
    assert not inherited.abstract
    assert inherited.former_names == ()


def test_a_schedule_may_start_what_can_run_only_once_at_a_time() -> None:
    class Nightly(flow.Automation):
        unique = True
        end = flow.End()

        class Meta:
            schedule = flow.Cron("0 3 * * *")

    assert find_problems(Nightly._meta) == ()


def test_the_models_that_runs_are_bound_to_are_known() -> None:
    class Bound(flow.Automation):
        issues: IssueList
        end = flow.End()

    assert list(Bound._meta.models) == ["issues"]
    assert known.is_bound(IssueList)
    assert not known.is_bound(Session)
