"""The processes that are measured."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms

from automations import flow
from automations.flow import this
from benchmarks.models import Effect

LONG = datetime.timedelta(days=365)


class Working(flow.Automation):
    """What the steps of the processes do: next to nothing."""

    class Meta:
        abstract = True

    def work(self, task: Any) -> str:
        """Return something, which is kept."""
        return "done"


class TenSteps(Working):
    """W1: ten steps in a row."""

    step_1 = flow.Execute(this.work)
    step_2 = flow.Execute(this.work)
    step_3 = flow.Execute(this.work)
    step_4 = flow.Execute(this.work)
    step_5 = flow.Execute(this.work)
    step_6 = flow.Execute(this.work)
    step_7 = flow.Execute(this.work)
    step_8 = flow.Execute(this.work)
    step_9 = flow.Execute(this.work)
    step_10 = flow.Execute(this.work)
    end = flow.End()


class ThreeBranches(Working):
    """W2: three branches of two steps, which join."""

    split = flow.Split().Next(this.left_1).Next(this.middle_1).Next(this.right_1)
    left_1 = flow.Execute(this.work)
    left_2 = flow.Execute(this.work).Next(this.join)
    middle_1 = flow.Execute(this.work)
    middle_2 = flow.Execute(this.work).Next(this.join)
    right_1 = flow.Execute(this.work)
    right_2 = flow.Execute(this.work).Next(this.join)
    join = flow.Join()
    end = flow.End()


class AnswerForm(forms.Form):
    """A yes or no."""

    yes = forms.BooleanField(required=False)


class Asking(flow.Automation):
    """W3, W4: somebody is asked."""

    ask = flow.Form(AnswerForm).Permission("benchmarks.add_effect")
    end = flow.End()


class LongWait(Working):
    """W3: a timer that is not due for long."""

    wait = flow.Execute(this.work).AfterWaitingFor(LONG)
    end = flow.End()


class Ringing(flow.Automation):
    """W5: a timer, and a trace of each time that it has fired."""

    ring = flow.Execute(this.note).AfterWaitingFor(datetime.timedelta(minutes=1))
    end = flow.End()

    def note(self, task: Any) -> None:
        """Leave a trace."""
        Effect.objects.create(run=self.id)


class Looping(flow.Automation):
    """W6: a loop, after which somebody is asked."""

    again = flow.Execute(this.count)
    check = flow.If(this.is_enough).Then(this.ask).Else(this.again)
    ask = flow.Form(AnswerForm).Permission("benchmarks.add_effect")
    end = flow.End()

    def count(self, task: Any) -> None:
        """Count how often the loop was gone through."""
        self.data["count"] = self.data.get("count", 0) + 1

    def is_enough(self, task: Any) -> bool:
        """Return whether it was often enough."""
        return bool(self.data["count"] >= self.data["loops"])
