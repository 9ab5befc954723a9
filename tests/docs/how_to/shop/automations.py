"""The process that commands of the how-to pages name."""

from __future__ import annotations

from datetime import timedelta

from automations import flow
from automations.flow import this
from shop.forms import ApprovalForm


class Order(flow.Automation):
    """An order, from its approval to its delivery."""

    approve = (
        flow.Form(ApprovalForm, description="Check the sum.")
        .Group(name="managers")
        .DueIn(timedelta(days=2))
        .OnTimeout(timedelta(days=4), this.escalate)
    )
    end = flow.End()
    escalate = flow.Execute().Next(this.end)
