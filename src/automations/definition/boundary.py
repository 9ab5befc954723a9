"""What may happen beside a task that waits: reminders and timeouts, as values."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from automations.exceptions import DefinitionError

#: Reminders without ``times`` go on as long as the task waits.
ENDLESS = 10**9


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
    with ``what``, for anything else.
    """
    if isinstance(value, datetime.timedelta):
        return opened + value
    if isinstance(value, datetime.datetime):
        return aware(value)
    raise DefinitionError(f"{what} needs a timedelta or a datetime, not {value!r}.")


def aware(value: datetime.datetime) -> datetime.datetime:
    """Return ``value``; a naive one is taken to be in ``settings.TIME_ZONE``."""
    if timezone.is_naive(value):
        return timezone.make_aware(value, timezone.get_default_timezone())
    return value
