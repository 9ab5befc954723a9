"""
What comes before the work of a step, and beside its waiting: the modifiers of time.

A task is looked at in this order: is it to be skipped or too late, must it wait, do its
conditions hold. Only then the work is done, once. While it waits, it may remind.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from automations.definition.boundary import (
    BEYOND,
    NEARER,
    SOME_DAY,
    Timeout,
    moment_of,
    reached,
)
from automations.definition.context import Context
from automations.definition.problems import Problem
from automations.definition.references import Reference, as_reference
from automations.definition.reminding import Reminding
from automations.definition.sequence import SequenceFlow
from automations.exceptions import DefinitionError
from automations.outcomes import Postpone, Skip

SPAN = (datetime.timedelta,)
MOMENT = (datetime.timedelta, datetime.datetime)

PLAIN_TYPES: dict[str, tuple[type, ...]] = {
    "AfterWaitingFor": SPAN,
    "AfterWaitingUntil": (datetime.datetime,),
    "SkipAfter": SPAN,
    "OnTimeout": MOMENT,
    "DueIn": MOMENT,
    "Remind(after=)": MOMENT,
    "Remind(every=)": SPAN,
}


class Waiting(Reminding):
    """
    The part of a node that waits.

    The values given to a modifier may be plain, a callable that gets the task, ``this.x`` or
    ``"self.x"``. Times count from the moment the task was opened.
    """

    written_as: ClassVar[Mapping[str, str]] = {
        "wait": "AfterWaiting",
        "conditions": "AsSoonAs...",
        "skip_conditions": "SkipIf...",
        "skip_after": "SkipAfter",
        "timeout": "OnTimeout",
    }

    wait: tuple[str, Any] | None = None
    conditions: tuple[Any, ...] = ()
    skip_conditions: tuple[Any, ...] = ()
    skip_after: Any = None
    timeout: Timeout | None = None

    # Modifiers

    def AfterWaitingFor(self, timedelta: Any) -> Self:
        """Wait this long, counted from the moment the task was opened, as elapsed time."""
        return self._once("AfterWaiting", wait=("for", as_reference(timedelta)))

    def AfterWaitingUntil(self, datetime: Any) -> Self:
        """
        Wait until this moment.

        A naive datetime is taken to be in ``settings.TIME_ZONE``. A callable or ``this.x`` is
        asked again when the run's ``data`` changes, when an object that the run is bound to is
        saved, and when the moment it last named has come: so a moment that is moved, is followed.
        """
        return self._once("AfterWaiting", wait=("until", as_reference(datetime)))

    def AfterPausingFor(self, timedelta: Any) -> Self:
        """Wait this long: the earlier name of `AfterWaitingFor`."""
        return self.AfterWaitingFor(timedelta)

    def AsSoonAs(self, condition: Any) -> Self:
        """Wait until ``condition`` is true; given several times, until all of them are."""
        return self._with(conditions=(*self.conditions, as_reference(condition)))

    def SkipIf(self, condition: Any) -> Self:
        """Leave the work undone and go on if ``condition`` is true; one of several is enough."""
        return self._with(skip_conditions=(*self.skip_conditions, as_reference(condition)))

    def SkipAfter(self, timedelta: Any) -> Self:
        """Leave the work undone and go on if it is not done this long after the task was opened."""
        return self._once("SkipAfter", skip_after=as_reference(timedelta))

    def OnTimeout(self, delay: Any, node: Any) -> Self:
        """
        End the wait after ``delay`` and go on at ``node``: an interrupting timer boundary event.

        ``delay`` is a timedelta counted from the moment the task was opened, or a datetime.
        """
        timeout = Timeout(as_reference(delay), self._target(node))
        return self._once("OnTimeout", timeout=timeout)

    # What the engine asks

    @property
    def polls(self) -> bool:
        """Whether only looking again tells if this node has something to do."""
        return bool(self.conditions or self.skip_conditions)

    @property
    def follows(self) -> bool:
        """Whether the times of this node are asked for, and so may be moved."""
        return any(
            isinstance(value, Reference) or callable(value) for _, value in self.time_values()
        )

    def look(self, context: Context) -> Skip | Postpone | None:
        """
        Return what the modifiers say of the task now; None if its work is to be done.

        Reminders are left out: looking does nothing.
        """
        if any(context.evaluate(condition) for condition in self.skip_conditions):
            return Skip()
        limits = sorted(self.limits(context), key=lambda limit: limit[0])
        for moment, outcome in limits:
            if moment <= context.now:
                return outcome
        deadline = limits[0][0] if limits else None
        until = self.waits_until(context)
        if until and until > context.now:
            return Postpone(
                until=min(until, deadline) if deadline else until, poll=bool(self.skip_conditions)
            )
        again = context.task.retry_at
        if again and again > context.now:
            return Postpone(until=min(again, deadline) if deadline else again)
        if not all(context.evaluate(condition) for condition in self.conditions):
            return Postpone(until=deadline, poll=True)
        return None

    def waits_until(self, context: Context) -> datetime.datetime | None:
        """Return the moment before which the work must not be done, if there is one."""
        if self.wait is None:
            return None
        kind, value = self.wait
        value = context.evaluate(value)
        if kind == "for":
            return self._after(context, value, "AfterWaitingFor")
        if not isinstance(value, datetime.datetime):
            raise DefinitionError(
                f".AfterWaitingUntil() of node {self.name!r} needs a datetime, not {value!r}."
            )
        what = f".AfterWaitingUntil() of node {self.name!r}"
        return moment_of(value, context.task.created, what)

    def limits(self, context: Context) -> Iterator[tuple[datetime.datetime, Skip]]:
        """Yield each moment at which the wait ends, with what becomes of the task then."""
        if self.skip_after is not None:
            delay = context.evaluate(self.skip_after)
            yield self._after(context, delay, "SkipAfter"), Skip()
        if self.timeout:
            delay = context.evaluate(self.timeout.delay)
            what = f".OnTimeout() of node {self.name!r}"
            moment = moment_of(delay, context.task.created, what)
            yield moment, Skip(message="timed out", to=self.timeout.target)

    def deadline(self, context: Context) -> datetime.datetime | None:
        """Return the moment at which the wait ends by itself, if there is one."""
        return min((moment for moment, _ in self.limits(context)), default=None)

    def _after(self, context: Context, delay: Any, modifier: str) -> datetime.datetime:
        if not isinstance(delay, datetime.timedelta):
            raise DefinitionError(
                f".{modifier}() of node {self.name!r} needs a timedelta, not {delay!r}."
            )
        return moment_of(delay, context.task.created, f".{modifier}() of node {self.name!r}")

    # What the checks and the arrows are made of

    def boundary_flows(self) -> Iterator[SequenceFlow]:
        """Yield the arrows that leave this node while it waits."""
        if self.timeout:
            yield SequenceFlow(self.name, self.timeout.target, label="timeout")

    def given(self) -> Iterator[tuple[str, Any]]:
        for name, value in super().given():
            if name == "AfterWaiting":
                yield f"AfterWaiting{'For' if value[0] == 'for' else 'Until'}", value[1]
            else:
                yield name, value

    def time_values(self) -> Iterator[tuple[str, Any]]:
        """Yield, with the modifier's name, each value that says a time."""
        if self.wait:
            kind = "For" if self.wait[0] == "for" else "Until"
            yield f"AfterWaiting{kind}", self.wait[1]
        if self.skip_after is not None:
            yield "SkipAfter", self.skip_after
        if self.timeout:
            yield "OnTimeout", self.timeout.delay
        for reminder in self.reminders:
            if reminder.every is None or reminder.after is not reminder.every:
                yield "Remind(after=)", reminder.after
            if reminder.every is not None:
                yield "Remind(every=)", reminder.every

    def waiting_values(self) -> Iterator[tuple[str, Any]]:
        """Yield, with the modifier's name, each value that is asked for when the process runs."""
        yield from self.time_values()
        for condition in self.conditions:
            yield "AsSoonAs", condition
        for condition in self.skip_conditions:
            yield "SkipIf", condition
        for reminder in self.reminders:
            yield "Remind", reminder.work

    def waiting_problems(self, label: str) -> Iterator[Problem]:
        """Yield what is wrong with the modifiers of time."""
        for modifier, value in self.time_values():
            if isinstance(value, Reference) or callable(value):
                continue
            wanted = PLAIN_TYPES[modifier]
            what = f".{modifier}() of {label}".replace(")()", ")")
            if not isinstance(value, wanted):
                names = " or a ".join(kind.__name__ for kind in wanted)
                yield Problem(
                    "E108",
                    f"{what} needs a {names}, not {value!r}.",
                    f"Give a datetime.{wanted[0].__name__}, or a callable that returns one.",
                    self.name,
                )
            elif reached(value, SOME_DAY) is None:
                yield Problem("E142", f"{what} cannot be {value!r}, {BEYOND}.", NEARER, self.name)
        yield from self.reminder_problems(label)
