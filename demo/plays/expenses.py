"""The expenses: those who are there look at their lists every three hours."""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db.models import Sum
from expenses.automations import ExpenseApproval
from expenses.models import Expense, Transfer

from automations.models import AutomationTaskModel
from plays import files, outcome
from plays.files import BEGIN, DAY, HOUR, moment
from plays.person import Answers, Page, Person

EVERY = 3
FOREVER = datetime.datetime.max.replace(tzinfo=datetime.UTC)

Moment = datetime.datetime
#: The steps at which somebody decides.
DECIDING = ("approve", "step_in", "approve_as_lead", "step_in_for_lead", "approve_as_director")


def moments() -> Iterator[Moment]:
    """Yield when expenses are filed."""
    for row in files.rows("expenses.csv"):
        yield moment(row["filed"])


# Who is there


class Employees:
    """The people of ``employees.csv``."""

    def __init__(self) -> None:
        self.rows = {row["name"]: row for row in files.rows("employees.csv")}

    def is_away(self, name: str, when: Moment) -> bool:
        """Return whether somebody looks at no list then."""
        row = self.rows[name]
        return bool(row["away"]) and moment(row["away"]) <= when < moment(row["back"])

    def in_group(self, role: str) -> list[str]:
        """Return who has this role."""
        return [name for name, row in self.rows.items() if row["role"] == role]

    def look(self, names: list[str], after: Moment) -> Moment:
        """Return when the first of these looks at the list, at ``after`` or later."""
        hour = EVERY * math.ceil((after - BEGIN) / HOUR / EVERY)
        while all(self.is_away(name, BEGIN + hour * HOUR) for name in names):
            hour += EVERY
        return BEGIN + hour * HOUR


# What follows from the files


def expected() -> dict[str, Any]:
    """Return what must come of the week."""
    employees = Employees()
    tasks: Counter[str] = Counter()
    mails: Counter[str] = Counter()
    decisions: Counter[str] = Counter()
    paid: dict[str, Decimal] = {"Paid": Decimal(), "Paid by hand": Decimal(), "Rejected": Decimal()}
    directors = employees.in_group("director")

    def ask(node: str, names: list[str], opened: Moment, instead: str = "") -> None:
        """Count what comes of asking these, and after four days their superior ``instead``."""
        done = employees.look(names, opened)
        mails["Please decide"] += min(done, opened + 4 * DAY if instead else FOREVER) >= (
            opened + 2 * DAY
        )
        if instead and done >= opened + 4 * DAY:
            tasks[f"{node} skipped"] += 1
            superior = employees.rows[names[0]]["superior"]
            ask(instead, [superior], opened + 4 * DAY)
        else:
            tasks[f"{node} completed"] += 1
            decisions["approve" if row["receipt"] == "yes" else "reject"] += 1

    rows = files.rows("expenses.csv")
    for row in rows:
        filed, amount = moment(row["filed"]), Decimal(row["amount"])
        employee = employees.rows[row["employee"]]
        if amount >= 1000:
            tasks.update(["both completed", "join completed", "join merged"])
            ask("approve_as_lead", [employee["superior"]], filed, "step_in_for_lead")
            ask("approve_as_director", directors, filed)
        elif amount >= 50:
            ask("approve", [employee["superior"]], filed, "step_in")
        tasks.update(["size completed", "end completed"])
        tasks["decision completed"] += amount >= 50
        if amount >= 50 and row["receipt"] == "no":
            ending = "Rejected"
            tasks["refuse completed"] += 1
        else:
            ending = "Paid" if may_exist(employee["iban"]) else "Paid by hand"
            tasks.update(["billing_details completed", "pay completed", "paid completed"])
            tasks["pay_by_hand completed"] += ending == "Paid by hand"
        mails[ending] += 1
        paid[ending] += amount
    return {
        "runs": {"finished": len(rows)},
        "tasks": tasks,
        "mails": mails,
        "decisions": decisions,
        "passed over": tasks["approve skipped"] + tasks["approve_as_lead skipped"],
        "payments": mails["Paid"],
        "failed payments": mails["Paid by hand"],
        "euros": {ending: f"{total:.2f}" for ending, total in paid.items()},
    }


def may_exist(iban: str) -> bool:
    """Return whether the check digits of an IBAN are those that its other signs ask for."""
    signs = iban.replace(" ", "")
    number = 0
    for sign in signs[4:] + signs[:2] + "00":
        value = int(sign, 36)
        number = (number * (100 if value > 9 else 10) + value) % 97
    return signs[2:4] == f"{98 - number:02}"


# The week


class Cast:
    """Everybody who works there."""

    def __init__(self) -> None:
        self.employees = Employees()
        self.people = [Person(name) for name in self.employees.rows]

    def act(self, hour: int) -> None:
        """Let those who are there do what there is to do."""
        if hour % EVERY:
            return
        for person in self.people:
            if not self.employees.is_away(person.name, BEGIN + hour * HOUR):
                person.do_tasks(lambda page, name=person.name: self.answer(name, page))

    def answer(self, name: str, page: Page) -> Answers:
        """Return what somebody enters into a form."""
        if "decision" in page.fields:
            missing = "Receipt\nMissing" in page.text
            return {"decision": "reject" if missing else "approve"}
        if "iban" in page.fields:
            return {"holder": name.title(), "iban": self.employees.rows[name]["iban"]}
        return {"number": f"{name}-1"} if "number" in page.fields else {}


def counted() -> dict[str, Any]:
    """Return what came of the week."""
    tasks = AutomationTaskModel.objects.filter(
        automation__automation_class=ExpenseApproval.get_automation_name()
    )
    decisions = [
        run.data[name]["decision"]
        for run in ExpenseApproval.model_class.objects.filter(
            automation_class=ExpenseApproval.get_automation_name()
        )
        for name in DECIDING
        if name in run.data
    ]
    totals = Expense.objects.order_by().values_list("outcome").annotate(Sum("amount"))
    return {
        "runs": outcome.runs(ExpenseApproval),
        "tasks": outcome.tasks(ExpenseApproval),
        "mails": outcome.mails("expenses@example.org"),
        "decisions": Counter(decisions),
        "passed over": tasks.filter(message="timed out").count(),
        "payments": Transfer.objects.count(),
        "failed payments": tasks.filter(status="pay").exclude(traceback="").count(),
        "euros": {Expense.Outcome(ending).label: f"{total:.2f}" for ending, total in totals},
    }
