"""Processes that ask people, and whose every effect is written down, that of a form included."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from django.forms import BaseForm

from automations import flow
from automations.definition.node import Context
from automations.flow import this
from automations.outcomes import Outcome
from tests.testapp.forms import ApprovalForm
from tests.testapp.models import Effect
from tests.testapp.proof_processes import Counted


class CountedForm(flow.Form):
    """Leaves an effect when it is completed."""

    def complete(self, context: Context, form: BaseForm, user: Any) -> Outcome:
        """Leave an effect, in the transaction that completes the form."""
        task = context.task
        Effect.objects.create(
            run=task.automation_id, node=task.status, task=task.pk, process=os.getpid()
        )
        return super().complete(context, form, user)


class Asked(Counted):
    """Asks once, and does what was asked for."""

    effects = 2

    ask = CountedForm(ApprovalForm).Permission("testapp.view_effect")
    do = flow.Execute(this.work)
    end = flow.End()


class AskedTwice(Counted):
    """Three branches, one of which has arrived at the Join before two people answer."""

    effects = 4

    start = flow.Split().Next(this.left).Next(this.right).Next(this.early)
    left = CountedForm(ApprovalForm).Permission("testapp.view_effect").Next(this.join)
    right = CountedForm(ApprovalForm).Permission("testapp.view_effect").Next(this.join)
    early = flow.Execute(this.work)
    join = flow.Join()
    both = flow.Execute(this.work)
    end = flow.End()


class Neighbour(Counted):
    """Asks in one branch, and has something to do in the other: at length, if its data says so."""

    effects = 3

    start = flow.Split().Next(this.ask).Next(this.pause)
    ask = CountedForm(ApprovalForm).Permission("testapp.view_effect").Next(this.join)
    pause = flow.Execute().Next(this.busy)
    busy = flow.Execute(this.linger).AsSoonAs(this.open).Next(this.join)
    join = flow.Join()
    last = flow.Execute(this.work)
    end = flow.End()

    def open(self, task: Any) -> bool:
        """Begin when the test says so."""
        return bool(self.data.get("begin"))

    def linger(self, task: Any) -> None:
        """Say that the work has begun, and go on with it until the gate is opened."""
        self.work(task)
        if "gate" in self.data:
            gate = Path(self.data["gate"])
            gate.with_name("inside").touch()
            while not gate.exists():
                time.sleep(0.005)
