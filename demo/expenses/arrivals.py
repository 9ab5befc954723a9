"""The expenses that employees file over the week."""

from __future__ import annotations

import datetime
from functools import cache, partial

from project import week

from expenses.models import Employee, Expense


def feed() -> int:
    """File the expenses whose time has come; return how many."""
    return week.let_happen("expenses", calendar())


@cache
def calendar() -> week.Calendar:
    """Return what is filed when, in order."""
    return [
        (datetime.datetime.fromisoformat(row["filed"]), partial(file, row))
        for row in week.rows("expenses.csv")
    ]


def file(row: dict[str, str]) -> None:
    """File one expense, which starts its process."""
    Expense.objects.create(
        employee=Employee.objects.get(user__username=row["employee"]),
        purpose=row["purpose"],
        amount=row["amount"],
        has_receipt=row["receipt"] == "yes",
    )
