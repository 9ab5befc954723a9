"""The processes that are measured, as flows of Viewflow; written after its documentation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from viewflow import this
from viewflow.workflow import flow, lock

from benchmarks.models import Effect

LONG = timedelta(days=365)


class Working(flow.Flow):
    """What the steps do: next to nothing."""

    def work(self, activation: Any) -> None:
        """Leave a result where it is kept."""
        activation.task.data = {"result": "done"}


class TenSteps(Working):
    """W1: ten steps in a row."""

    start = flow.StartHandle().Next(this.step_1)
    step_1 = flow.Function(this.work).Next(this.step_2)
    step_2 = flow.Function(this.work).Next(this.step_3)
    step_3 = flow.Function(this.work).Next(this.step_4)
    step_4 = flow.Function(this.work).Next(this.step_5)
    step_5 = flow.Function(this.work).Next(this.step_6)
    step_6 = flow.Function(this.work).Next(this.step_7)
    step_7 = flow.Function(this.work).Next(this.step_8)
    step_8 = flow.Function(this.work).Next(this.step_9)
    step_9 = flow.Function(this.work).Next(this.step_10)
    step_10 = flow.Function(this.work).Next(this.end)
    end = flow.End()


class ThreeBranches(Working):
    """W2: three branches of two steps, which join."""

    start = flow.StartHandle().Next(this.split)
    split = flow.Split().Always(this.left_1).Always(this.middle_1).Always(this.right_1)
    left_1 = flow.Function(this.work).Next(this.left_2)
    left_2 = flow.Function(this.work).Next(this.join)
    middle_1 = flow.Function(this.work).Next(this.middle_2)
    middle_2 = flow.Function(this.work).Next(this.join)
    right_1 = flow.Function(this.work).Next(this.right_2)
    right_2 = flow.Function(this.work).Next(this.join)
    join = flow.Join().Next(this.end)
    end = flow.End()


class Ringing(flow.Flow):
    """W5: a timer, and a trace of each time that it has fired."""

    start = flow.StartHandle().Next(this.wait)
    wait = flow.Timer(LONG).Next(this.ring)
    ring = flow.Function(this.note).Next(this.end)
    end = flow.End()

    def note(self, activation: Any) -> None:
        """Leave a trace."""
        Effect.objects.create(run=activation.process.pk)


class RingingLocked(Ringing):
    """The same with the lock that is recommended for PostgreSQL."""

    lock_impl = lock.select_for_update_lock
    start = flow.StartHandle().Next(this.wait)
    wait = flow.Timer(LONG).Next(this.ring)
    ring = flow.Function(this.note).Next(this.end)
    end = flow.End()
