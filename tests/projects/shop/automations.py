"""A process about a purchase, which is kept in another database."""

from __future__ import annotations

from typing import Any

from django import forms

from automations import flow
from automations.flow import this
from tests.projects.shop.models import Purchase


class PurchaseForm(forms.ModelForm):
    """The title of a purchase."""

    class Meta:
        model = Purchase
        fields = ["title"]


@flow.on_model(Purchase)
class Delivery(flow.Automation):
    """Starts with the purchase, and delivers when it is time."""

    unique = ("purchase",)
    purchase = Purchase

    class Meta:
        schedule = None

    start = flow.Execute(this.pack)
    check = flow.ModelForm(PurchaseForm, "purchase").User(username="ada")
    wait = flow.Execute(this.deliver).AfterWaitingUntil(this.when)
    end = flow.End()

    def pack(self, task: Any) -> None:
        """Pack it."""
        self.data["packed"] = self.purchase.title  # type: ignore[attr-defined] # a field

    def deliver(self, task: Any) -> None:
        """Change the object, which is in the other database."""
        Purchase.objects.filter(pk=self.data["purchase"]).update(title="delivered")

    def when(self, task: Any) -> Any:
        """Return when it is time."""
        return self.purchase.when  # type: ignore[attr-defined] # a field
