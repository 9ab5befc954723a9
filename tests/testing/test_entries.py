"""What random people enter is what the fields of a form take."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django import forms
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from automations.testing.acts import sent
from automations.testing.deeds import Wait
from automations.testing.entries import drawn, is_told_once, of_kind, slots, sources
from automations.testing.retelling import duration, span, value, variable
from tests.testapp.models import IssueList

pytestmark = pytest.mark.django_db

SETTINGS = settings(
    max_examples=30,
    phases=[Phase.generate, Phase.shrink],
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Own(forms.DecimalField):
    """A field of the project."""


class OwnNumber(forms.IntegerField):
    """Another one."""


class OwnText(forms.CharField):
    """One more."""


class Everything(forms.Form):
    """All kinds of fields."""

    text = forms.CharField(max_length=10)
    mail = forms.EmailField()
    number = forms.IntegerField(min_value=1, max_value=5)
    share = forms.FloatField(min_value=0, max_value=1)
    price = forms.DecimalField(max_digits=6, decimal_places=2)
    rate = forms.DecimalField()
    day = forms.DateField()
    moment = forms.DateTimeField()
    both = forms.SplitDateTimeField()
    hour = forms.TimeField()
    length = forms.DurationField()
    choice = forms.ChoiceField(choices=[("a", "A"), ("Group", [("b", "B")])])
    choices = forms.MultipleChoiceField(choices=[("a", "A"), ("b", "B")])
    issues = forms.ModelChoiceField(IssueList.objects.all())
    several = forms.ModelMultipleChoiceField(IssueList.objects.order_by("-title"))
    file = forms.FileField()
    json = forms.JSONField()
    yes = forms.BooleanField()
    own = Own()
    own_number = OwnNumber()
    own_text = OwnText()
    fixed = forms.CharField(disabled=True, initial="x")


@given(st.data())
@SETTINGS
def test_what_is_entered_with_care_is_valid(data: st.DataObject) -> None:
    for title in ("March", "April"):
        IssueList.objects.get_or_create(title=title)
    for prefix in (None, "one"):
        source = sources(Everything(prefix=prefix), {}, 0, careful=True)
        entered = drawn(data.draw, source)
        assert "fixed" not in "".join(entered)
        form = Everything(prefix=prefix, **sent(entered, Everything))
        assert form.is_valid(), form.errors


@pytest.mark.parametrize(
    ("moment", "once"),
    [
        (datetime(2047, 3, 31, 1, 59), True),
        (datetime(2047, 3, 31, 2), False),  # put forward
        (datetime(2047, 10, 27, 2, 30), False),  # put back
        (datetime(2047, 10, 27, 3), True),
    ],
)
def test_no_moment_is_entered_that_clocks_do_not_show_or_show_twice(
    moment: datetime, once: bool
) -> None:
    with timezone.override("Europe/Berlin"):
        assert is_told_once(moment) is once


@given(st.data())
@SETTINGS
def test_a_time_beside_its_day_is_one_at_which_no_clock_is_changed(data: st.DataObject) -> None:
    entered = drawn(data.draw, sources(Everything(), {}, 0, careful=True))
    assert time(4) <= entered["both_1"] <= time(22)


@given(st.data())
@SETTINGS
def test_what_is_entered_without_care_may_be_anything(data: st.DataObject) -> None:
    source = sources(Everything(), {"number": 3}, 0, careful=False)
    entered = drawn(data.draw, source)
    assert entered["number"] == 3
    Everything(**sent(entered, Everything)).is_valid()


@given(st.data())
@SETTINGS
def test_a_box_is_ticked_or_not(data: st.DataObject) -> None:
    """Anything else that is sent of it means one of these, and stories told two ways are longer."""
    entered = drawn(data.draw, sources(Everything(), {}, 0, careful=False))
    assert entered["yes"] in (True, False, None)


def test_where_there_is_nothing_to_choose_from_nothing_is_chosen() -> None:
    source = sources(Everything(), {}, 0, careful=True)
    assert repr(source["issues"]) == "none()"


@pytest.mark.parametrize("kind", [str, int, float, bool])
def test_messages_bring_what_their_receivers_need(kind: Any) -> None:
    @given(of_kind(kind))
    @SETTINGS
    def is_one(found: Any) -> None:
        assert isinstance(found, kind)
        assert "\x00" not in str(found)

    is_one()


def test_each_value_that_was_drawn_can_be_replaced() -> None:
    number = st.integers()
    source = {"one": number, "rows": [{"two": number}, {"two": 5}], "fixed": 3, "gone": number}
    whole = {"one": 1, "rows": [{"two": 2}, {"two": 5}], "fixed": 3}
    found = [put(9) for strategy, put in slots(whole, source)]
    assert found == [{**whole, "one": 9}, {**whole, "rows": [{"two": 9}, {"two": 5}]}]
    assert [put(9) for strategy, put in slots(1, number)] == [9]


def test_values_are_told_as_they_are_written() -> None:
    ada = User.objects.create(username="ada")
    issues = IssueList.objects.create(title="March")
    assert value({"by": ada, "on": [issues]}) == (
        f"{{'by': User.objects.get(username='ada'), 'on': [IssueList.objects.get(pk={issues.pk})]}}"
    )
    assert value(SimpleUploadedFile("a.txt", b"text")) == "SimpleUploadedFile('a.txt', b'text')"
    assert value(datetime(2026, 3, 2, tzinfo=UTC)) == "datetime(2026, 3, 2, 0, tzinfo=UTC)"
    precise = datetime(2026, 3, 2, 9, 0, 5, 7, tzinfo=UTC)
    assert value(precise) == "datetime(2026, 3, 2, 9, 0, 5, 7, tzinfo=UTC)"
    assert variable(ada) == "ada"
    assert variable(User(username="Dr. No", pk=7)) == "user_7"


def test_times_are_told_in_words() -> None:
    assert span(timedelta(days=2, hours=1)) == "2 days 1 hour"
    assert span(timedelta()) == "a moment"
    assert duration(timedelta(hours=1, minutes=5)) == "hours=1, minutes=5"
    assert Wait(timedelta(seconds=61)).line() == "1 minute 1 second later"
