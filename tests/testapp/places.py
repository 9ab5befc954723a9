"""Processes that say where they are worked on."""

from __future__ import annotations

import datetime
from typing import Any

from automations import flow
from automations.flow import this
from tests.testapp.language import Noting

POST = "tests.dispatch.test_places.Post"


class Elsewhere(Noting):
    """Is worked on elsewhere, but for one node."""

    class Meta:
        dispatcher = POST

    start = flow.Execute(this.note)
    here = flow.Execute(this.note).DispatchTo("inline")
    end = flow.End()


class Partly(Noting):
    """One node of it is done elsewhere, in the background."""

    here = flow.Execute(this.note)
    there = flow.Execute(this.note).InBackground().DispatchTo(POST)
    again = flow.Execute(this.note)
    end = flow.End()


class Both(Noting):
    """Waits elsewhere for a condition in one branch, and for half a minute in another."""

    class Meta:
        dispatcher = POST

    start = flow.Split().Next(this.condition).Next(this.timer)
    condition = flow.Execute(this.note).AsSoonAs(this.ready).Next(this.join)
    timer = (
        flow.Execute(this.be_ready).AfterWaitingFor(datetime.timedelta(seconds=30)).Next(this.join)
    )
    join = flow.Join()
    end = flow.End()

    def ready(self, task: Any) -> bool:
        """Return whether the timer has come, or the test lets it."""
        return bool(self.data.get("ready"))

    def be_ready(self, task: Any) -> None:
        """Make the condition true."""
        self.data["ready"] = True


class Near(Noting):
    """Waits as many seconds as its data says."""

    first = flow.Execute(this.note)
    wait = flow.Execute(this.note).AfterWaitingFor(this.delay)
    end = flow.End()

    def delay(self, task: Any) -> datetime.timedelta:
        """Return how long to wait."""
        return datetime.timedelta(seconds=self.data["seconds"])
