"""A process that waits as long as it is told to."""

from __future__ import annotations

import datetime
from typing import Any

from automations import flow
from automations.flow import this


class Soon(flow.Automation):
    """Works, waits for so many seconds, and works again."""

    start = flow.Execute(this.work)
    timer = flow.Execute(this.work).AfterWaitingFor(this.wait)
    end = flow.End()

    def wait(self, task: Any) -> datetime.timedelta:
        """Return how long to wait."""
        return datetime.timedelta(seconds=self.data["wait"])

    def work(self, task: Any) -> None:
        """Work."""
