"""Processes that a random world plays with: everything that waits, beside each other."""

from __future__ import annotations

import datetime
from typing import Any

from automations import flow
from automations.flow import this
from tests.testapp.forms import ApprovalForm
from tests.testapp.language import DAY, HOUR, Noting
from tests.testapp.models import Webinar


class Everything(Noting):
    """Waits in five branches at once, twice; each may go on for several reasons."""

    webinar = Webinar

    begin = flow.Execute(this.count)
    split = flow.Split().Next(this.paid).Next(this.timed).Next(this.asked).Next(this.ask)
    paid = (
        flow.ReceiveMessage("paid")
        .SkipIf(this.is_free)
        .OnTimeout(3 * DAY, this.late)
        .Remind(this.remind, after=DAY, every=DAY / 2, times=3)
        .Next(this.join)
    )
    late = flow.Execute(this.note).Next(this.join)
    timed = flow.Execute(this.fragile).AfterWaitingUntil(this.when)
    follow = flow.Execute(this.note).AfterWaitingUntil(this.webinar_begins).Next(this.join)
    asked = flow.Execute(this.note).AsSoonAs(this.may_go).Remind(this.remind, every=DAY, times=2)
    tell = flow.SendMessage(this.other, "paid", amount=1).Next(this.join)
    ask = (
        flow.Form(ApprovalForm)
        .User(username="ada")
        .Remind(this.remind, every=this.how_often)
        .SkipAfter(5 * DAY)
        .Next(this.join)
    )
    join = flow.Join()
    everyone = flow.SendMessage("tests.testapp.random_language.Everything", "catch")
    more = flow.If(this.is_first_pass).Then(this.begin)
    end = flow.End()

    def count(self, task: Any) -> None:
        """Count the passes."""
        self.data["passes"] = self.data.get("passes", 0) + 1
        self.note(task)

    def is_first_pass(self, task: Any) -> bool:
        """Return whether to come back once."""
        return bool(self.data["passes"] < 2)

    def is_free(self, task: Any) -> bool:
        """Return whether nothing is to be paid."""
        return bool(self.data.get("free"))

    def fragile(self, task: Any) -> None:
        """Leave an effect, then fail where the data says so."""
        self.note(task)
        if self.data.get("fails"):
            raise ValueError("broken")

    def when(self, task: Any) -> datetime.datetime:
        """Return the time that the data says."""
        return datetime.datetime.fromisoformat(self.data["when"])

    def webinar_begins(self, task: Any) -> datetime.datetime:
        """Return the time that the object says."""
        begins: datetime.datetime = self.webinar.begins  # type: ignore[attr-defined] # a field
        return begins

    def may_go(self, task: Any) -> bool:
        """Return whether the data or the object says so."""
        title: str = self.webinar.title  # type: ignore[attr-defined] # a field
        return bool(self.data.get("go")) or title == "go"

    def how_often(self, task: Any) -> datetime.timedelta:
        """Return how often to remind."""
        return float(self.data.get("often", 1)) * 12 * HOUR

    def other(self, task: Any) -> int:
        """Whom to tell: often oneself."""
        return int(self.data.get("other", self.id))

    def receive_catch(self, token: Any, data: Any) -> str | None:
        """Catch what is for everyone, now and then."""
        self.data["caught"] = self.data.get("caught", 0) + 1
        return "received" if self.data.get("catches") else None

    def receive_remark(self, token: Any, data: Any) -> None:
        """Count the remarks."""
        self.data["remarks"] = self.data.get("remarks", 0) + 1
