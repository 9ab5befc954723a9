"""What the home page says about the expenses."""

from __future__ import annotations

from django.db.models import Count, Sum
from project import week
from project.summary import Summary

from expenses.automations import ExpenseApproval
from expenses.models import Expense


def summary() -> Summary:
    """Return the section of the home page."""
    roles = {
        row["name"]: ", reports to ".join(filter(None, [row["role"], row["superior"]]))
        for row in week.rows("employees.csv")
    }
    outcomes = [
        (Expense.Outcome(outcome).label, count, total)
        for outcome, count, total in Expense.objects.order_by("outcome")
        .values_list("outcome")
        .annotate(Count("pk"), Sum("amount"))
    ]
    return Summary("expenses/summary.html", ExpenseApproval, roles, {"outcomes": outcomes})
