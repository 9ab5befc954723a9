"""
How the automations are: read from the database, in a few queries, changing nothing.

A command, a page and a collector for Prometheus show the same report.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Self

from django.db.models import Count, Min, Q

from automations import settings
from automations.definition import known
from automations.engine.locking import DatabaseNow, alias, runs, tasks
from automations.models import AutomationSweepModel
from automations.models.runs import RunState


@dataclass(frozen=True)
class Limits:
    """
    What is still right: ages in seconds, the others numbers.

    A negative limit is none.
    """

    max_age: float = 300
    max_late: float = 300
    max_expired: float = 0
    max_incidents: float = 0
    max_nobody: float = 0

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Return the limits that ``given`` has, else the usual. Raise `ValueError` for nonsense."""
        chosen = {}
        for limit in fields(cls):
            if limit.name in given:
                chosen[limit.name] = number(given[limit.name])
        return cls(**chosen)


def number(value: Any) -> float:
    """Return ``value`` as a number. Raise `ValueError` if it is none, or has no end."""
    found = float(value)
    if not math.isfinite(found):
        raise ValueError(f"{value!r} is no limit.")
    return found


@dataclass(frozen=True)
class Health:
    """
    What a monitor wants to know.

    ``last_sweep`` is when a sweep was last noted, to a minute, and ``sweep_age`` how many seconds
    ago. ``due`` counts the runs that are due and that nobody works on. ``oldest_due`` is since when
    one of their tasks is due, those aside that only wait for a condition, and ``late`` how many
    seconds that is. ``expired_claims`` counts runs and background works whose worker did not come
    back, ``incidents`` runs that were stopped by an error, ``nobody`` tasks that nobody of those
    who are asked can do.
    """

    last_sweep: datetime | None
    sweep_age: float | None
    due: int
    oldest_due: datetime | None
    late: float
    expired_claims: int
    incidents: int
    nobody: int

    def problems(self, limits: Limits) -> list[str]:
        """Return a sentence for each thing that is wrong."""
        found = []
        if self.due and exceeds(self.sweep_age, limits.max_age):
            since = "ever" if self.sweep_age is None else f"for {self.sweep_age:.0f} seconds"
            found.append(f"No sweep has been noted {since}, and {self.due} runs are due.")
        if exceeds(self.late, limits.max_late):
            found.append(f"A task has been due for {self.late:.0f} seconds.")
        if exceeds(self.expired_claims, limits.max_expired):
            found.append(f"{self.expired_claims} claims have expired: a worker was lost.")
        if exceeds(self.incidents, limits.max_incidents):
            found.append(f"{self.incidents} runs were stopped by an error.")
        if exceeds(self.nobody, limits.max_nobody):
            found.append(f"{self.nobody} tasks wait for people none of whom can act.")
        return found

    def report(self, limits: Limits) -> dict[str, Any]:
        """Return all of it as what JSON can be made of."""
        problems = self.problems(limits)
        return {"ok": not problems, "problems": problems, **asdict(self)}


def exceeds(value: float | None, limit: float) -> bool:
    """Return whether ``value`` (None: endless) is above ``limit``, if there is one."""
    return limit >= 0 and (value is None or value > limit)


def read() -> Health:
    """Read how things are: five queries, whatever there is."""
    now = settings.now()
    sweeps = AutomationSweepModel.objects.using(alias()).annotate(now=DatabaseNow())
    last, clock = sweeps.values_list("last", "now").first() or (None, None)
    expired = Q(claimed_until__lte=DatabaseNow())
    counts = (
        runs()
        .filter(due__lte=now)
        .aggregate(
            free=Count("pk", filter=Q(claimed_until=None) | expired),
            expired=Count("pk", filter=expired),
        )
    )
    oldest, lost = late_tasks(now)
    return Health(
        last_sweep=last,
        sweep_age=max(0.0, (clock - last).total_seconds()) if last and clock else None,
        due=counts["free"],
        oldest_due=oldest,
        late=(now - oldest).total_seconds() if oldest else 0.0,
        expired_claims=counts["expired"] + lost,
        incidents=runs().filter(state=RunState.FAILED).count(),
        nobody=tasks().stranded().count(),
    )


def late_tasks(now: datetime) -> tuple[datetime | None, int]:
    """
    Return since when a task is due that nobody works on, and how many works have lost their worker.

    A condition that is false stays due, so those that wait for one do not count.
    """
    free = Q(automation__claimed_until=None) | Q(automation__claimed_until__lte=DatabaseNow())
    asking = Q(pk=None)
    for definition in known.startable():
        names = [name for name, node in definition.nodes.items() if node.polls]
        if names:
            asking |= Q(automation__automation_class__in=definition.labels, status__in=names)
    late = tasks().open().filter(free, due__lte=now, automation__due__lte=now).exclude(asking)
    found = late.aggregate(
        oldest=Min("due"), lost=Count("pk", filter=Q(claimed_until__lte=DatabaseNow()))
    )
    return found["oldest"], found["lost"]
