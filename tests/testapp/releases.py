"""Processes that change with the release: a class and a node come, others go."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from automations import flow
from automations.flow import this
from tests.testapp.proof_processes import Counted

#: Which release a process runs: the earlier, the next, or one that knows what both know.
RELEASE = os.environ.get("ATM_TEST_RELEASE", "both")
#: So long a run stands at the step that is called differently.
MOMENT = timedelta(milliseconds=300)


class Changing(Counted):
    """Has a step in the middle that the next release calls by another name."""

    effects = 3

    start = flow.Execute(this.work)
    if RELEASE == "both":
        choice = flow.If(this.is_even).Then(this.former).Else(this.newer)
    if RELEASE != "next":
        former = flow.Execute(this.work).AfterWaitingFor(MOMENT).Next(this.last)
    if RELEASE != "earlier":
        newer = flow.Execute(this.work).AfterWaitingFor(MOMENT).Next(this.last)
    last = flow.Execute(this.work)
    end = flow.End()

    def is_even(self, task: Any) -> bool:
        """Let half of the runs take each way."""
        return self.id % 2 == 0


if RELEASE != "next":

    class Former(Counted):
        """Is not there any more in the next release."""

        effects = 2

        start = flow.Execute(this.work)
        last = flow.Execute(this.work)
        end = flow.End()


if RELEASE != "earlier":

    class Newer(Counted):
        """Is not there yet in the earlier release."""

        effects = 2

        start = flow.Execute(this.work)
        last = flow.Execute(this.work)
        end = flow.End()
