"""Processes of several shapes whose every effect is written down, so that it can be counted."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import time
from datetime import timedelta
from typing import Any

from automations import flow
from automations.flow import this
from tests.testapp.forms import ApprovalForm
from tests.testapp.models import Effect

#: How long a task takes, so that a kill hits one at work.
PAUSE = float(os.environ.get("ATM_TEST_TASK_SECONDS", "0"))


class Counted(flow.Automation):
    """Brings the work that leaves an effect."""

    class Meta:
        abstract = True

    #: How many effects a whole run leaves.
    effects = 0

    def work(self, task: Any) -> None:
        """Leave one effect, and count in the data."""
        Effect.objects.create(run=self.id, node=task.status, task=task.pk, process=os.getpid())
        self.data["count"] = self.data.get("count", 0) + 1
        if PAUSE:
            time.sleep(PAUSE)


class Line(Counted):
    """Four steps in a row."""

    effects = 4

    one = flow.Execute(this.work)
    two = flow.Execute(this.work)
    three = flow.Execute(this.work)
    four = flow.Execute(this.work)
    end = flow.End()


class Branches(Counted):
    """Three branches, one of them with a Split inside."""

    effects = 6

    start = flow.Split().Next(this.a).Next(this.b).Next(this.c)
    a = flow.Execute(this.work)
    a2 = flow.Execute(this.work).Next(this.join)
    b = flow.Split().Next(this.b1).Next(this.b2)
    b1 = flow.Execute(this.work).Next(this.inner)
    b2 = flow.Execute(this.work)
    inner = flow.Join()
    b3 = flow.Execute().Next(this.join)
    c = flow.Execute(this.work)
    join = flow.Join()
    last = flow.Execute(this.work)
    end = flow.End()


class Rounds(Counted):
    """Goes round four times."""

    effects = 4

    pass_ = flow.Execute(this.work)
    again = flow.If(this.enough).Then(this.end).Else(this.pass_)
    end = flow.End()

    def enough(self, task: Any) -> bool:
        """Stop after four passes."""
        return bool(self.data["count"] >= 4)


class Saved(Counted):
    """Fails in the middle, and is saved."""

    effects = 2

    start = flow.Execute(this.work)
    risky = flow.Execute(this.fail).OnError(this.saved)
    never = flow.Execute(this.work)
    saved = flow.Execute(this.work)
    end = flow.End()

    def fail(self, task: Any) -> None:
        """Leave an effect that is undone."""
        self.work(task)
        raise ValueError("undone")


class Patient(Counted):
    """Waits for a moment in one branch, and for the other branch in the other."""

    effects = 3

    start = flow.Split().Next(this.timer).Next(this.condition)
    timer = flow.Execute(this.work).AfterWaitingFor(timedelta(milliseconds=300)).Next(this.join)
    condition = flow.Execute(this.work).AsSoonAs(this.timer_is_done)
    join = flow.Join()
    last = flow.Execute(this.work)
    end = flow.End()

    def timer_is_done(self, task: Any) -> bool:
        """Return whether the other branch has worked."""
        return "count" in self.data


SHAPES: list[type[Counted]] = [Line, Branches, Rounds, Saved, Patient]


def die() -> None:
    """End this process as ``ATM_TEST_DEADLY`` says: nothing is closed, undone or said."""
    how = os.environ["ATM_TEST_DEADLY"]
    if how == "exit":
        os._exit(9)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # nobody wants to read what it leaves
    ctypes.string_at(0)  # a segmentation fault


class Deadly(Counted):
    """Takes its worker down with it."""

    start = flow.Execute(this.die)
    end = flow.End()

    def die(self, task: Any) -> None:
        """End the process that does this work, and leave a trace that is undone."""
        Effect.objects.create(run=self.id, node="died")
        if "ATM_TEST_DEADLY" in os.environ:
            die()


class DeadlyOutside(Counted):
    """Takes its worker down with it in the background, and leaves a trace that stays."""

    start = flow.Execute(this.die).InBackground()
    end = flow.End()

    def die(self, task: Any) -> None:
        """End the process that does this work, after others have begun with theirs."""
        Effect.objects.create(run=self.id, node="died", task=task.pk, process=os.getpid())
        time.sleep(PAUSE / 2)
        if "ATM_TEST_DEADLY" in os.environ:
            die()


class Failing(Counted):
    """
    Fails as its data says: in an ordinary way, or because it calls itself without end.

    Also with a question to the database each time, in its work or in its condition.
    """

    start = flow.Execute(this.fail).AsSoonAs(this.is_time)
    end = flow.End()

    def is_time(self, task: Any) -> bool:
        """Return True, if it ever returns."""
        return self.data["how"] != "condition that asks" or self.asking_deeper()

    def fail(self, task: Any) -> None:
        """Leave an effect that is undone, and fail."""
        self.work(task)
        if self.data["how"] == "recursion":
            self.deeper()
        if self.data["how"] == "recursion that asks":
            self.asking_deeper()
        raise ValueError("no")

    def deeper(self) -> None:
        """Go on without end."""
        self.deeper()

    def asking_deeper(self, level: int = 0) -> bool:
        """Go on without end, and ask the database when it is near."""
        if level > 700:
            Effect.objects.filter(run=0).exists()
        return self.asking_deeper(level + 1)


class Individual(Counted):
    """Its way is what its own data says, in every respect."""

    start = flow.Execute(this.begin)
    choose = flow.If(this.left).Then(this.go_left).Else(this.go_right)
    go_left = flow.Execute(this.work).SkipIf(this.lazy).Next(this.risky)
    go_right = flow.Execute(this.work)
    risky = flow.Execute(this.fail).OnError(this.rescue)
    after = flow.Execute(this.work).Next(this.split)
    rescue = flow.Execute(this.work)
    split = flow.Split().Next(this.one).Next(this.two)
    one = flow.Execute(this.work).AfterWaitingFor(this.delay).Next(this.join)
    two = flow.Execute(this.work)
    join = flow.Join()
    end = flow.End()

    def begin(self, task: Any) -> None:
        """Keep what belongs to this run alone."""
        self.data["mine"] = self.data["number"] * 7

    def left(self, task: Any) -> bool:
        """Odd numbers go left."""
        return bool(self.data["number"] % 2)

    def lazy(self, task: Any) -> bool:
        """Every third number skips."""
        return self.data["number"] % 3 == 0

    def fail(self, task: Any) -> None:
        """Every fifth number fails."""
        if self.data["number"] % 5 == 0:
            raise ValueError(self.data["number"])

    def delay(self, task: Any) -> timedelta:
        """Wait as many minutes as the number says."""
        return timedelta(minutes=self.data["number"] % 4)


class Timed(Counted):
    """Does its work when its time has come."""

    effects = 1

    ring = flow.Execute(this.work).AfterWaitingFor(this.delay)
    end = flow.End()

    def delay(self, task: Any) -> timedelta:
        """Wait as many milliseconds as the data says."""
        return timedelta(milliseconds=self.data["after"])


class Endless(Counted):
    """Asks, and then goes round without end, a hundredth of a second each time."""

    ask = flow.Form(ApprovalForm).Permission("testapp.view_effect")
    pass_ = flow.Execute(this.linger)
    again = flow.If(this.enough).Then(this.end).Else(this.pass_)
    end = flow.End()

    def linger(self, task: Any) -> None:
        """Take its time, and leave an effect."""
        self.work(task)
        time.sleep(0.01)

    def enough(self, task: Any) -> bool:
        """Go on until somebody says that it is enough."""
        return bool(self.data.get("enough"))
