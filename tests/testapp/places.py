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


class Near(Noting):
    """Waits as many seconds as its data says."""

    first = flow.Execute(this.note)
    wait = flow.Execute(this.note).AfterWaitingFor(this.delay)
    end = flow.End()

    def delay(self, task: Any) -> datetime.timedelta:
        """Return how long to wait."""
        return datetime.timedelta(seconds=self.data["seconds"])
