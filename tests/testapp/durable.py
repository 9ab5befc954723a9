"""Processes whose work fails, now and then or always."""

from __future__ import annotations

import datetime
from typing import Any

from automations import flow
from automations.flow import this
from tests.testapp.language import Noting
from tests.testapp.models import Effect

MINUTE = datetime.timedelta(minutes=1)

ERRORS: dict[str, type[Exception]] = {
    "value": ValueError,
    "key": KeyError,
    "connection": ConnectionResetError,
    "runtime": RuntimeError,
}


class Tried(Noting):
    """Fails as often as its data says, and is tried again."""

    charge = (
        flow.Execute(this.charge_card)
        .Retry(attempts=4, delay=MINUTE, factor=2, jitter=False, unless=(KeyError,))
        .OnError(this.call, on=(ValueError, LookupError))
        .OnError(this.wait, on=ConnectionError)
    )
    ship = flow.Execute(this.note).Next(this.end)
    call = flow.Execute(this.note).Next(this.end)
    wait = flow.Execute(this.note)
    end = flow.End()

    def charge_card(self, task: Any) -> str:
        """Leave an effect, change the data, and fail."""
        self.note(task)
        self.data["charged"] = True
        if task.tries < self.data.get("fails", 0):
            raise ERRORS[self.data.get("error", "value")]("no money")
        return "paid"


class Patient(Noting):
    """Tries again, but not longer than an hour."""

    work = (
        flow.Execute(this.fail)
        .Retry(attempts=100, delay=10 * MINUTE, factor=1, jitter=False)
        .SkipAfter(60 * MINUTE)
    )
    end = flow.End()

    def fail(self, task: Any) -> None:
        """Fail."""
        raise ValueError("never")


class Halting(Noting):
    """Two branches that wait, for a message and for a time; then something is needed."""

    start = flow.Split().Next(this.ask).Next(this.pause)
    ask = flow.ReceiveMessage("answer").Next(this.join)
    pause = flow.Execute(this.note).AfterWaitingFor(60 * MINUTE).Next(this.join)
    join = flow.Join()
    work = flow.Execute(this.need)
    end = flow.End()

    def need(self, task: Any) -> str:
        """Need something that is in the data."""
        Effect.objects.create(run=self.id, node="need", task=task.pk)
        return str(self.data["iban"])
