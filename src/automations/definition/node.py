"""
The base class of every step of a process.

A node is a value: it is shared by all runs, every modifier returns a changed copy, and after its
class has been made it cannot be changed. It decides what happens by returning an outcome; it
never writes.
"""

from __future__ import annotations

import copy
import datetime
from collections.abc import Iterator
from typing import Any, ClassVar, Protocol, Self

from django.utils import timezone

from automations.definition.problems import Problem
from automations.definition.references import Reference, as_reference, target_name
from automations.definition.sequence import SequenceFlow
from automations.exceptions import DefinitionError
from automations.outcomes import Complete, Fail, Outcome, Postpone, Skip

PLAIN_TYPES: dict[str, type] = {
    "AfterWaitingFor": datetime.timedelta,
    "AfterWaitingUntil": datetime.datetime,
    "SkipAfter": datetime.timedelta,
}


class Context(Protocol):
    """What a node gets to see: one task of one run, at one moment."""

    @property
    def task(self) -> Any:
        """The task: ``data``, ``created`` and whatever else the row has."""

    @property
    def now(self) -> datetime.datetime:
        """The moment, in process time, as an aware datetime."""

    def resolve(self, value: Any) -> Any:
        """Return ``value``, or the attribute of the automation that ``this.x`` stands for."""

    def evaluate(self, value: Any) -> Any:
        """Return ``value``, called with the task if it, or what it points to, is callable."""


class Node:
    """
    One step of a process.

    ``description`` tells people what the step is for. Subclass it and override `execute` to make
    a node of your own::

        class Poll(flow.Node):
            def __init__(self, question, *, every, description=""):
                super().__init__(description=description)
                self.question = question
                self.every = every

            def execute(self, context):
                answer = context.evaluate(self.question)
                if answer is None:
                    return Postpone(until=context.now + self.every)
                return Complete(result=answer)

    The values given to a modifier may be plain, a callable that gets the task, ``this.x`` or
    ``"self.x"``. When a task is looked at, `SkipIf` and `SkipAfter` are asked first, then the
    wait, then the condition; then the work is done, once.
    """

    bpmn: ClassVar[str] = "task"
    #: Whether .SkipIf() and .SkipAfter() mean anything for this kind of node.
    skippable: ClassVar[bool] = True
    #: Whether the run ends here; whether this opens branches; whether it joins them.
    ends: ClassVar[bool] = False
    forks: ClassVar[bool] = False
    merges: ClassVar[bool] = False

    name: str = ""
    following: str | None = None
    places: frozenset[str] = frozenset()
    description: str = ""
    next_name: str | None = None
    wait: tuple[str, Any] | None = None
    conditions: tuple[Any, ...] = ()
    skip_conditions: tuple[Any, ...] = ()
    skip_after: Any = None
    repeated_modifiers: tuple[str, ...] = ()
    _frozen: bool = False

    def __init__(self, *, description: str = "") -> None:
        self.description = description

    # Modifiers

    def Next(self, node: Any) -> Self:
        """Go on at ``node`` (``this.x``, ``"self.x"`` or ``"x"``) instead of the next attribute."""
        return self._once("Next", next_name=self._target(node))

    def AfterWaitingFor(self, timedelta: Any) -> Self:
        """Wait this long, counted from the moment the task was opened, as elapsed time."""
        return self._once("AfterWaiting", wait=("for", as_reference(timedelta)))

    def AfterWaitingUntil(self, datetime: Any) -> Self:
        """
        Wait until this moment.

        A naive datetime is taken to be in ``settings.TIME_ZONE``. The moment is asked for again
        whenever the task is looked at.
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

    # What an author of nodes overrides

    def execute(self, context: Context) -> Outcome:
        """Do the work of this step and return its outcome."""
        return Complete()

    def recover(self, context: Context, error: Exception) -> Outcome:
        """Say what becomes of the task after `execute` has raised ``error`` and was undone."""
        return Fail(error)

    def complete(self, context: Context, form: Any, user: Any) -> Outcome:
        """Return the outcome of the valid ``form`` that ``user`` has sent for this task."""
        raise DefinitionError(f"Node {self.name!r} asks nobody, so nobody can complete it.")

    def sequence_flows(self) -> Iterator[SequenceFlow]:
        """Yield every arrow that leads out of this node."""
        if self.default_target:
            yield SequenceFlow(self.name, self.default_target)

    # What the engine asks

    @property
    def default_target(self) -> str | None:
        """The name of the node to go on with unless an outcome says otherwise."""
        return self.next_name or self.following

    @property
    def polls(self) -> bool:
        """Whether only looking again tells if this node has something to do."""
        return bool(self.conditions or self.skip_conditions)

    def run(self, context: Context) -> Outcome:
        """Skip, wait, or execute: the outcome of looking at the task now."""
        return self.look(context) or self.execute(context)

    def look(self, context: Context) -> Skip | Postpone | None:
        """Return what the modifiers say of the task now; None if its work is to be done."""
        if any(context.evaluate(condition) for condition in self.skip_conditions):
            return Skip()
        deadline = self.deadline(context)
        if deadline and deadline <= context.now:
            return Skip()
        until = self.waits_until(context)
        if until and until > context.now:
            return Postpone(
                until=min(until, deadline) if deadline else until, poll=bool(self.skip_conditions)
            )
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
        if timezone.is_naive(value):
            value = timezone.make_aware(value, timezone.get_default_timezone())
        return value

    def deadline(self, context: Context) -> datetime.datetime | None:
        """Return the moment at which the work is not worth doing any more, if there is one."""
        if self.skip_after is None:
            return None
        return self._after(context, context.evaluate(self.skip_after), "SkipAfter")

    def _after(self, context: Context, delay: Any, modifier: str) -> datetime.datetime:
        if not isinstance(delay, datetime.timedelta):
            raise DefinitionError(
                f".{modifier}() of node {self.name!r} needs a timedelta, not {delay!r}."
            )
        opened: datetime.datetime = context.task.created
        return opened + delay

    # How a node becomes part of a definition

    def bound(self, name: str, following: str | None, places: frozenset[str]) -> Self:
        """Return the frozen copy of this node that a definition keeps under ``name``."""
        return self._with(name=name, following=following, places=places, _frozen=True)

    def values(self) -> Iterator[tuple[str, Any]]:
        """Yield, with the modifier's name, each value that is asked for when the process runs."""
        if self.wait:
            kind = "For" if self.wait[0] == "for" else "Until"
            yield f"AfterWaiting{kind}", self.wait[1]
        for condition in self.conditions:
            yield "AsSoonAs", condition
        for condition in self.skip_conditions:
            yield "SkipIf", condition
        if self.skip_after is not None:
            yield "SkipAfter", self.skip_after

    def problems(self, label: str) -> Iterator[Problem]:
        """Yield what is wrong with this node by itself; ``label`` is how to call it."""
        for modifier in self.repeated_modifiers:
            yield Problem(
                "E106",
                f"{label} has a second .{modifier}() modifier, or one that excludes the first.",
                "Remove one of the two.",
                self.name,
            )
        if not self.skippable and (self.skip_conditions or self.skip_after is not None):
            yield Problem(
                "E107",
                f"{label} cannot be skipped: the branches or the run would never end.",
                f"Remove .SkipIf() and .SkipAfter(), or lead past {self.name!r} with an If.",
                self.name,
            )
        for modifier, value in self.values():
            wanted = PLAIN_TYPES.get(modifier)
            given_now = not isinstance(value, Reference) and not callable(value)
            if wanted and given_now and not isinstance(value, wanted):
                yield Problem(
                    "E108",
                    f".{modifier}() of {label} needs a {wanted.__name__}, not {value!r}.",
                    f"Give a datetime.{wanted.__name__}, or a callable that returns one.",
                    self.name,
                )

    def _once(self, modifier: str, **changes: Any) -> Self:
        """Return a copy with ``changes``, remembering a ``modifier`` that was there before."""
        if any(getattr(self, attribute) is not None for attribute in changes):
            return self._with(repeated_modifiers=(*self.repeated_modifiers, modifier))
        return self._with(**changes)

    def _with(self, **changes: Any) -> Self:
        changed = copy.copy(self)
        vars(changed).update({"_frozen": False} | changes)
        return changed

    @staticmethod
    def _target(node: Any) -> str:
        # What is no pointer is kept as it reads, so that the check can name it.
        return target_name(node) or repr(node)

    def __setattr__(self, attribute: str, value: Any) -> None:
        if self._frozen:
            raise DefinitionError(
                f"Node {self.name!r} is shared by every running process and cannot be changed "
                f"(setting {attribute!r}). Keep what belongs to one run in task.data."
            )
        super().__setattr__(attribute, value)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name or '(unnamed)'}>"
