"""The part of a node that reminds while its task waits."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

from automations.definition.boundary import Grid, Reminder, moment_of
from automations.definition.context import Context
from automations.definition.modified import Modified
from automations.definition.problems import Problem
from automations.definition.references import Reference, as_reference, as_work
from automations.exceptions import DefinitionError
from automations.outcomes import Ask, Listen, Outcome, Outside, Postpone


class Reminding(Modified):
    """Does work beside a task that waits: a non-interrupting timer."""

    written_as: ClassVar[Mapping[str, str]] = {"reminders": "Remind..."}

    reminders: tuple[Reminder, ...] = ()

    def Remind(
        self, work: Any, *, after: Any = None, every: Any = None, times: int | None = None
    ) -> Self:
        """
        Do ``work`` while the task waits, without ending the wait: a non-interrupting timer.

        ``work`` is a callable that gets the task, ``this.x`` or the name of a method. It is done
        ``after`` a timedelta since the task was opened (or at a datetime; by default after
        ``every``), and then ``every`` timedelta, ``times`` in all (by default once, with
        ``every`` as long as the task waits). It is part of a step's transaction, and done exactly
        once each time; of several that were missed one is made up. If it raises, the task has
        failed. Several ``.Remind()`` stand beside each other.
        """
        first = every if after is None else after
        reminder = Reminder(as_work(work), as_reference(first), as_reference(every), times)
        return self._with(reminders=(*self.reminders, reminder))

    def remind(self, context: Context, outcome: Outcome) -> Outcome:
        """Do the reminders that are due, for the task still waits; return ``outcome`` with that."""
        if not self.reminders or not isinstance(outcome, Postpone | Ask | Listen | Outside):
            return outcome
        if isinstance(outcome, Listen) and context.message_came(outcome.message):
            return outcome  # which is taken now: who has answered is not reminded
        done = self.reminded(context)
        passed = []
        for reminder, grid, before in zip(self.reminders, self.grids(context), done, strict=True):
            count = max(before, grid.passed(context.now))
            if count > before:
                work = context.resolve(reminder.work)
                if not callable(work):
                    raise DefinitionError(
                        f".Remind() of node {self.name!r} cannot call {reminder.work!r}."
                    )
                work(context.task)
            passed.append(count)
        until = self.next_reminder(context, passed)
        if until and (outcome.until is None or until < outcome.until):
            # Nothing but a time ends a Postpone, so one without a time is looked at every sweep.
            again = isinstance(outcome, Postpone) and outcome.until is None
            outcome = replace(outcome, until=until, poll=outcome.poll or again)
        return replace(outcome, reminded=tuple(passed)) if passed != done else outcome

    def reminds_now(self, context: Context) -> bool:
        """Return whether a reminder is due if the task still waits."""
        done = self.reminded(context)
        grids = self.grids(context)
        return any(
            grid.passed(context.now) > before for grid, before in zip(grids, done, strict=True)
        )

    def next_reminder(self, context: Context, done: list[int]) -> datetime.datetime | None:
        """Return when the next reminder is due, after ``done`` of each."""
        grids = zip(self.grids(context), done, strict=True)
        moments = [grid.moment(count) for grid, count in grids]
        return min((moment for moment in moments if moment), default=None)

    def reminded(self, context: Context) -> list[int]:
        """Return how often each reminder has come due."""
        kept = list(context.task.reminders)
        return (kept + [0] * len(self.reminders))[: len(self.reminders)]

    def grids(self, context: Context) -> list[Grid]:
        """Return the moments of each reminder."""
        found = []
        for reminder in self.reminders:
            what = f".Remind() of node {self.name!r}"
            first = context.evaluate(reminder.after)
            every = context.evaluate(reminder.every)
            if every is not None and not (
                isinstance(every, datetime.timedelta) and every > datetime.timedelta()
            ):
                raise DefinitionError(f"{what} needs a positive timedelta, not every={every!r}.")
            moment = moment_of(first, context.task.created, what)
            if every is not None:
                moment_of(every, moment, f".Remind(every=) of node {self.name!r}")
            found.append(Grid(moment, every, reminder.limit))
        return found

    def reminder_problems(self, label: str) -> Iterator[Problem]:
        """Yield what is wrong with the reminders."""
        for reminder in self.reminders:
            if not (isinstance(reminder.work, Reference) or callable(reminder.work)):
                yield Problem(
                    "E125",
                    f".Remind() of {label} has nothing to call but {reminder.work!r}.",
                    "Give a function, this.method or the name of a method.",
                    self.name,
                )
            if reminder.times is not None and (
                not isinstance(reminder.times, int) or reminder.times < 1 or reminder.every is None
            ):
                yield Problem(
                    "E126",
                    f".Remind() of {label} needs every= and a whole number above 0 as times=, not "
                    f"times={reminder.times!r}.",
                    "Say how often in all: .Remind(this.work, every=timedelta(days=1), times=3).",
                    self.name,
                )
            if (
                isinstance(reminder.every, datetime.timedelta)
                and reminder.every <= datetime.timedelta()
            ):
                yield Problem(
                    "E126",
                    f".Remind() of {label} comes every {reminder.every}, which is no time at all.",
                    "Give a timedelta above 0.",
                    self.name,
                )
