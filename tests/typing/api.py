"""
What authors write, with all its types: checked by ``mypy --strict`` and pyright, and never run.

``assert_type`` says what a type checker knows of each value.
"""

from __future__ import annotations

import datetime
from typing import Any, assert_type

from django import forms
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.dispatch import Signal

from automations import flow
from automations.definition.node import Context
from automations.flow import this
from automations.models import AutomationModel, AutomationTaskModel
from automations.outcomes import Complete, Outcome, Postpone
from automations.testing import (
    Clock,
    assert_mail_sent,
    assert_path,
    assert_waiting_at,
    clock,
    complete,
    run_until_idle,
    send,
)
from tests.testapp.models import IssueList

DAY = datetime.timedelta(days=1)

opened = Signal()


class ModerationForm(forms.Form):
    """What a moderator says."""

    accepted = forms.BooleanField(required=False)


# Modifiers keep the type of what they are called on.
assert_type(flow.Execute(this.work).AfterWaitingFor(DAY).Next(this.end), flow.Execute)
assert_type(flow.Execute().OnError(this.end).Retry(3).InBackground(), flow.Execute)
assert_type(flow.Form(ModerationForm).Group(name="staff").DueIn(DAY), flow.Form)
assert_type(flow.Form(ModerationForm).User(username="ada").Permission("a.b"), flow.Form)
assert_type(flow.ModelForm(ModerationForm, "x").Remind(this.nag, every=DAY), flow.ModelForm)
assert_type(flow.If(this.x).Then(this.a).Else(this.b).AfterWaitingUntil(this.day), flow.If)
assert_type(flow.Split().Next(this.a).Next(this.b), flow.Split)
assert_type(flow.Join().Next(this.end), flow.Join)
assert_type(flow.ReceiveMessage("paid").OnTimeout(DAY, this.end), flow.ReceiveMessage)
assert_type(flow.SendMessage("a.B", "paid").SkipIf(this.x).SkipAfter(DAY), flow.SendMessage)
assert_type(flow.Repeat(this.start).EveryDay().At(21, 0), flow.Repeat)


class Poll(flow.Node):
    """A node of one's own."""

    def __init__(self, question: Any, *, every: datetime.timedelta, description: str = "") -> None:
        super().__init__(description=description)
        self.question = question
        self.every = every

    def execute(self, context: Context) -> Outcome:
        """Ask until there is an answer."""
        answer = context.evaluate(self.question)
        if answer is None:
            return Postpone(until=context.now + self.every)
        return Complete(result=answer)


@flow.on_signal(opened)
@flow.on_model(IssueList, when=lambda issues: bool(issues.title))
class Discussion(flow.Automation):
    """Everything that a class may have."""

    issues: IssueList
    moderator: User | None

    unique = ("issues",)

    class Meta:
        verbose_name = "Discussion"
        schedule = flow.Cron("0 9 * * MON")
        subject = "{issues}"

    start = flow.Execute(this.announce, "now", urgent=True)
    moderate = flow.Form(ModerationForm).Group(name="Moderators").AsSoonAs(this.is_open)
    answer = Poll(this.ask, every=DAY).SkipAfter(7 * DAY)
    # A node and a method of one name: a type checker takes the second for the first.
    evaluate = flow.Execute(this.evaluate)  # pyright: ignore[reportAssignmentType]
    end = flow.End()

    def announce(self, task: AutomationTaskModel, when: str, *, urgent: bool) -> str:
        """Work that gets its task and more."""
        assert_type(self.issues, IssueList)
        assert_type(self.moderator, User | None)
        assert_type(task.data, dict[str, Any])
        assert_type(self.data, dict[str, Any])
        assert_type(task.idempotency_key, str)
        self.data["announced"] = flow.now().isoformat()
        task.heartbeat(0.5, "half of it")
        return when

    def is_open(self, task: AutomationTaskModel) -> bool:
        """Answer a condition."""
        return task.hours_since_created() > 1

    def ask(self, task: AutomationTaskModel) -> int | None:
        """Find an answer."""
        return task.data.get("answer")

    def evaluate(self, task: AutomationTaskModel) -> None:  # type: ignore[no-redef] # noqa: F811
        """Do the work of the node of that name."""

    def started_by_signal(self, sender: Any, data: dict[str, Any]) -> None:
        """Take in what was sent."""

    @flow.require_data_parameters(text=str)
    def receive_mail(self, token: str | None, data: dict[str, Any]) -> str:
        """Take in a message."""
        return str(data["text"])


class Special(Discussion):
    """A process that extends another, and leaves a node out."""

    answer = None  # type: ignore[assignment]


def use(issues: IssueList, ada: User) -> None:
    """Start runs and act on them."""
    run = Discussion(issues=issues)
    assert_type(run, Discussion)
    assert_type(run.issues, IssueList)
    assert_type(run.id, int)
    assert_type(run.is_new, bool)
    assert_type(run.finished(), bool)
    assert_type(run.run(), flow.Node | None)
    assert_type(run.moderate, flow.Form)
    assert_type(run.moderate.data, dict[str, Any])
    assert_type(Discussion.answer, Poll)
    assert_type(run.get_key(), str)
    assert_type(Discussion.get_verbose_name(), str)
    run.send_message("mail", data={"text": "Hello"})
    Discussion.broadcast_message("mail", data={"text": "Hello"})
    Discussion.create_on_message("mail", data={"text": "Hello"})
    assert_type(flow.message_link(run, "mail"), str)
    assert_type(flow.get_automations("shop"), list[tuple[str, str]])
    for row in AutomationModel.objects.filter(finished=False):
        assert_type(row, AutomationModel)
        row.suspend(user=ada, reason="holidays")
    for task in AutomationTaskModel.get_open_tasks(ada):
        assert_type(task.may_be_done_by(ada), bool)


async def use_async(issues: IssueList) -> None:
    """Start a run from async code."""
    run = await Discussion.astart(issues=issues)
    assert_type(run, Discussion)
    await run.asend_message("mail", data={"text": "Hello"})


def test(ada: User, issues: IssueList) -> None:
    """Test a process."""
    with clock(datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC)) as time:
        assert_type(time, Clock)
        run = Discussion(issues=issues)
        time.advance(days=6)
        time.advance(DAY, incidents=True)
        assert_type(assert_waiting_at(run, "moderate", for_user=ada), AutomationTaskModel)
        assert_type(complete(run, "moderate", {"accepted": True}, user=ada), AutomationTaskModel)
        send(run, "mail", {"text": "Hello"})
        assert_type(run_until_idle(), int)
        assert_path(run, ["start", ..., "end"])
        assert_type(assert_mail_sent(to="ada@example.com"), list[EmailMessage])
