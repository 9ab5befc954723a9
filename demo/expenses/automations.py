"""
The expense: an employee has paid for something and gets the money back, or does not.

A small amount is paid at once, a larger one when the team lead has approved it, a large one when a
director has as well. Who lets it wait is reminded, and after four days the superior is asked
instead. By when people should have answered says each form; the inbox shows it, and what is late.
"""

from __future__ import annotations

import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import send_mail
from django.urls import reverse

from automations import flow
from automations.flow import this
from expenses import bank, forms
from expenses.models import BankAccount, Expense

DAY = datetime.timedelta(days=1)

#: Below so many euros an expense is small, or medium.
SMALL, MEDIUM = 50, 1000

#: What every approver gets. Whom it asks, and what comes next, each node says itself.
APPROVAL = (
    flow.Form(forms.ApprovalForm, description="May this be paid back?")
    .DueIn(2 * DAY)
    .Remind(this.remind, after=2 * DAY)
)

#: The nodes that ask so; what is answered is kept in ``data`` under the node's name.
DECIDING = ("approve", "step_in", "approve_as_lead", "step_in_for_lead", "approve_as_director")


@flow.on_model(Expense)
class ExpenseApproval(flow.Automation):
    """The way of one expense from being filed to being paid back, or rejected."""

    expense = Expense
    account = BankAccount

    size = (
        flow.Switch(this.size_of_expense)
        .Case("small", this.billing_details)
        .Case("medium", this.approve)
        .Default(this.both)
    )

    approve = APPROVAL.User(this.team_lead).OnTimeout(4 * DAY, this.step_in).Next(this.decision)
    step_in = APPROVAL.User(this.superior_of_lead).Next(this.decision)

    both = flow.Split().Next(this.approve_as_lead).Next(this.approve_as_director)
    approve_as_lead = (
        APPROVAL.User(this.team_lead).OnTimeout(4 * DAY, this.step_in_for_lead).Next(this.join)
    )
    step_in_for_lead = APPROVAL.User(this.superior_of_lead).Next(this.join)
    approve_as_director = APPROVAL.Group(name="Directors").Next(this.join)
    join = flow.Join()

    decision = flow.If(this.is_rejected).Then(this.refuse)
    billing_details = (
        flow.ModelForm(forms.BankAccountForm, "account", description="Where is the money to go?")
        .User(this.employee)
        .DueIn(3 * DAY)
    )
    pay = flow.Execute(this.transfer).OnError(this.pay_by_hand)
    paid = flow.Execute(this.confirm_payment)
    end = flow.End()

    pay_by_hand = (
        flow.Form(
            forms.TransferForm,
            description="The bank has refused the order. Ask for the right account and pay there.",
        )
        .Group(name="Accounting")
        .DueIn(DAY)
        .Next(this.paid)
    )
    refuse = flow.Execute(this.confirm_rejection).Next(this.end)

    #: Shows the expense above each of the forms.
    default_template_name = "expenses/task.html"

    class Meta:
        verbose_name = "Expense"
        verbose_name_plural = "Expenses"
        subject = "{purpose} ({amount} €), {employee}"

    def started_by_signal(self, sender: Any, data: dict[str, Any]) -> None:
        """Keep what people are to read of the expense in lists: ``Meta.subject`` names it."""
        expense: Expense = data["instance"]
        self.data.update(
            purpose=expense.purpose, amount=str(expense.amount), employee=str(expense.employee)
        )

    # Who is asked

    def employee(self, task: Any) -> User:
        """Whose expense it is."""
        return self.expense.employee.user

    def team_lead(self, task: Any) -> User:
        """Whom the employee reports to."""
        return self.expense.employee.superior.user

    def superior_of_lead(self, task: Any) -> User:
        """Whom the team lead reports to."""
        return self.expense.employee.superior.superior.user

    def remind(self, task: Any) -> None:
        """Write to everybody who may do the task."""
        asked = task.get_users_with_permission(include_superusers=False)
        task_page = reverse("automations:task", args=[task.pk])
        self._write("Please decide", [user.email for user in asked], task_page)

    # What is decided

    def size_of_expense(self, task: Any) -> str:
        """Return how much it is, in words."""
        if self.expense.amount < SMALL:
            return "small"
        return "medium" if self.expense.amount < MEDIUM else "large"

    def is_rejected(self, task: Any) -> bool:
        """Return whether one of those who were asked has said no."""
        return any(
            self.data[node]["decision"] == "reject" for node in DECIDING if node in self.data
        )

    # What is done

    def transfer(self, task: Any) -> None:
        """Have the bank pay; what it has written is undone if it refuses."""
        bank.pay(self.expense, self.account)

    def confirm_payment(self, task: Any) -> None:
        """Close the expense, and tell the employee."""
        by_hand = "pay_by_hand" in self.data
        self._close(Expense.Outcome.BY_HAND if by_hand else Expense.Outcome.PAID)

    def confirm_rejection(self, task: Any) -> None:
        """Close the expense, and tell the employee."""
        self._close(Expense.Outcome.REJECTED)

    def _close(self, outcome: Expense.Outcome) -> None:
        """Keep how it ended, and write to the employee."""
        self.expense.outcome = outcome
        self.expense.save()
        its_page = self.expense.get_absolute_url()
        self._write(outcome.label, [self.expense.employee.user.email], its_page)

    def _write(self, subject: str, addresses: list[str], page: str) -> None:
        """Write about the expense, with the way to a page."""
        send_mail(
            f"{subject}: {self.expense.purpose}",
            f"{self.expense.employee}: {self.expense}\n\n{settings.SITE}{page}\n",
            "expenses@example.org",
            addresses,
        )
