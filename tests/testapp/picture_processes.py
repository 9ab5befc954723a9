"""A process of which pictures are painted: branches, a loop, forms, errors and skips."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from automations import flow
from automations.flow import this
from tests.testapp.forms import ApprovalForm


class Pictured(flow.Automation):
    """Has something of everything that a run can be like."""

    class Meta:
        verbose_name = "Pictured"

    start = flow.Execute(this.work)
    split = flow.Split().Next(this.ask).Next(this.risky).Next(this.pause).Next(this.quick)
    ask = flow.Form(ApprovalForm).Group(name="reviewers").DueIn(timedelta(days=2)).Next(this.join)
    risky = flow.Execute(this.fail).AfterWaitingFor(timedelta(hours=1)).Next(this.join)
    pause = flow.Execute(this.work).AfterWaitingFor(timedelta(days=3)).Next(this.join)
    quick = flow.Execute(this.work).SkipIf(this.yes)
    round = flow.If(this.again).Then(this.quick).Else(this.join)
    join = flow.Join()
    end = flow.End()

    def work(self, task: Any) -> None:
        """Do nothing."""

    def fail(self, task: Any) -> None:
        """Raise, if the data says so."""
        if self.data.get("fails"):
            raise ConnectionError("away")

    def yes(self, task: Any) -> bool:
        """Return whether to skip."""
        return bool(self.data.get("skips"))

    def again(self, task: Any) -> bool:
        """Come back twice."""
        self.data["rounds"] = self.data.get("rounds", 0) + 1
        return bool(self.data["rounds"] < 3)
