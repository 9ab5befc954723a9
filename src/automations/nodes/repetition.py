"""The node that comes back: `Repeat`."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from django.utils.dateparse import parse_datetime

from automations.definition.context import Context
from automations.definition.node import Node
from automations.definition.problems import Problem
from automations.definition.recurrence import Cron, Every, EveryDays, Recurrence
from automations.exceptions import DefinitionError
from automations.outcomes import Complete, Outcome


class Repeat(Node):
    """
    Go back to ``start`` (by default the first node) again and again, at the times of a rule.

    ::

        collect = flow.Execute(this.collect_figures)
        again = flow.Repeat(this.collect).EveryDay().At(21, 0)

    What lies between ``start`` and here is done once when the run comes there, and then at each
    time of the rule: on a fixed grid that counts from when the run first came to ``start``. Of
    several times that were missed, one is made up. Hours and minutes are elapsed time; days,
    ``.At()`` and ``.Cron()`` go by the clock on the wall in ``settings.TIME_ZONE``, on both sides
    of a change of the clocks. A process that repeats needs no End. ``Meta.keep_history`` says how
    many closed tasks of such a run are kept.
    """

    bpmn: ClassVar[str] = "intermediateCatchEvent"
    skippable: ClassVar[bool] = False
    repeats: ClassVar[bool] = True

    written_as: ClassVar[Mapping[str, str]] = {"every": "Every", "at": "At"}

    every: tuple[str, Any] | None = None
    at: tuple[Any, Any] | None = None

    def __init__(self, start: Any = None, *, description: str = "") -> None:
        super().__init__(description=description)
        if start is not None:
            self.next_name = self._target(start)

    # Modifiers

    def EveryHour(self, hours: Any = 1) -> Self:
        """Come back every ``hours`` hours."""
        return self._once("Every", every=("hours", hours))

    def EveryNMinutes(self, minutes: Any) -> Self:
        """Come back every ``minutes`` minutes."""
        return self._once("Every", every=("minutes", minutes))

    def EveryDay(self) -> Self:
        """Come back every day, at the same time of day or at that of `At`."""
        return self.EveryNDays(1)

    def EveryNDays(self, days: Any) -> Self:
        """Come back every ``days`` days, at the same time of day or at that of `At`."""
        return self._once("Every", every=("days", days))

    def EveryDayAt(self, hour: Any, minute: Any = 0) -> Self:
        """Come back every day at ``hour``:``minute`` in ``settings.TIME_ZONE``."""
        return self.EveryDay().At(hour, minute)

    def At(self, hour: Any, minute: Any = 0) -> Self:
        """Come back at ``hour``:``minute`` in ``settings.TIME_ZONE``, on the days of the rule."""
        return self._once("At", at=(hour, minute))

    def Cron(self, expression: str) -> Self:
        """Come back at the times of a cron expression, such as ``"0 9 * * MON"``."""
        return self._once("Every", every=("cron", expression))

    # What the engine asks

    @property
    def default_target(self) -> str:
        """Where the process comes back to."""
        return self.next_name or self.first

    @property
    def rule(self) -> Recurrence:
        """The rule. Raise `DefinitionError` if there is none, or one that cannot be."""
        kind: str
        value: Any
        kind, value = self.every or ("", None)
        hour, minute = self.at or (None, 0)
        if kind == "days":
            return EveryDays(value, hour, minute)
        if kind == "cron":
            return Cron(value)
        if kind and isinstance(value, int | float) and not isinstance(value, bool):
            try:
                return Every(datetime.timedelta(**{kind: value}))
            except (OverflowError, ValueError):
                raise DefinitionError(
                    f"Repeat {self.name!r} cannot come back every {value} {kind}."
                ) from None
        raise DefinitionError(f"Repeat {self.name!r} does not say when: {value!r}.")

    def waits_until(self, context: Context) -> datetime.datetime | None:
        again = self.rule.next(context.task.created, self.anchor(context))
        before = super().waits_until(context)
        return max(again, before) if before else again

    def anchor(self, context: Context) -> datetime.datetime:
        """Return where the grid begins: when the run first came to where this goes back to."""
        kept = context.task.data.get(self.anchor_key)
        found = parse_datetime(kept) if isinstance(kept, str) else None
        first = found or context.first_visit(self.default_target)
        opened: datetime.datetime = context.task.created
        return min(first, opened) if first else opened

    @property
    def anchor_key(self) -> str:
        """Where the run's ``data`` keeps the beginning of the grid."""
        return f"_{self.name}_since"

    def execute(self, context: Context) -> Outcome:
        return Complete(message="Again", data={self.anchor_key: self.anchor(context).isoformat()})

    def problems(self, label: str) -> Iterator[Problem]:
        yield from super().problems(label)
        hint = "Say when: .EveryHour(), .EveryNMinutes(30), .EveryDay().At(21, 0) or .Cron(...)."
        if self.every is None:
            yield Problem("E130", f"{label} is a Repeat that does not say when.", hint, self.name)
            return
        if self.at and self.every[0] != "days":
            yield Problem(
                "E130",
                f".At() of {label} needs a rule of whole days.",
                "Use .EveryDay().At(21, 0) or .EveryNDays(2).At(21, 0).",
                self.name,
            )
            return
        try:
            problem = self.rule.problem()
        except DefinitionError as error:
            problem = str(error)
        if problem:
            yield Problem("E130", f"{label} cannot repeat: {problem}", hint, self.name)
