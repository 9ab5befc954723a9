"""What the home page says about the expenses."""

from __future__ import annotations

from django.db.models import Count, Sum
from project import week
from project.summary import Summary

from expenses.automations import ExpenseApproval
from expenses.models import Expense


def summary() -> Summary:
    """Return the section of the home page."""
    roles = {row["name"]: role(row) for row in week.rows("employees.csv")}
    outcomes = [
        (Expense.Outcome(outcome).label, count, total)
        for outcome, count, total in Expense.objects.order_by("outcome")
        .values_list("outcome")
        .annotate(Count("pk"), Sum("amount"))
    ]
    return Summary("expenses/summary.html", ExpenseApproval, roles, {"outcomes": outcomes})


def role(row: dict[str, str]) -> str:
    """Return who somebody is: the role, and who decides for those who file expenses."""
    if row["role"] in ("director", "accountant"):
        return row["role"]
    return f"{row['role'].removesuffix('employee')} under {row['superior']}".strip()
