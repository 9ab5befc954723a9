"""A clock that a test moves, and with it what falls due."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

from django.test import override_settings
from django.utils import timezone

from automations import settings
from automations.testing.ahead import next_moment
from automations.testing.failures import collecting, surfacing
from automations.testing.idling import LIMIT, settle
from automations.testing.telling import local

#: How often conditions are looked at while time is moved, if the test says nothing else.
HOURLY = timedelta(hours=1)


class Movable(Protocol):
    """What moves all other clocks: the traveller of time-machine, the clock of freezegun."""

    def move_to(self, moment: datetime, /) -> object:
        """Let it be ``moment``."""


class Clock:
    """
    Process time (``ATM_CLOCK``, `flow.now`) that stands still until it is moved.

    ``start`` is an aware datetime, ``every`` how often conditions are looked at again while time
    is moved, ``beside`` other clocks to be moved along, ``limit`` how many tasks of one run are
    too many at one moment.
    """

    def __init__(
        self,
        start: datetime,
        *,
        every: timedelta | None = HOURLY,
        beside: Movable | None = None,
        limit: int = LIMIT,
    ) -> None:
        self._now = start.astimezone(UTC)
        self.every = every
        self.beside = beside
        self.limit = limit

    @property
    def now(self) -> datetime:
        """The moment that the clock shows, as an aware datetime in UTC."""
        return self._now

    def __call__(self) -> datetime:
        """Return the moment that the clock shows: it can be ``ATM_CLOCK`` itself."""
        return self._now

    def advance(
        self,
        by: timedelta = timedelta(),
        /,
        *,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        incidents: bool = False,
    ) -> None:
        """
        Let so much time pass, and run what falls due meanwhile; see `move_to`.

        It is elapsed time: ``days=1`` is 24 hours, also when the clocks change.
        """
        given = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        self.move_to(self._now + by + given, incidents=incidents)

    def move_to(self, moment: datetime, *, incidents: bool = False) -> None:
        """
        Let it become ``moment``, and run what falls due until then, in order, each at its moment.

        A naive ``moment`` is in ``TIME_ZONE``. What fails is raised at the end, when all the
        others have been run; with ``incidents`` it becomes an incident. Raise `ValueError` if the
        moment has passed, `NeverIdle` if a run never waits.
        """
        end = aware(moment)
        if end < self._now:
            raise ValueError(
                f"Process time never goes back: it is {local(self._now)} already, after "
                f"{local(end)}."
            )
        with surfacing(incidents=incidents):
            settled = settle(self.limit)
            while (ahead := next_moment(self._now, self.every, settled.soonest)) and ahead <= end:
                self.show(ahead)
                settled = settle(self.limit)
            if self._now < end:
                self.show(end)
                settle(self.limit)

    def show(self, moment: datetime) -> None:
        """Let it be ``moment``, whatever it was before, and run nothing."""
        self._now = moment.astimezone(UTC)
        if self.beside is not None:
            self.beside.move_to(self._now)

    def __repr__(self) -> str:
        return f"<Clock {local(self._now)}>"


@contextmanager
def clock(
    start: datetime | None = None,
    *,
    every: timedelta | None = HOURLY,
    beside: Movable | None = None,
    limit: int = LIMIT,
    incidents: bool = False,
) -> Iterator[Clock]:
    """
    Let process time stand still at ``start``, for the test to move it.

    ``start`` is an aware datetime (a naive one is in ``TIME_ZONE``); without it, it is what
    process time is: the frozen time where time-machine or freezegun has frozen it. While time is
    moved, conditions (``.AsSoonAs()``, ``.SkipIf()``) are looked at whenever anything is due, and
    at least ``every`` timedelta, which here takes the place of ``ATM_POLL``; with None, only
    then. ``beside`` is what `time_machine.travel` or `freezegun.freeze_time` gives: it is moved
    along, so that a process may also ask Django or Python for the time. A run that comes to
    ``limit`` tasks at one moment is taken to be endless. What is run behind a request is limited
    by the number of tasks alone, however slow the machine is.

    What fails in a process is raised by the next call that runs anything, and at the latest at
    the end of the block, as it was raised there. With ``incidents`` runs become incidents, as in
    production.
    """
    begin = settings.now() if start is None else aware(start)
    made = Clock(begin, every=every, beside=beside, limit=limit)
    if beside is not None:
        beside.move_to(made.now)
    with override_settings(ATM_CLOCK=made, ATM_POLL=0), collecting(incidents=incidents):
        yield made


def aware(moment: datetime) -> datetime:
    """Return ``moment`` in UTC; a naive one is in ``TIME_ZONE``."""
    if timezone.is_naive(moment):
        moment = timezone.make_aware(moment, timezone.get_default_timezone())
    return moment.astimezone(UTC)
