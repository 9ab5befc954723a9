"""Running what is due until nothing is: the sweeps of `automation_step`, without its sleep."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from automations import notices, settings
from automations.dispatch.sweep import Report, sweep
from automations.engine.locking import runs, tasks
from automations.exceptions import AutomationError
from automations.models.runs import RunState
from automations.testing.failures import surfacing
from automations.testing.telling import name_of, standing

#: Tasks that one run comes to at one moment, or sweeps, after which it is taken to be endless.
LIMIT = 1000


class NeverIdle(AssertionError):
    """A run goes round and round without ever waiting."""


class SweepFailed(AutomationError):
    """A run, or a schedule, could not even be worked on; the log says why."""


def run_until_idle(*, limit: int = LIMIT, incidents: bool = False) -> int:
    """
    Run everything that is due now, and what comes of it, until nothing is; return how many tasks.

    These are the sweeps of `automation_step`: schedules, messages, work in the background and
    e-mails to people included. No time passes; what waits, waits on. What fails is raised at the
    end, when all the others have been run; with ``incidents`` it becomes an incident as in
    production. Raise `NeverIdle` if one run comes to ``limit`` tasks without ever waiting.
    """
    with surfacing(incidents=incidents):
        return settle(limit).done


@dataclass(frozen=True)
class Settled:
    """How many tasks were done; and when a run is due next, None if that is not known."""

    done: int
    soonest: datetime | None


def settle(limit: int = LIMIT) -> Settled:
    """Sweep until nothing is due, or only what waits for a condition that is false."""
    since, done, sweeps = settings.now(), 0, 0
    while True:
        report = sweep()
        if report.broken:
            raise SweepFailed(f"A sweep could not do all of its work ({report}): see the log.")
        notices.send_due()
        done, sweeps = done + report.done, sweeps + 1
        if not has_moved(report):
            return Settled(done, None)
        soonest = soonest_due()
        if soonest is None or soonest > settings.now():
            return Settled(done, soonest)
        if done >= limit or sweeps >= limit:
            refuse_endless(since, limit, always=sweeps >= limit)


def has_moved(report: Report) -> bool:
    """Return whether a sweep has done anything after which there may be more to do."""
    return bool(report.done or report.failed or report.started or report.reached or report.left)


def soonest_due() -> datetime | None:
    """Return when a run is due that has been due longest, or is due next; None if none ever is."""
    dues = runs().filter(state=RunState.RUNNING, due__isnull=False)
    return dues.order_by("due").values_list("due", flat=True).first()


def refuse_endless(since: datetime, limit: int, *, always: bool) -> None:
    """Raise `NeverIdle`, naming the run that has done most, if that is too much."""
    going = tasks().filter(automation__state=RunState.RUNNING, created__gte=since)
    most = going.values("automation").annotate(number=Count("pk")).order_by("-number").first()
    if most is None or not (always or most["number"] >= limit):
        return
    row = runs().get(pk=most["automation"])
    last = tasks().filter(automation=row.pk).order_by("-pk").values_list("status", flat=True)[0]
    raise NeverIdle(
        f"{name_of(row)} never waits: it has come to {most['number']} nodes at one moment, to "
        f"{last!r} last. Let it wait, with .AfterWaitingFor() for example; if it is to do so much "
        f"at once, say so: clock(limit=...), run_until_idle(limit=...).\n{standing(row)}"
    )
