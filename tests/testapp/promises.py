"""Processes each of which shows one line of what is promised."""

from __future__ import annotations

import datetime
from typing import Any

from django.core.mail import send_mail
from django.db.models.signals import post_save

from automations import flow
from automations.flow import this
from tests.testapp.forms import ApprovalForm
from tests.testapp.language import Noting
from tests.testapp.models import IssueList, SignUp, Webinar

HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)


class Proposed(flow.Form):
    """A form that shows what was entered before."""

    def get_form_kwargs(self, context: Any) -> dict[str, Any]:
        return {"initial": context.task.data["write"]}


class Relay(flow.Automation):
    """One group writes, another one checks what the first has written."""

    write = flow.Form(ApprovalForm).Group(name="authors")
    check = Proposed(ApprovalForm).Group(name="editors")
    end = flow.End()


class Delivery(flow.Automation):
    """Waits for a word from outside, which may send it another way."""

    wait = flow.Execute().AsSoonAs(this.is_told)
    which = flow.If(this.is_cancelled).Then(this.undo)
    deliver = flow.Execute().Next(this.end)
    undo = flow.Execute()
    end = flow.End()

    def is_told(self, task: Any) -> bool:
        """Wait for the word."""
        return "word" in self.data

    def is_cancelled(self, task: Any) -> bool:
        """Return whether the word was no."""
        return bool(self.data["word"] == "no")

    def receive_word(self, token: Any, data: Any) -> None:
        """Keep the word."""
        self.data["word"] = token


@flow.on_signal(post_save, sender=SignUp)
class Joined(flow.Automation):
    """Started whenever somebody signs up; its first node knows who."""

    start = flow.Execute(this.greet)
    end = flow.End()

    def started_by_signal(self, sender: Any, data: Any) -> None:
        """Keep who it was."""
        self.data["email"] = data["instance"].email

    def greet(self, task: Any) -> str:
        """Return whom to greet."""
        return str(self.data["email"])


class WebinarMails(flow.Automation):
    """Writes to all who have signed up: at once, a day before, and when the recording is there."""

    webinar = Webinar

    welcome = flow.Execute(this.write, "Welcome")
    reminder = flow.Execute(this.write, "Tomorrow").AfterWaitingUntil(this.reminder_time)
    recording = flow.Execute(this.write, "Recording").AfterWaitingUntil(this.recording_time)
    end = flow.End()

    def reminder_time(self, task: Any) -> datetime.datetime:
        """A day before it begins."""
        return self.webinar.begins - DAY  # type: ignore[no-any-return, attr-defined] # a field

    def recording_time(self, task: Any) -> datetime.datetime:
        """Two and a half hours after it began."""
        return self.webinar.begins + 2.5 * HOUR  # type: ignore[no-any-return, attr-defined]

    def write(self, task: Any, subject: str) -> None:
        """Write to everybody."""
        for somebody in SignUp.objects.filter(webinar=self.webinar).order_by("pk"):
            send_mail(subject, "", None, [somebody.email])


class Recalls(flow.Automation):
    """Reads its object now, and again an hour later."""

    issue_list = IssueList

    now = flow.Execute(this.read)
    later = flow.Execute(this.read).AfterWaitingFor(HOUR)
    end = flow.End()

    def read(self, task: Any) -> str:
        """Return the title."""
        return self.issue_list.title  # type: ignore[no-any-return, attr-defined] # a field


class ByNext(Noting):
    """An If with work and a Next, past the next attribute."""

    start = flow.If(False).Then(this.near)
    check = flow.If(this.is_wanted).Then(this.note).Next(this.far)
    near = flow.Execute().Next(this.end)
    far = flow.Execute()
    end = flow.End()

    def is_wanted(self, task: Any) -> bool:
        """Do what the data says."""
        return bool(self.data["wanted"])


class ByOrder(ByNext):
    """The same without a Next."""

    check = flow.If(this.is_wanted).Then(this.note)
    far = None  # type: ignore[assignment] # removes the inherited node


class Ringing(flow.Execute):
    """A node that could be called itself."""

    def __call__(self, task: Any) -> None:
        """Fail: a node is a place to go."""
        raise AssertionError


class Rung(flow.Automation):
    """Leads to a node that could be called."""

    start = flow.If(False).Then(this.near)
    check = flow.If(True).Then(this.ring)
    near = flow.Execute()
    ring = Ringing().Next(this.end)
    end = flow.End()


class Trio(Noting):
    """Three branches: one at once, one skipped, one late."""

    start = flow.Split().Next(this.quick).Next(this.lazy).Next(this.late)
    quick = flow.Execute().Next(this.join)
    lazy = flow.Execute(this.note).SkipIf(True).Next(this.join)
    late = flow.Execute().AfterWaitingFor(HOUR).Next(this.join)
    join = flow.Join()
    after = flow.Execute(this.note)
    end = flow.End()


class Rounds(flow.Automation):
    """Goes round in a branch, once more."""

    start = flow.Split().Next(this.work).Next(this.other)
    work = flow.Execute()
    again = flow.If(True).Then(this.join).Else(this.work)
    other = flow.Execute().Next(this.join)
    join = flow.Join()
    end = flow.End()


class Shifts(flow.Automation):
    """Goes round by the hour, each time in two branches, in a branch of a branch."""

    class Meta:
        keep_history = 5

    start = flow.Split().Next(this.inner).Next(this.first)
    inner = flow.Split().Next(this.work).Next(this.second)
    work = flow.Split().Next(this.one).Next(this.other)
    one = flow.Execute().Next(this.both)
    other = flow.Execute().Next(this.both)
    both = flow.Join()
    again = flow.If(this.is_stopped).Then(this.inner_join)
    back = flow.Repeat(this.work).EveryHour()
    second = flow.ReceiveMessage("stop").Next(this.inner_join)
    inner_join = flow.Join().Next(this.outer_join)
    first = flow.ReceiveMessage("stop").Next(this.outer_join)
    outer_join = flow.Join()
    end = flow.End()

    def is_stopped(self, task: Any) -> bool:
        """Return whether the message has come."""
        return "second" in self.data


class Uneven(flow.Automation):
    """One of its branches is a Split itself, which waits when the other arrives."""

    start = flow.Split().Next(this.inner).Next(this.quick)
    inner = flow.Split().Next(this.one).Next(this.other)
    one = flow.ReceiveMessage("one").Next(this.both)
    other = flow.ReceiveMessage("other").Next(this.both)
    both = flow.Join().Next(this.join)
    quick = flow.Execute().Next(this.join)
    join = flow.Join()
    end = flow.End()


class Watched(flow.Automation):
    """Waits for what a form says."""

    start = flow.Split().Next(this.ask).Next(this.wait)
    ask = flow.Form(ApprovalForm).User(username="ada").Next(this.join)
    wait = flow.Execute().AsSoonAs(this.is_said).Next(this.join)
    join = flow.Join()
    end = flow.End()

    def is_said(self, task: Any) -> bool:
        """Return whether the form has said so."""
        return bool(self.data.get("ask"))


class Assigned(flow.Automation):
    """Asks whom a task before it has chosen."""

    choose = flow.Execute(this.choose_somebody)
    ask = (
        flow.Form(ApprovalForm)
        .User(username=this.who)
        .Group(name=lambda task: task.data["team"])
        .Permission("self.right")
    )
    end = flow.End()

    def choose_somebody(self, task: Any) -> None:
        """Choose."""
        self.data.update(who="ada", team="staff")

    def who(self, task: Any) -> str:
        """Return the name of whom to ask."""
        return str(self.data["who"])

    def right(self, task: Any) -> str:
        """Return what one must be allowed to."""
        return "testapp.view_effect"


class Held(flow.Automation):
    """A form that is asked for only once a condition holds."""

    ask = flow.Form(ApprovalForm).User(username="asked").AsSoonAs(this.is_ready)
    end = flow.End()

    def is_ready(self, task: Any) -> bool:
        """Do what the data says."""
        return bool(self.data.get("ready"))


class Shown(flow.Automation):
    """Names templates for its status."""

    class Meta:
        status_template = "shop/status.html", "Current status"

    end = flow.End()


class Before(flow.Automation):
    """A process as it was when its runs began: four tasks wait, each in its way."""

    start = flow.Split().Next(this.timer).Next(this.condition).Next(this.form).Next(this.message)
    timer = flow.Execute().AfterWaitingFor(DAY).Next(this.join)
    condition = flow.Execute().AsSoonAs(False).Next(this.join)
    form = flow.Form(ApprovalForm).Group(name="members").Next(this.join)
    message = flow.ReceiveMessage("come")
    join = flow.Join()
    end = flow.End()


class After(Before):
    """The same process: its nodes are to go, and a new one has come."""

    timer = flow.Execute().Next(this.join)
    condition = flow.Execute().Next(this.join)
    form = flow.Execute().Next(this.join)
    message = flow.Execute()
    join = flow.Join().Next(this.added)
    added = flow.Execute().Next(this.end)
