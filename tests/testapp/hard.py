"""Processes in which several things that wait come together: where something could be missed."""

from __future__ import annotations

import datetime
from typing import Any

from django.db import transaction

from automations import flow
from automations.flow import this
from tests.testapp.forms import ApprovalForm
from tests.testapp.language import DAY, HOUR, IssueListForm, Noting
from tests.testapp.models import IssueList, Webinar


class Invoice(Noting):
    """Waits for a payment unless it is cancelled; gives up after two weeks."""

    unique = ("number",)

    start = flow.Execute()
    paid = flow.ReceiveMessage("paid").SkipIf(this.is_cancelled).OnTimeout(14 * DAY, this.dun)
    book = flow.Execute(this.note)
    end = flow.End()
    dun = flow.Execute(this.note).Next(this.end)

    def is_cancelled(self, task: Any) -> bool:
        """Return whether the data says so."""
        return bool(self.data.get("cancelled"))

    def receive_remark(self, token: Any, data: Any) -> str:
        """Keep a remark."""
        self.data.setdefault("remarks", []).append(data)
        return "kept"


class Payer(Noting):
    """Pays an invoice when it is told to, and says so once."""

    start = flow.SendMessage(this.invoice, "paid", amount=42).AsSoonAs(this.is_told)
    end = flow.End()

    def invoice(self, task: Any) -> int:
        """Whom to pay."""
        return int(self.data["invoice"])

    def is_told(self, task: Any) -> bool:
        """Return whether the data says so."""
        return bool(self.data.get("told"))


class Patient(Noting):
    """Waits for its data, or for its object, to say that it may go on."""

    webinar = Webinar

    start = flow.Execute(this.note).AsSoonAs(this.may_go)
    end = flow.End()

    def may_go(self, task: Any) -> bool:
        """Return whether data or object say so."""
        title = self.webinar.title if self.webinar else ""  # type: ignore[attr-defined] # a field
        return bool(self.data.get("go")) or bool(title == "go")


class InTurn(Noting):
    """Asks whoever is next in turn, and reminds."""

    ask = flow.Form(ApprovalForm).User(this.next_in_turn).Remind(this.remind, every=HOUR)
    end = flow.End()

    def next_in_turn(self, task: Any) -> int:
        """Count how often somebody was looked for."""
        self.data["turns"] = self.data.get("turns", 0) + 1
        return int(self.data["person"])


class Looking(flow.Node):
    """A node of a project's own, which asks again and again."""

    def execute(self, context: Any) -> Any:
        """Look whether the data says that it is done."""
        from automations.outcomes import Complete, Postpone

        return Complete() if context.task.data.get("done") else Postpone()


class Watching(Noting):
    """Has a node of its own that asks again, and reminds while it does."""

    start = Looking().Remind(this.remind, every=datetime.timedelta(days=1))
    end = flow.End()


class TwoNames(Noting):
    """Waits for two messages whose names some databases cannot tell apart."""

    start = flow.Split().Next(this.small).Next(this.big)
    small = flow.ReceiveMessage("paid").Next(this.join)
    big = flow.ReceiveMessage("Paid").Next(this.join)
    join = flow.Join()
    end = flow.End()


class Sheet(Noting):
    """Makes an object by a form, and can be told of it."""

    issue_list = IssueList

    make = flow.ModelForm(IssueListForm, "issue_list").User(username="ada")
    wait = flow.ReceiveMessage("go")
    end = flow.End()

    def receive_saved(self, token: Any, data: Any) -> None:
        """Note that the object was saved."""
        self.data["saved"] = True


class Mistaken(Noting):
    """Keeps under a key what is of another model than the one that is bound there."""

    issue_list = Webinar

    make = flow.ModelForm(IssueListForm, "issue_list").User(username="ada")
    end = flow.End()


class Demand(Noting):
    """Reminds of a payment until it comes."""

    paid = flow.ReceiveMessage("paid").Remind(this.remind, every=DAY)
    end = flow.End()


class Inward(Noting):
    """Does something to its own run while it is in a step, by another handle on it."""

    start = flow.Execute(this.act)
    end = flow.ReceiveMessage("go")
    last = flow.End()

    def act(self, task: Any) -> None:
        """Do what the data says: save it, or send a message on commit."""
        other = Inward(automation_id=self.id)
        if self.data["how"] == "save":
            other.data["lost"] = True
            other.save()
        else:
            transaction.on_commit(lambda: other.send_message("remark"))
        self.data["kept"] = True

    def receive_remark(self, token: Any, data: Any) -> None:
        """Note a remark."""
        self.data["remark"] = True
