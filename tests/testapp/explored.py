"""Processes with a bug each, and the same without it: for the tests of explore."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms

from automations import flow
from automations.flow import this

DAY = datetime.timedelta(days=1)

#: What was charged to cards, outside of the database: the keys of the charges.
charged: list[str] = []


def charge_card(key: str) -> None:
    """Charge a card, unless that was done under this key."""
    if key not in charged:
        charged.append(key)


class Packing(forms.Form):
    """What was packed."""

    parcels = forms.IntegerField(min_value=1, max_value=9)


class Address(forms.Form):
    """Where to deliver to."""

    street = forms.CharField(max_length=40)
    is_island = forms.BooleanField(required=False)


class Answer(forms.Form):
    """Yes or no."""

    agreed = forms.BooleanField(required=False)


# A branch that is lost


class Order(flow.Automation):
    """Is packed and invoiced at the same time."""

    start = flow.Split().Next(this.pack).Next(this.invoice)
    pack = flow.Form(Packing).Group(name="staff").Next(this.join)
    invoice = flow.Execute(this.write).AfterWaitingFor(DAY).Next(this.join)
    join = flow.Join()
    end = flow.End()

    def write(self, task: Any) -> None:
        """Write the invoice."""
        self.data["invoiced"] = True


class HastyOrder(Order):
    """Is over as soon as several parcels are packed, though the invoice may not be written yet."""

    check = flow.If(this.is_complete).Then(this.packed).Else(this.join)
    pack = flow.Form(Packing).Group(name="staff").Next(this.check)
    packed = flow.End(terminate=True)

    def is_complete(self, task: Any) -> bool:
        """Whether there is more than one parcel."""
        return int(self.data["pack"]["parcels"]) > 1


# A payment that is made twice


class Purchase(flow.Automation):
    """Is paid for, and delivered where that is possible; else another address is asked for."""

    start = flow.Execute()
    address = flow.Form(Address).User(username="ada")
    pay = flow.Execute(this.charge)
    check = flow.If(this.is_far).Then(this.address).Else(this.end)
    end = flow.End()

    def charge(self, task: Any) -> None:
        """Charge the card, once for each purchase."""
        charge_card(f"purchase {self.id}")

    def is_far(self, task: Any) -> bool:
        """Whether nobody delivers there."""
        return bool(self.data["address"]["is_island"])


class PurchasePaidAgain(Purchase):
    """Charges the card once for each task: another address is another one."""

    def charge(self, task: Any) -> None:
        charge_card(task.idempotency_key)


class PurchaseWithoutKey(Purchase):
    """Charges the card as often as the task is tried."""

    def charge(self, task: Any) -> None:
        """Charge the card unless this run knows of it."""
        if not self.data.get("charged"):
            charge_card(f"charge {len(charged)}")
        self.data["charged"] = True


class PayingAddress(Address):
    """Charges the card where nothing but checking belongs."""

    def clean(self) -> None:
        charge_card(f"charge {len(charged)}")


class PurchaseInForm(Purchase):
    """Charges the card as often as its form is checked."""

    address = flow.Form(PayingAddress).User(username="ada")

    def charge(self, task: Any) -> None:
        """It is done."""


# A deadline that is never reached


class Question(flow.Automation):
    """Asks again every third day, and goes on without an answer after nine days."""

    start = flow.Execute()
    ask = flow.Form(Answer).User(username="ada").OnTimeout(3 * DAY, this.late).Next(this.end)
    late = flow.If(this.is_over).Then(this.end).Else(this.again)
    again = flow.Execute(this.remember).Next(this.ask)
    end = flow.End()

    def remember(self, task: Any) -> None:
        """Count how often."""
        self.data["asked"] = self.data.get("asked", 0) + 1

    def is_over(self, task: Any) -> bool:
        """Whether it was asked often enough."""
        return self.data.get("asked", 0) >= 2


class EndlessQuestion(Question):
    """Looks at how old the wrong task is: at its own, which is always new."""

    def is_over(self, task: Any) -> bool:
        return flow.now() - task.created >= 9 * DAY


# What else there is in stories


class Impossible(forms.Form):
    """Is never valid."""

    word = forms.CharField(max_length=5)

    def clean_word(self) -> str:
        """Refuse every word."""
        raise forms.ValidationError("Not this one.")


class Refusing(flow.Automation):
    """Nobody gets beyond its form."""

    start = flow.Form(Impossible).User(username="ada")
    end = flow.End()


class Crashing(flow.Automation):
    """Its form cannot even be shown."""

    start = flow.Form(this.get_form).User(username="ada")
    end = flow.End()

    def get_form(self, task: Any) -> Any:
        """Fail."""
        raise ZeroDivisionError("no form")


class Polling(flow.Automation):
    """Asks often, works in the background, and ends when it is told to."""

    start = flow.Execute(this.work, threaded=True)
    ask = flow.If(this.is_enough).Then(this.end).Else(this.wait)
    wait = flow.Execute().AfterWaitingFor(datetime.timedelta(minutes=30)).Next(this.ask)
    end = flow.End()

    def work(self, task: Any) -> str:
        """Charge the card."""
        charge_card(f"charge {len(charged)}")
        return "done"

    def is_enough(self, task: Any) -> bool:
        """Whether a day is over."""
        first = datetime.datetime.fromisoformat(self.data.setdefault("began", f"{flow.now()}"))
        return flow.now() - first >= DAY
