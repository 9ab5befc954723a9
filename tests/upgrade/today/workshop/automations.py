"""The processes of the same project today: those that were flawed are put right, one is gone."""

import datetime
from typing import Any

from django import forms

from automations import flow
from automations.flow import this
from workshop import models

DAY = datetime.timedelta(days=1)


class Sheet(forms.Form):
    remark = forms.CharField()


class Noting(flow.Automation):
    class Meta:
        abstract = True

    def note(self, task: Any) -> dict[str, str]:
        models.Note.objects.create(run=task.automation_id, node=task.status)
        return {"noted": task.status}

    def boom(self, task: Any) -> dict[str, str]:
        return self.note(task)  # there is paper again


class Finished(Noting):
    start = flow.Execute(this.note)
    end = flow.End()


class Waiting(Noting):
    start = flow.Execute(this.note)
    wait = flow.Execute(this.note).AfterWaitingFor(DAY)
    after = flow.Execute(this.note)
    end = flow.End()


class Choice(Noting):
    start = flow.Execute(this.note)
    check = flow.If(lambda task: task.data["big"]).Then(this.large).Else(this.small)
    large = flow.Execute(this.note).AfterWaitingFor(DAY).Next(this.end)
    small = flow.Execute(this.note).AfterWaitingFor(DAY)
    end = flow.End()


class Nested(Noting):
    """Stands in the inner Split: one inner branch has arrived, one outer branch has."""

    outer = flow.Split().Next(this.left).Next(this.inner)
    left = flow.Execute(this.note).Next(this.join)
    inner = flow.Split().Next(this.quick).Next(this.slow)
    quick = flow.Execute(this.note).Next(this.inner_join)
    slow = flow.Execute(this.note).AfterWaitingFor(DAY).Next(this.inner_join)
    inner_join = flow.Join()
    after = flow.Execute(this.note)
    join = flow.Join()
    last = flow.Execute(this.note)
    end = flow.End()


class InnerJoined(Noting):
    """Stands in the outer Split: the branch with the inner one has arrived, and another has."""

    outer = flow.Split().Next(this.inner).Next(this.left).Next(this.slow)
    inner = flow.Split().Next(this.one).Next(this.two)
    one = flow.Execute(this.note).Next(this.inner_join)
    two = flow.Execute(this.note).Next(this.inner_join)
    inner_join = flow.Join()
    after = flow.Execute(this.note).Next(this.join)
    left = flow.Execute(this.note).Next(this.join)
    slow = flow.Execute(this.note).AfterWaitingFor(DAY)
    join = flow.Join()
    last = flow.Execute(this.note)
    end = flow.End()


class AskUser(Noting):
    ask = flow.Form(Sheet).User(username="ada")
    after = flow.Execute(this.note)
    end = flow.End()


class AskGroup(Noting):
    ask = flow.Form(Sheet).Group(name="staff").Permission("workshop.add_note")
    after = flow.Execute(this.note)
    end = flow.End()


class AskHolders(Noting):
    ask = flow.Form(Sheet).Permission("workshop.add_note")
    after = flow.Execute(this.note)
    end = flow.End()


class AskAnybody(Noting):
    ask = flow.Form(Sheet).Group(name="staff")
    after = flow.Execute(this.note)
    end = flow.End()


class AskLater(Noting):
    ask = flow.Form(Sheet).User(username="ada").AfterWaitingFor(DAY)
    after = flow.Execute(this.note)
    end = flow.End()


class Answered(Noting):
    ask = flow.Form(Sheet).User(username="ada")
    after = flow.Execute(this.note)
    wait = flow.Execute(this.note).AfterWaitingFor(DAY)
    end = flow.End()


class Failed(Noting):
    start = flow.Execute(this.note)
    print_it = flow.Execute(this.boom)
    after = flow.Execute(this.note)
    end = flow.End()


class FailedBranch(Noting):
    split = flow.Split().Next(this.slow).Next(this.print_it)
    slow = flow.Execute(this.note).AfterWaitingFor(DAY).Next(this.join)
    print_it = flow.Execute(this.boom)
    join = flow.Join()
    last = flow.Execute(this.note)
    end = flow.End()


class Rescued(Noting):
    start = flow.Execute(this.boom).OnError(this.rescue)
    unused = flow.Execute(this.note).Next(this.end)
    rescue = flow.Execute(this.note)
    wait = flow.Execute(this.note).AfterWaitingFor(DAY)
    end = flow.End()


class Skipping(Noting):
    start = flow.Execute(this.note)
    skipped = flow.Execute(this.note).SkipIf(lambda task: True)
    wait = flow.Execute(this.note).AfterWaitingFor(DAY)
    end = flow.End()


class SkippingBranch(Noting):
    """Stands behind a skipped node; the old release forgets the way back over it."""

    split = flow.Split().Next(this.skipped).Next(this.other)
    skipped = flow.Execute(this.note).SkipIf(lambda task: True)
    slow = flow.Execute(this.note).AfterWaitingFor(DAY).Next(this.join)
    other = flow.Execute(this.note).AfterWaitingFor(DAY)
    join = flow.Join()
    last = flow.Execute(this.note)
    end = flow.End()


class JoinedEarly(Noting):
    """Has ended without one of its branches, which the old release did not count."""

    split = flow.Split().Next(this.skipped).Next(this.other)
    skipped = flow.Execute(this.note).SkipIf(lambda task: True)
    slow = flow.Execute(this.note).AfterWaitingFor(DAY).Next(this.join)
    other = flow.Execute(this.note)
    join = flow.Join()
    last = flow.Execute(this.note)
    end = flow.End()


class Condition(Noting):
    start = flow.Execute(this.note)
    wait = flow.Execute(this.note).AsSoonAs(lambda task: task.data.get("go"))
    end = flow.End()


class Weekly(Noting):
    start = flow.Execute(this.note)
    wait = flow.Execute(this.note).AfterWaitingFor(DAY)
    again = flow.Repeat(this.start).EveryNDays(7)


class Bound(Noting):
    session = models.Session
    start = flow.Execute(this.note)
    wait = flow.Execute(this.note).AfterWaitingFor(DAY)
    end = flow.End()


class Single(Noting):
    unique = True
    start = flow.Execute(this.note)
    wait = flow.Execute(this.note).AfterWaitingFor(DAY)
    end = flow.End()


class OnePerSlot(Noting):
    unique = ("slot",)
    start = flow.Execute(this.note)
    wait = flow.Execute(this.note).AfterWaitingFor(DAY)
    end = flow.End()


class Crashed(Noting):
    start = flow.Execute(this.note)
    crash = flow.Execute(this.take_down)
    after = flow.Execute(this.note)
    end = flow.End()

    def take_down(self, task: Any) -> dict[str, str]:
        return self.note(task)


class Unbegun(Noting):
    start = flow.Execute(this.note)
    end = flow.End()


class Aborted(Noting):
    start = flow.Execute(this.note)
    check = flow.If(lambda task: True).Then(this.wait)
    other = flow.Execute(this.note)
    wait = flow.Execute(this.note).AfterWaitingFor(DAY)
    end = flow.End()
