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


class Tally:
    """What is counted, one expense after the other."""

    def __init__(self) -> None:
        self.employees = Employees()
        self.tasks: Counter[str] = Counter()
        self.mails: Counter[str] = Counter()
        self.decisions: Counter[str] = Counter()
        self.euros: Counter[str] = Counter()

    def add(self, row: dict[str, str]) -> None:
        """Count one expense."""
        filed, amount = moment(row["filed"]), Decimal(row["amount"])
        employee = self.employees.rows[row["employee"]]
        decision = "approve" if row["receipt"] == "yes" else "reject"
        self.tasks.update(["size completed", "end completed"])
        if amount >= 1000:
            self.tasks.update(["both completed", "join completed", "join merged"])
            lead = [employee["superior"]]
            self.ask("approve_as_lead", lead, filed, decision, instead="step_in_for_lead")
            directors = self.employees.in_group("director")
            self.ask("approve_as_director", directors, filed, decision)
        elif amount >= 50:
            self.ask("approve", [employee["superior"]], filed, decision, instead="step_in")
        if amount >= 50:
            self.tasks["decision completed"] += 1
        if amount >= 50 and decision == "reject":
            self.tasks["refuse completed"] += 1
            ending = "Rejected"
        else:
            self.tasks.update(["billing_details completed", "pay completed", "paid completed"])
            ending = "Paid" if may_exist(employee["iban"]) else "Paid by hand"
        if ending == "Paid by hand":
            self.tasks["pay_by_hand completed"] += 1
        self.mails[ending] += 1
        self.euros[ending] += int(100 * amount)

    def ask(
        self, node: str, names: list[str], opened: Moment, decision: str, instead: str = ""
    ) -> None:
        """Count what comes of asking these; after four days their superior is asked ``instead``."""
        answered = self.employees.look(names, opened)
        timeout = opened + 4 * DAY if instead else FOREVER
        if min(answered, timeout) >= opened + 2 * DAY:
            self.mails["Please decide"] += 1
        if answered < timeout:
            self.tasks[f"{node} completed"] += 1
            self.decisions[decision] += 1
        else:
            self.tasks[f"{node} skipped"] += 1
            superior = self.employees.rows[names[0]]["superior"]
            self.ask(instead, [superior], timeout, decision)


def expected() -> dict[str, Any]:
    """Return what must come of the week."""
    tally = Tally()
    rows = files.rows("expenses.csv")
    for row in rows:
        tally.add(row)
    return {
        "runs": {"finished": len(rows)},
        "tasks": tally.tasks,
        "mails": tally.mails,
        "decisions": tally.decisions,
        "passed over": tally.tasks["approve skipped"] + tally.tasks["approve_as_lead skipped"],
        "payments": tally.mails["Paid"],
        "failed payments": tally.mails["Paid by hand"],
        "euros": {ending: f"{cents / 100:.2f}" for ending, cents in tally.euros.items()},
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
