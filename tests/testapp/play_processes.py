"""Processes that several people play in their browsers, at the same time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms

from automations import flow
from automations.flow import this
from automations.models import AutomationAuditModel

DAY = timedelta(days=1)
DECISIONS = [("yes", "Yes"), ("no", "No")]


class OutlayForm(forms.Form):
    """What somebody has paid for."""

    purpose = forms.CharField(max_length=100)
    amount = forms.DecimalField(max_digits=8, decimal_places=2)


class DecisionForm(forms.Form):
    """Yes or no, and why."""

    decision = forms.ChoiceField(choices=DECISIONS, widget=forms.RadioSelect)
    comment = forms.CharField(required=False, max_length=200)


class AccountForm(forms.Form):
    """Where the money is to go."""

    iban = forms.CharField(label="IBAN", max_length=34)


class TransferForm(forms.Form):
    """A transfer that was made by hand."""

    number = forms.CharField(max_length=30)


class Outlay(flow.Automation):
    """Somebody has paid for something, and gets it back if the lead or the director says so."""

    class Meta:
        verbose_name = "Outlay"
        subject = "{purpose} ({amount} €)"
        start_form = OutlayForm

    approve = (
        flow.Form(DecisionForm, description="May this be paid back?")
        .Group(name="leads")
        .DueIn(2 * DAY)
        .Remind(this.remind, after=2 * DAY)
        .OnTimeout(4 * DAY, this.step_in)
        .Next(this.decision)
    )
    step_in = flow.Form(DecisionForm).Group(name="directors").Next(this.decision)
    decision = flow.If(this.is_approved).Then(this.account).Else(this.end)
    account = flow.Form(AccountForm).User(this.employee)
    pay = flow.Execute(this.transfer).OnError(this.by_hand)
    end = flow.End()
    by_hand = flow.Form(TransferForm).Group(name="accounting").Next(this.end)

    def remind(self, task: Any) -> None:
        """Note that somebody was reminded."""
        self.data["reminded"] = task.status

    def is_approved(self, task: Any) -> bool:
        """Return what has been decided."""
        decided = self.data.get("approve") or self.data["step_in"]
        return bool(decided["decision"] == "yes")

    def employee(self, task: Any) -> Any:
        """Whoever has started the run."""
        return AutomationAuditModel.objects.get(automation=self.id, action="start").user

    def transfer(self, task: Any) -> None:
        """Pay; what is written here is undone if the bank refuses."""
        self.data["paid"] = True
        if not self.data["account"]["iban"].startswith("DE"):
            raise ValueError("The bank knows no such account.")


class Moderated(flow.Automation):
    """One mail, to be accepted or rejected by whichever moderator comes first."""

    class Meta:
        verbose_name = "Mail"
        subject = "{title}"

    moderate = flow.Form(DecisionForm).Group(name="moderators")
    end = flow.End()
