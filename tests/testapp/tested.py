"""Processes that note at which moments they do what: for the tests of tests."""

from __future__ import annotations

import datetime
from typing import Any

from automations import flow
from automations.flow import this
from tests.testapp.forms import ApprovalForm

HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)


class Timed(flow.Automation):
    """Notes the moment of everything that it does."""

    class Meta:
        abstract = True

    def note(self, task: Any) -> str:
        """Note that this was done now."""
        return self.noted(task.status)

    def noted(self, name: str) -> str:
        """Note that something called so was done now."""
        now = flow.now().isoformat()
        self.data.setdefault("noted", []).append([name, now])
        return now

    def remind(self, task: Any) -> None:
        """Note a reminder."""
        self.noted("reminder")


class Timers(Timed):
    """Three branches with timers, one condition that a time makes true."""

    start = flow.Split().Next(this.late).Next(this.early).Next(this.condition)
    late = flow.Execute(this.note).AfterWaitingFor(5 * DAY).Next(this.join)
    early = flow.Execute(this.note).AfterWaitingFor(HOUR).Next(this.join)
    condition = flow.Execute(this.note).AsSoonAs(this.is_evening)
    join = flow.Join()
    end = flow.End()

    def is_evening(self, task: Any) -> bool:
        """Whether it is eight o'clock on the second day, or later."""
        return flow.now() >= datetime.datetime(2026, 3, 3, 20, tzinfo=datetime.UTC)


class Limited(Timed):
    """Waits for what never comes, with a time limit beside it, and reminds."""

    start = flow.Execute(this.note).AsSoonAs(this.never).OnTimeout(50 * HOUR, this.late)
    end = flow.End()
    late = (
        flow.ReceiveMessage("never").Remind(this.remind, every=DAY).OnTimeout(60 * HOUR, this.over)
    )
    over = flow.Execute(this.note).Next(this.end)

    def never(self, task: Any) -> bool:
        """It never comes."""
        return False


class Hourly(Timed):
    """Comes back every hour, for ever."""

    start = flow.Execute(this.note)
    again = flow.Repeat().EveryHour()


class Endless(flow.Automation):
    """Never waits."""

    start = flow.Execute()
    again = flow.If(this.is_enough).Then(this.end).Else(this.start)
    end = flow.End()

    def is_enough(self, task: Any) -> bool:
        """It never is."""
        return False


class Charge(flow.Automation):
    """Fails while its data says so, after an hour."""

    start = flow.Execute()
    charge = flow.Execute(this.charge_card).AfterWaitingFor(HOUR)
    end = flow.End()

    def charge_card(self, task: Any) -> None:
        """Fail if there is no money."""
        if self.data.get("broke"):
            raise ZeroDivisionError("no money")


class Approved(Timed):
    """Asks a group; what it says decides."""

    start = flow.Execute(this.note)
    approve = flow.Form(ApprovalForm).Group(name="staff")
    decide = flow.If(this.was_approved).Then(this.pay).Else(this.refuse)
    pay = flow.ReceiveMessage("paid")
    end = flow.End()
    refuse = flow.Execute(this.fail_if_wanted).Next(this.end)

    def was_approved(self, task: Any) -> bool:
        """Ask what was entered."""
        return bool(self.data["approve"]["approved"])

    def fail_if_wanted(self, task: Any) -> None:
        """Fail if the reason says so."""
        if self.data["approve"]["reason"] == "fail":
            raise ZeroDivisionError("as wanted")
