"""Processes whose pages are hard to show: errors, names and forms of every kind."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms

from automations import flow
from automations.flow import this

HOSTILE = "</p></li></ul><h1>Pwned</h1><script>alert(1)</script><img src=x onerror=alert(2)>"
LINES = "one line\nanother\n\n    and one that is indented"
#: What may go wrong.
ERRORS: tuple[tuple[type[Exception], str], ...] = (
    (ValueError, HOSTILE),
    (ConnectionError, "https://bank.example.org/charges/" + "9f8e7d6c" * 25),
    (RuntimeError, LINES),
    (StopIteration, ""),
)


def dig(depth: int, error: Exception) -> None:
    """Raise ``error`` from far below."""
    if depth:
        delve(depth - 1, error)
    raise error


def delve(depth: int, error: Exception) -> None:
    """Go on: a traceback leaves out what a function repeats that calls itself, but not two."""
    dig(depth, error)


class SettlementOfInternationalCardPaymentsWithCurrencyConversion(flow.Automation):
    """Fails in one of many ways while another branch waits."""

    class Meta:
        verbose_name = "Settlement of international card payments with currency conversion"
        verbose_name_plural = "Settlements of international card payments with currency conversion"

    start = flow.Split().Next(this.charge_the_card_in_the_currency_of_the_customer).Next(this.tell)
    charge_the_card_in_the_currency_of_the_customer = flow.Execute(
        this.charge, description="The bank may refuse this."
    ).Next(this.join)
    tell = flow.Execute().AfterWaitingFor(datetime.timedelta(hours=3)).Next(this.join)
    join = flow.Join()
    end = flow.End()

    def charge(self, task: Any) -> None:
        """Fail as the data says."""
        kind, text = ERRORS[self.data["error"]]
        dig(40, kind(text))


class Shipping(flow.Automation):
    """Fails in another process."""

    pack = flow.Execute(this.fail)
    end = flow.End()

    def fail(self, task: Any) -> None:
        """Fail as a full disk does."""
        raise OSError(28, "No space left on device")


class Choices(forms.Form):
    """What is ticked, chosen among, and only read."""

    name = forms.CharField(help_text="As it stands in your passport, with all given names.")
    nickname = forms.CharField(required=False)
    agree = forms.BooleanField(help_text="You have to.")
    answer = forms.ChoiceField(
        choices=[("yes", "Yes"), ("no", "No, for a reason that is longer than a phone is wide")],
        widget=forms.RadioSelect,
    )
    moment = forms.SplitDateTimeField(required=False)
    attachment = forms.FileField(required=False)
    number = forms.CharField(disabled=True, initial="4711", required=False)


class Chooses(flow.Automation):
    """Asks for all that."""

    ask = flow.Form(Choices).User(username="asked")
    end = flow.End()
