"""Who works here."""

from __future__ import annotations

from project import people, week

from expenses.models import Employee

GROUPS = {"director": "Directors", "accountant": "Accounting"}


def load() -> None:
    """Load the employees, superiors first, as the file has them."""
    employees: dict[str, Employee] = {}
    for row in week.rows("employees.csv"):
        user = people.make(row["name"], group=GROUPS.get(row["role"], ""))
        superior = employees.get(row["superior"])
        employees[row["name"]] = Employee.objects.create(user=user, superior=superior)
