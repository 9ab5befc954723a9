"""What may happen beside a task that waits: reminders and timeouts, as values."""

from __future__ import annotations

import datetime
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from automations.exceptions import DefinitionError

#: Reminders without ``times`` go on as long as the task waits.
ENDLESS = 10**9

#: Moments outside cannot be kept, or not be shown in every time zone.
EARLIEST = datetime.datetime(1, 1, 2, tzinfo=datetime.UTC)
LATEST = datetime.datetime(9999, 12, 31, tzinfo=datetime.UTC)
BEYOND, NEARER = (
    "which leads out of the calendar, the years 1 to 9999",
    "Give a time that is nearer.",
)

#: From where a time span that stands in the code is tried: every run begins later.
SOME_DAY = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Timeout:
    """After ``delay`` the wait ends, and the process goes on at the node ``target``."""

    delay: Any
    target: str


@dataclass(frozen=True)
class Reminder:
    """
    Work that is done while a task waits: first after ``after``, then every ``every``.

    ``times`` is how often in all; None: once without ``every``, else as long as the task waits.
    """

    work: Any
    after: Any
    every: Any = None
    times: Any = None

    @property
    def limit(self) -> int:
        """How often the work is done in all."""
        if self.every is None:
            return 1
        return ENDLESS if self.times is None else int(self.times)


@dataclass(frozen=True)
class Grid:
    """The moments of one reminder for one task: the first, and the span between two."""

    first: datetime.datetime
    every: datetime.timedelta | None
    limit: int

    def passed(self, now: datetime.datetime) -> int:
        """Return how many of the moments have come."""
        if now < self.first:
            return 0
        if self.every is None:
            return 1
        return min(self.limit, (now - self.first) // self.every + 1)

    def moment(self, number: int) -> datetime.datetime | None:
        """Return the moment after ``number`` others; None if there is none."""
        if number >= self.limit:
            return None
        return self.first + number * self.every if self.every else self.first


def moment_of(value: Any, opened: datetime.datetime, what: str) -> datetime.datetime:
    """
    Return the moment that ``value`` says: a timedelta after ``opened``, or a datetime itself.

    A naive datetime is taken to be in ``settings.TIME_ZONE``. Raise `DefinitionError`, beginning
    with ``what``, for anything else, and for what leads out of the calendar.
    """
    if not isinstance(value, datetime.timedelta | datetime.datetime):
        raise DefinitionError(f"{what} needs a timedelta or a datetime, not {value!r}.")
    moment = reached(value, opened)
    if moment is None:
        raise DefinitionError(f"{what} cannot be {value!r}, {BEYOND}. {NEARER}")
    return moment


def reached(value: Any, opened: datetime.datetime) -> datetime.datetime | None:
    """Return the moment that a timedelta or datetime says; None if the calendar has no such day."""
    with suppress(OverflowError):
        moment = opened + value if isinstance(value, datetime.timedelta) else aware(value)
        if EARLIEST <= moment <= LATEST:
            return moment
    return None


def aware(value: datetime.datetime) -> datetime.datetime:
    """Return ``value``; a naive one is taken to be in ``settings.TIME_ZONE``."""
    if timezone.is_naive(value):
        return timezone.make_aware(value, timezone.get_default_timezone())
    return value
