"""Processes that use the whole language: messages, repetition, reminders, objects."""

from __future__ import annotations

import datetime
from typing import Any

import django.dispatch
from django import forms

from automations import flow
from automations.flow import this
from tests.testapp.forms import ApprovalForm
from tests.testapp.models import Effect, IssueList, Ticket, Webinar

HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)

opened = django.dispatch.Signal()


class Noting(flow.Automation):
    """Leaves an effect for what it does."""

    class Meta:
        abstract = True

    def note(self, task: Any, name: str = "") -> None:
        """Leave an effect."""
        key = task.pk if task else None
        Effect.objects.create(run=self.id, node=name or task.status, task=key)

    def remind(self, task: Any) -> None:
        """Leave the effect of a reminder."""
        self.note(task, "reminder")


class Newsletter(Noting):
    """Receives messages by methods, while it waits for a day."""

    unique = ("email",)

    start = flow.Execute(this.begin)
    wait = flow.Execute(this.note).AsSoonAs(this.is_confirmed)
    end = flow.End()

    def begin(self, task: Any) -> None:
        """Note what was there before the first node."""
        self.data["before"] = self.data.get("seats", 0)

    def is_confirmed(self, task: Any) -> bool:
        """Wait for the confirmation."""
        return bool(self.data.get("confirmed"))

    def receive_confirm(self, token: Any, data: Any) -> str:
        """Take in the confirmation; it wakes the condition."""
        self.data["confirmed"] = True
        self.data["token"] = token
        return "thanks"

    @flow.require_data_parameters(email=str, seats=int)
    def receive_book(self, token: Any, data: Any) -> int:
        """Take in a number of seats."""
        self.data["seats"] = self.data.get("seats", 0) + data["seats"]
        return int(self.data["seats"])

    @flow.require_data_parameters(yes=bool)
    def receive_choose(self, token: Any, data: Any) -> bool:
        """Take in a yes or no."""
        self.data["yes"] = data["yes"]
        return bool(data["yes"])

    def receive_page(self, token: Any, data: Any) -> Any:
        """Take in a request."""
        self.data["user"] = data.user.username
        self.data["parameter"] = data["parameter"]
        return data.GET["parameter"]

    def receive_catch(self, token: Any, data: Any) -> str:
        """Catch a broadcast."""
        self.data["caught"] = True
        return "received"

    def receive_fail(self, token: Any, data: Any) -> None:
        """Fail where the data says so, after a change."""
        self.data["half"] = True
        if self.data.get("fails"):
            raise ValueError(self.data["email"])

    def receive_unkeepable(self, token: Any, data: Any) -> None:
        """Change the data into what is no JSON."""
        self.data["half"] = object()

    def receive_leave(self, token: Any, data: Any) -> None:
        """End by being deleted."""
        self.kill()

    def receive_myself(self, token: Any, data: Any) -> Any:
        """Send a message to the very run that is receiving."""
        return self.send_message("confirm")


class Order(Noting):
    """Waits for two messages, one after the other, and may give up."""

    start = flow.Execute(this.note)
    paid = flow.ReceiveMessage("paid").OnTimeout(14 * DAY, this.give_up)
    sent = flow.ReceiveMessage("sent").SkipAfter(2 * DAY)
    done = flow.Execute(this.note)
    end = flow.End()
    give_up = flow.Execute(this.note).Next(this.end)


class Sender(Noting):
    """Sends a message to what its data names."""

    start = flow.SendMessage(this.receiver, "paid", this.token, amount=this.amount)
    after = flow.Execute(this.note)
    end = flow.End()

    def receiver(self, task: Any) -> Any:
        """Whom to send to."""
        return self.data["to"]

    def token(self, task: Any) -> Any:
        """Return the token."""
        return self.data.get("token")

    def amount(self, task: Any) -> int:
        """Return the amount."""
        return 42


class Everyone(Noting):
    """Sends to every running newsletter, by dotted path and by class."""

    start = flow.SendMessage("tests.testapp.language.Newsletter", "catch")
    again = flow.SendMessage(Newsletter, "catch", allow_multiple_receivers=True)
    end = flow.End()


class Careful(Noting):
    """Sends what some receiver cannot take, and goes elsewhere then."""

    start = flow.SendMessage(Newsletter, "fail").OnError(this.rescue)
    after = flow.Execute(this.note)
    end = flow.End()
    rescue = flow.Execute(this.note).Next(this.end)


class Stubborn(Noting):
    """Sends what some receiver cannot take, and stops then."""

    start = flow.SendMessage(Newsletter, "fail")
    after = flow.Execute(this.note)
    end = flow.End()


class Ping(Noting):
    """Plays with another run for as long as its data says: each message is answered."""

    start = flow.Execute()
    wait = flow.ReceiveMessage("ball")
    more = flow.If(this.is_over).Then(this.end)
    throw = flow.SendMessage(this.other, "ball", turn=this.turn).Next(this.wait)
    end = flow.End()

    def is_over(self, task: Any) -> bool:
        """Count the turns."""
        Effect.objects.create(run=self.id, node="ball", task=task.pk)
        return bool(self.data["wait"]["turn"] >= self.data["turns"])

    def other(self, task: Any) -> int:
        """Whom to throw to."""
        return int(self.data["other"])

    def turn(self, task: Any) -> int:
        """The number of the next turn."""
        return int(self.data["wait"]["turn"]) + 1


@flow.on_signal(opened)
class Opened(Noting):
    """Started by a signal, with what was sent."""

    start = flow.Execute(this.note)
    end = flow.End()

    def started_by_signal(self, sender: Any, data: Any) -> None:
        """Keep what was sent."""
        if data.get("fail"):
            raise ValueError("not now")
        if data.get("kill"):
            self.kill()
            return
        self.data["sender"] = sender
        self.data["number"] = data.get("number")


@flow.on_signal(opened, start="side", sender="side")
class OpenedAside(Noting):
    """Started by a signal of one sender, at another node."""

    start = flow.Execute(this.note).Next(this.end)
    side = flow.Execute(this.note)
    end = flow.End()


@flow.on_model(IssueList, when=lambda item: item.title.startswith("start"))
@flow.on_model(IssueList, created=False, when=lambda item: item.title == "changed")
class Listed(Noting):
    """Started when a list of issues appears, or gets a certain title."""

    issue_list = IssueList

    start = flow.Execute(this.note)
    end = flow.End()


class WebinarJourney(Noting):
    """The webinar of the introduction: a reminder that follows the date."""

    webinar = Webinar

    welcome = flow.Execute(this.note)
    reminder = flow.Execute(this.note).AfterWaitingUntil(this.reminder_time)
    replay = flow.Execute(this.note).AfterWaitingFor(datetime.timedelta(minutes=150))
    end = flow.End()

    def reminder_time(self, task: Any) -> datetime.datetime:
        """A day before the beginning."""
        return self.webinar.begins - DAY  # type: ignore[no-any-return, attr-defined] # a field


class Follows(Noting):
    """Two branches: one changes the data, the other waits until a time from the data."""

    start = flow.Split().Next(this.waits).Next(this.change)
    waits = flow.Execute(this.note).AfterWaitingUntil(this.when).Next(this.join)
    change = flow.Execute(this.move).AfterWaitingFor(HOUR).Next(this.join)
    join = flow.Join()
    end = flow.End()

    def when(self, task: Any) -> datetime.datetime:
        """Return the time that the data says."""
        return datetime.datetime.fromisoformat(self.data["when"])

    def move(self, task: Any) -> None:
        """Move the time."""
        self.data["when"] = self.data["then"]


class Approval(Noting):
    """A form with reminders, and a superior when nobody answers."""

    ask = (
        flow.Form(ApprovalForm)
        .User(username="ada")
        .Remind(this.remind, after=2 * DAY, every=DAY, times=3)
        .Remind(this.warn, after=this.warn_after)
        .OnTimeout(7 * DAY, this.escalate)
    )
    done = flow.Execute(this.note).Next(this.end)
    escalate = flow.Form(ApprovalForm).User(username="boss").Next(this.end)
    end = flow.End()

    def warn(self, task: Any) -> None:
        """Warn once."""
        self.note(task, "warning")

    def warn_after(self, task: Any) -> datetime.timedelta:
        """Return how long to wait before the warning."""
        return datetime.timedelta(days=self.data.get("warn_after", 3))


class Nagging(Noting):
    """Waits for a condition, reminding every day without end; the reminder may fail."""

    start = flow.Execute(this.note).AsSoonAs(this.is_ready).Remind("remind_or_fail", every=DAY)
    end = flow.End()

    def is_ready(self, task: Any) -> bool:
        """Return whether the data says so."""
        return bool(self.data.get("ready"))

    def remind_or_fail(self, task: Any) -> None:
        """Remind, or fail after an effect."""
        self.remind(task)
        if self.data.get("fails"):
            raise ValueError("no paper")


class Daily(Noting):
    """Works, and comes back every day at nine in the evening."""

    class Meta:
        keep_history = 10

    prepare = flow.Execute(this.note)
    work = flow.Execute(this.note)
    again = flow.Repeat(this.work).EveryDay().At(21, 0)


class Hourly(Noting):
    """Works every hour, as elapsed time; one branch of two, the other waits for a message."""

    class Meta:
        keep_history = 5

    start = flow.Split().Next(this.work).Next(this.stop)
    work = flow.Execute(this.note)
    again = flow.If(this.is_stopped).Then(this.join)
    back = flow.Repeat(this.work).EveryHour()
    stop = flow.ReceiveMessage("stop").Next(this.join)
    join = flow.Join()
    end = flow.End()

    def is_stopped(self, task: Any) -> bool:
        """Return whether the message has come."""
        return "stop" in self.data


class Renamed(Noting):
    """Had other names before."""

    unique = ("email",)

    class Meta:
        former_names = ["shop.automations.Old", "tests.testapp.language.OlderName"]

    start = flow.Execute(this.note).AfterWaitingFor(DAY)
    end = flow.End()

    def receive_hello(self, token: Any, data: Any) -> str:
        """Answer."""
        return "hello"


class Sized(Noting):
    """Chooses among many ways."""

    size = (
        flow.Switch(this.how_big)
        .Case("small", this.book)
        .Case(this.what_is_big, "ask")
        .Default(this.end)
    )
    book = flow.Execute(this.note).Next(this.end)
    ask = flow.Execute(this.note)
    end = flow.End()

    def how_big(self, task: Any) -> str:
        """Return the size."""
        return str(self.data["size"])

    def what_is_big(self, task: Any) -> str:
        """Return what is called big."""
        return "big"


class IssueListForm(forms.ModelForm):
    """The title of a list of issues."""

    class Meta:
        model = IssueList
        fields = ["title"]


class TicketFileForm(forms.ModelForm):
    """A webinar with a file."""

    class Meta:
        model = Webinar
        fields = ["title", "begins", "slides"]


class Makes(Noting):
    """Makes an object by a form, then lets it be changed."""

    issue_list = IssueList

    make = flow.ModelForm(IssueListForm, "issue_list").User(username="ada")
    change = flow.ModelForm(IssueListForm, "issue_list").User(username="ada")
    other = flow.ModelForm(TicketFileForm, "talk").User(username="ada")
    end = flow.End()


class Both(Noting):
    """Bound to two objects of different models."""

    issue_list = IssueList
    ticket = Ticket

    start = flow.Execute().AfterWaitingFor(DAY)
    end = flow.End()


class RareFollower(Both):
    """Inherits both models, and waits for one of its objects to say so."""

    start = flow.Execute().AsSoonAs(this.is_titled)

    def is_titled(self, task: Any) -> bool:
        """Return whether the list is called by its new name."""
        return self.issue_list.title == "new"  # type: ignore[attr-defined] # a field


class Counter(Noting):
    """Counts its own steps, in a loop, and the messages that it gets, in the same data."""

    start = flow.Execute(this.count)
    again = flow.If(this.is_enough).Then(this.end).Else(this.start)
    end = flow.End()

    def count(self, task: Any) -> None:
        """Count a step."""
        self.data["steps"] = self.data.get("steps", 0) + 1
        self.note(task, "step")

    def is_enough(self, task: Any) -> bool:
        """Return whether all messages are there."""
        return bool(self.data.get("received", 0) >= self.data["messages"])

    def receive_number(self, token: Any, data: Any) -> int:
        """Count a message, under its own name too."""
        self.data["received"] = self.data.get("received", 0) + 1
        self.data[f"from_{token}"] = data["number"]
        self.note(None, "message")
        return int(self.data["received"])
