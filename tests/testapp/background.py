"""Processes whose work is done outside of the step's transaction."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from datetime import timedelta
from typing import Any, ClassVar

from django.db import OperationalError, connection

from automations import flow
from automations.flow import this
from tests.testapp.language import Noting
from tests.testapp.models import Effect
from tests.testapp.proof_processes import PAUSE, Counted

MINUTE = timedelta(minutes=1)


class Export(Noting):
    """Exports in the background, as often in vain as its data says, and goes on."""

    work = flow.Execute(this.export, "csv").InBackground().Retry(attempts=3, delay=MINUTE)
    tell = flow.Execute(this.note)
    end = flow.End()

    def export(self, task: Any, kind: str) -> str:
        """Leave an effect, say how far it is, change the data, perhaps fail."""
        Effect.objects.create(run=self.id, node=task.idempotency_key, task=task.pk)
        task.heartbeat(0.5, "half of it")
        self.data["exported"] = kind
        self.data.pop("draft", None)
        if task.tries < self.data.get("fails", 0):
            raise ValueError("no disk")
        return kind


class Sidestep(Noting):
    """Work in the background that fails and leads elsewhere, or not."""

    work = flow.Execute(this.fail).InBackground().OnError(this.aside, on=KeyError)
    end = flow.End()
    aside = flow.Execute(this.note).Next(this.end)

    def fail(self, task: Any) -> None:
        """Fail as the data says."""
        Effect.objects.create(run=self.id, node="fail", task=task.pk)
        self.data["touched"] = True
        if self.data.get("transient"):
            raise OperationalError from InterruptedLink()
        if self.data.get("strange"):
            self.data["strange"] = object()
            return
        raise {"key": KeyError, "value": ValueError}[self.data["error"]]("no")


class InterruptedLink(Exception):
    """What a driver raises when it has lost the connection."""

    sqlstate = "08006"


class Awaited(Noting):
    """An async def, in the background or where it cannot be awaited."""

    check = flow.If(this.here).Then(this.wrong).Else(this.right)
    right = flow.Execute(this.fetch).InBackground().Next(this.end)
    wrong = flow.Execute(this.fetch)
    end = flow.End()

    def here(self, task: Any) -> bool:
        """Return whether to do it inside the transaction."""
        return bool(self.data.get("here"))

    async def fetch(self, task: Any) -> int:
        """Wait a little, and say so from where no database may be asked."""
        task.heartbeat(0.1, "fetching")
        await asyncio.sleep(0)
        return 7


class Beside(Noting):
    """A branch in the background, and one that goes on meanwhile; one Join."""

    start = flow.Split().Next(this.slow).Next(this.ask)
    slow = flow.Execute(this.crawl).InBackground().Next(this.join)
    ask = flow.ReceiveMessage("answer")
    react = flow.Execute(this.perhaps_fail).Next(this.join)
    join = flow.Join()
    end = flow.End()

    def crawl(self, task: Any) -> str:
        """Do it."""
        self.data["slow"] = True
        if self.data.get("stumbles"):
            raise ValueError("stumbled")
        return "done"

    def perhaps_fail(self, task: Any) -> None:
        """Fail if the answer says so."""
        self.data["reacted"] = True
        if self.data["ask"] == "fail":
            raise ValueError("no")


class Limited(Noting):
    """Background work that waits for a condition, and may take an hour; people are reminded."""

    work = (
        flow.Execute(this.note)
        .InBackground()
        .AsSoonAs(this.ready)
        .SkipAfter(60 * MINUTE)
        .Remind(this.remind, after=10 * MINUTE)
    )
    end = flow.End()

    def ready(self, task: Any) -> bool:
        """Return whether it may begin."""
        return bool(self.data.get("ready"))

    def remind(self, task: Any) -> None:
        """Leave an effect."""
        Effect.objects.create(run=self.id, node="reminded")


class Nowhere(flow.Node):
    """Says that there is work, and has none."""

    def execute(self, context: Any) -> Any:
        """Ask for work outside."""
        from automations.outcomes import Outside

        return Outside()


class Workless(flow.Automation):
    """Has a node of its own whose work nobody has written."""

    start = Nowhere()
    end = flow.End()


class InThread(Noting):
    """Work in a thread of the process that comes to it, and of another after it."""

    work = flow.Execute(this.look, threaded=True)
    again = flow.Execute(this.look).nice()
    end = flow.End()

    def look(self, task: Any) -> list[Any]:
        """Return which thread and connection do this."""
        return [threading.current_thread().name, connection.in_atomic_block]


class Gated(Noting):
    """Stays at work until it is let go."""

    inside = threading.Event()
    leave = threading.Event()

    work = flow.Execute(this.stay).InBackground()
    end = flow.End()

    def stay(self, task: Any) -> None:
        """Wait at the gate, and say so."""
        task.heartbeat(0.25, "at the gate")
        self.inside.set()
        self.leave.wait(30)
        task.heartbeat(0.75)


class Courier(Noting):
    """Fetches something in the background, and sends it on."""

    fetch = flow.Execute(this.note).InBackground()
    send = flow.SendMessage(this.receiver, "paid")
    end = flow.End()

    def receiver(self, task: Any) -> Any:
        """Whom to send to."""
        return self.data["to"]


class Leaving(Noting):
    """Work that raises what its data says, in a step or in the background, and its condition."""

    raised: ClassVar[dict[str, BaseException]] = {
        "exit": SystemExit(3),
        "cancelled": asyncio.CancelledError(),
        "interrupt": KeyboardInterrupt(),
        "generator": GeneratorExit(),
    }

    check = flow.If(this.here).Then(this.step).Else(this.background)
    step = flow.Execute(this.leave).AsSoonAs(this.asked).Next(this.end)
    background = flow.Execute(this.leave).InBackground().Retry(attempts=2, delay=0 * MINUTE)
    end = flow.End()

    def here(self, task: Any) -> bool:
        """Return whether to do it in the step's transaction."""
        return bool(self.data.get("here"))

    def asked(self, task: Any) -> bool:
        """Return that it may begin, or raise."""
        if self.data.get("asks"):
            raise self.raised[self.data["error"]]
        return True

    def leave(self, task: Any) -> None:
        """Leave an effect, then the thread."""
        self.note(task, "leave")
        self.data["left"] = True
        raise self.raised[self.data["error"]]


class Queueing(Counted):
    """Work in the background that waits at one gate, and notes in which order it is let in."""

    class Meta:
        abstract = True

    effects = 1
    gate = threading.Event()
    begun: ClassVar[list[str]] = []

    one = flow.Execute(this.enter).InBackground()
    end = flow.End()

    def enter(self, task: Any) -> None:
        """Note whose turn it is, stay at the gate, leave an effect."""
        self.begun.append(type(self).__name__)
        self.gate.wait(30)
        self.work(task)


class Crowd(Queueing):
    """There are many of these."""


class Loner(Queueing):
    """There is one of these."""


class Single(Queueing):
    """And one of these."""


class Twofold(Counted):
    """Counted work in the background, in two branches and after them."""

    effects = 3

    start = flow.Split().Next(this.left).Next(this.right)
    left = flow.Execute(this.outside).InBackground().Next(this.join)
    right = flow.Execute(this.outside).InBackground().Next(this.join)
    join = flow.Join()
    last = flow.Execute(this.work)
    end = flow.End()

    def outside(self, task: Any) -> str:
        """Leave an effect that says by which key it was done."""
        Effect.objects.create(
            run=self.id, node=task.idempotency_key, task=task.pk, process=os.getpid()
        )
        time.sleep(PAUSE)
        return task.idempotency_key
