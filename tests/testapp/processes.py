"""Small processes that the tests of the engine run."""

from __future__ import annotations

import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import InterfaceError, connection, transaction

from automations import flow
from automations.flow import this
from automations.outcomes import Complete, Skip
from tests.testapp.forms import ApprovalForm
from tests.testapp.models import Effect, IssueList, Ticket
from tests.testapp.story import tell

HOUR = datetime.timedelta(hours=1)


class Straight(flow.Automation):
    """Three steps in a row."""

    class Meta:
        verbose_name = "Straight on"
        verbose_name_plural = "Straights on"

    first = flow.Execute(this.note)
    second = flow.Execute(this.note)
    third = flow.Execute(this.note)
    end = flow.End()

    def note(self, task: Any) -> int:
        """Leave an effect, and count in the data."""
        Effect.objects.create(run=self.id, node=task.status, task=task.pk)
        self.data["count"] = self.data.get("count", 0) + 1
        return int(self.data["count"])


class Named(Straight):
    """Inherits the options of its parent's Meta one by one."""

    class Meta:
        verbose_name = "Named"


class Rescued(flow.Automation):
    """A payment that may fail, and somebody who calls the customer."""

    charge = flow.Execute(this.charge_card).OnError(this.call)
    ship = flow.Execute().Next(this.end)
    call = flow.Execute()
    end = flow.End()

    def charge_card(self, task: Any) -> None:
        """Fail if that is wanted, after leaving traces."""
        Effect.objects.create(run=self.id, node="charge")
        self.data["trace"] = "left"
        if self.data["broke"]:
            raise ValueError("no money")


class Fragile(flow.Automation):
    """Two branches, one of which fails until it is told not to."""

    start = flow.Split().Next(this.risky).Next(this.patient).Next(this.ask)
    risky = flow.Execute(this.risk).Next(this.join)
    patient = flow.Execute(this.tell_it).AfterWaitingFor(HOUR).Next(this.join)
    ask = flow.Form(ApprovalForm).Permission("testapp.view_effect")
    join = flow.Join()
    end = flow.End()

    def risk(self, task: Any) -> str:
        """Fail while the data says so, with a secret in a local variable."""
        password = "swordfish"  # noqa: F841, S105
        Effect.objects.create(run=self.id, node="risky")
        if self.data.get("fail"):
            raise RuntimeError("the wire is cut")
        return "fine"

    def tell_it(self, task: Any) -> None:
        """Tell that the wait is over."""
        tell("patient", self.id)


class Loop(flow.Automation):
    """Goes round without end."""

    start = flow.Execute(this.count)
    again = flow.If(this.enough).Then(this.end).Else(this.start)
    end = flow.End()

    def count(self, task: Any) -> None:
        """Count the passes."""
        self.data["passes"] = self.data.get("passes", 0) + 1

    def enough(self, task: Any) -> bool:
        """End when the limit is reached, if there is one."""
        limit = self.data.get("limit")
        return limit is not None and self.data["passes"] >= limit


class Waiting(flow.Automation):
    """Waits for a condition in one branch and for the time in another."""

    start = flow.Split().Next(this.condition).Next(this.timer)
    condition = flow.Execute(this.met).AsSoonAs(this.ready).Next(this.join)
    timer = flow.Execute(this.ring).AfterWaitingFor(HOUR)
    join = flow.Join()
    end = flow.End()

    def ready(self, task: Any) -> bool:
        """Tell each time that the question is asked."""
        tell("asked", self.id)
        return bool(self.data.get("ready"))

    def met(self, task: Any) -> None:
        """Tell that the condition was met."""
        tell("met", self.id)

    def ring(self, task: Any) -> None:
        """Make the condition true."""
        self.data["ready"] = True


class Offer(flow.Automation):
    """A form with a deadline, that is not needed if somebody says so."""

    default_template_name = "automations/form_view.html"

    ask = (
        flow.Form(ApprovalForm, description="Say yes or no.")
        .User(this.asked)
        .SkipIf(this.unneeded)
        .SkipAfter(24 * HOUR)
    )
    done = flow.Execute(this.note)
    end = flow.End()

    def asked(self, task: Any) -> Any:
        """Ask the user of that name."""
        return get_user_model().objects.get(username=self.data["asked"])

    def unneeded(self, task: Any) -> bool:
        """Skip when the data says so."""
        return bool(self.data.get("unneeded"))

    def note(self, task: Any) -> None:
        """Leave an effect."""
        Effect.objects.create(run=self.id, node="done")


class ForGroup(flow.Automation):
    """A form for a group that may not be there."""

    ask = flow.Form(ApprovalForm).Group(name="Moderators")
    end = flow.End()


class Nested(flow.Automation):
    """A Split inside a branch of a Split."""

    outer = flow.Split().Next(this.inner).Next(this.alone)
    inner = flow.Split().Next(this.left).Next(this.right)
    left = flow.Execute().Next(this.inner_join)
    right = flow.Execute()
    inner_join = flow.Join()
    after_inner = flow.Execute().Next(this.outer_join)
    alone = flow.Execute()
    outer_join = flow.Join()
    end = flow.End()


class Terminated(flow.Automation):
    """One branch ends the run while the other waits for a person."""

    start = flow.Split().Next(this.ask).Next(this.stop)
    ask = flow.Form(ApprovalForm).Permission("testapp.view_effect")
    stop = flow.End(terminate=True)


class Together(flow.Automation):
    """One branch waits for a person, and both come to the end together."""

    start = flow.Split().Next(this.ask).Next(this.stop)
    ask = flow.Form(ApprovalForm).Permission("testapp.view_effect").Next(this.join)
    stop = flow.Execute()
    join = flow.Join()
    end = flow.End()


class Bound(flow.Automation):
    """Bound to a list of issues and to a ticket whose key is no number."""

    issue_list = IssueList
    ticket = Ticket

    start = flow.Execute(this.read)
    end = flow.End()

    def read(self, task: Any) -> list[str]:
        """Return what it is bound to."""
        return [self.issue_list.title, str(self.ticket.pk)]


class Single(flow.Automation):
    """Only one at a time."""

    unique = True

    start = flow.Execute().AsSoonAs(this.free)
    end = flow.End()

    def free(self, task: Any) -> bool:
        """Go on when told to."""
        return bool(self.data.get("free"))


class OnePerAddress(Single):
    """Only one at a time for each address."""

    unique = ("email",)


class Odd(flow.Automation):
    """Does what tasks should not do; ``what`` says which."""

    start = flow.Execute(this.act)
    end = flow.End()

    def act(self, task: Any) -> Any:
        """Act oddly."""
        return getattr(self, self.data["what"])(task)

    def runs_itself(self, task: Any) -> None:
        """Run the run that this task belongs to."""
        self.run()

    def kills_itself(self, task: Any) -> None:
        """Delete the run that this task belongs to."""
        self.kill()

    def saves(self, task: Any) -> None:
        """Save the data in the middle of the work, and change it afterwards."""
        self.data["before"] = 1
        self.save()
        self.data["after"] = 2

    def returns_object(self, task: Any) -> object:
        """Return what cannot be written as JSON."""
        return object()

    def returns_list(self, task: Any) -> list[int]:
        """Return a list of numbers."""
        return [1, 2]

    def keeps_object(self, task: Any) -> None:
        """Put into the data what cannot be written as JSON."""
        Effect.objects.create(run=self.id, node="undone")
        self.data["thing"] = object()

    def rolls_back(self, task: Any) -> None:
        """Ask for the transaction to be rolled back."""
        transaction.set_rollback(True)

    def breaks_sql(self, task: Any) -> None:
        """Break the transaction, and swallow the error."""
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT broken FROM nowhere")
        except Exception:  # noqa: BLE001, S110 - that is the point
            pass

    def starts_another(self, task: Any) -> int:
        """Start another run inside this task, and fail if that is wanted."""
        other = Straight()
        if self.data.get("fail"):
            raise ValueError("after starting another")
        return other.id

    def speaks(self, task: Any) -> str:
        """Return a word in the language of the step."""
        from django.utils.translation import gettext

        return gettext("Yes")

    def nasty_error(self, task: Any) -> None:
        """Raise an error whose message no database can keep."""
        raise ValueError("nul \0 and surrogate \ud800 " + "x" * 40_000)

    def unprintable_error(self, task: Any) -> None:
        """Raise an error that has no message."""

        class Unprintable(Exception):
            def __str__(self) -> str:
                raise RuntimeError("not even this")

        raise Unprintable

    def recurses(self, task: Any) -> None:
        """Call itself without end."""
        self.recurses(task)


class Lost(flow.Automation):
    """A node that leads elsewhere than its class says, or answers nonsense."""

    class Wrong(flow.Node):
        """Answers what ``data`` says."""

        def execute(self, context: Any) -> Any:
            """Answer oddly."""
            if context.task.data["answer"] == "skip":
                return Skip()
            if context.task.data["answer"] == "trouble":
                raise ValueError("first")
            if context.task.data["answer"] == "nowhere":
                return Complete(to="nowhere")
            if context.task.data["answer"] == "raise":
                raise ValueError("first")
            return "nonsense"

        def recover(self, context: Any, error: Exception) -> Any:
            """Fail while failing, if that is wanted."""
            if context.task.data["answer"] == "raise":
                raise KeyError("second")
            if context.task.data["answer"] == "trouble":
                raise InterfaceError("connection already closed")
            return super().recover(context, error)

    class Dead(flow.Node):
        """Says that the run ends here, and does not end it."""

        ends = True

    start = Wrong()
    way = flow.If(False).Then(this.last).Next(this.end)
    end = flow.End()
    last = Dead()


class Brings:
    """A plain class that brings a method."""

    def evaluate(self, task: Any) -> str:
        """Say that the method was called."""
        return "called"


class Mixed(Brings, flow.Automation):
    """A node that has the name of a method of a plain class."""

    evaluate = flow.Execute(this.evaluate)  # type: ignore[assignment]
    end = flow.End()


class Kinds(flow.Automation):
    """Two ways through, by an If with work and an error."""

    check = flow.If(this.broken).Then(this.end).OnError(this.rescue)
    rescue = flow.If(True).Then(this.note, 1, flag=2).Next(this.end)
    end = flow.End()

    def broken(self, task: Any) -> bool:
        """Fail while deciding."""
        raise ZeroDivisionError

    def note(self, task: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """Return the arguments."""
        return [list(args), kwargs]


class Tampered(flow.Automation):
    """A task that ends its own run behind the engine's back."""

    start = flow.Execute(this.tamper)
    end = flow.End()

    def tamper(self, task: Any) -> None:
        """Write where only the engine may."""
        from django.utils.timezone import now

        type(task.automation).objects.filter(pk=self.id).update(
            state="cancelled", finished=True, ended=now(), due=None
        )


class TwoForms(flow.Automation):
    """Two people answer in two branches."""

    start = flow.Split().Next(this.left).Next(this.right)
    left = flow.Form(ApprovalForm).Permission("testapp.view_effect").Next(this.join)
    right = flow.Form(ApprovalForm).Permission("testapp.view_effect")
    join = flow.Join()
    both = flow.Execute(this.note)
    end = flow.End()

    def note(self, task: Any) -> None:
        """Leave an effect."""
        Effect.objects.create(run=self.id, node="both")
