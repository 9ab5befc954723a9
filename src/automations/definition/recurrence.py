"""
When something comes again: rules that name the next moment.

``Every`` counts elapsed time. ``EveryDays`` and ``Cron`` read the clock on the wall, in the
project's time zone (``settings.TIME_ZONE``), never in an activated one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from cronsim import CronSim, CronSimError
from django.utils import timezone

from automations.exceptions import DefinitionError

SECOND = timedelta(seconds=1)
UNITS = (("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)), ("second", SECOND))

#: A rule that comes less often than once in a thousand years is a mistake.
LONGEST = timedelta(days=365_000)

#: The short names that cron knows and cronsim does not.
SHORT_NAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * SUN",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

#: Where the search begins that finds out whether an expression ever comes.
SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)


class Recurrence(ABC):
    """A rule that names moments, one after the other; a value without a state."""

    @abstractmethod
    def problem(self) -> str | None:
        """Return what is wrong with the values of the rule, or None."""

    @abstractmethod
    def next(self, after: datetime, anchor: datetime) -> datetime:
        """
        Return the first moment of the rule strictly after ``after``, in UTC.

        ``after`` and ``anchor``, where the rule begins to count, are aware and in any zone.
        Raises ``DefinitionError`` if the rule has a problem, ``ValueError`` for a naive time.
        """

    def refuse_if_wrong(self) -> None:
        """Raise ``DefinitionError`` if the rule has a problem."""
        if problem := self.problem():
            raise DefinitionError(problem)


@dataclass(frozen=True)
class Every(Recurrence):
    """
    Every ``interval`` of elapsed time, on a fixed grid: ``anchor`` + k * ``interval``.

    The anchor itself is the first moment; there is none before it.
    """

    interval: timedelta

    def problem(self) -> str | None:
        if not _is(self.interval, timedelta) or self.interval <= timedelta():
            return (
                f"The interval is {self.interval!r}; use a timedelta that is longer than nothing."
            )
        if self.interval > LONGEST:
            return f"The interval is {self.interval!r}; use one of at most {LONGEST.days} days."
        return None

    def next(self, after: datetime, anchor: datetime) -> datetime:
        self.refuse_if_wrong()
        after, anchor = timezone.localtime(after, UTC), timezone.localtime(anchor, UTC)
        if after < anchor:
            return anchor
        return anchor + ((after - anchor) // self.interval + 1) * self.interval

    def __str__(self) -> str:
        if self.problem():
            return repr(self)
        for name, unit in UNITS:
            if not self.interval % unit:
                return _every(self.interval // unit, name)
        return f"every {self.interval.total_seconds()} seconds"


@dataclass(frozen=True)
class EveryDays(Recurrence):
    """
    Every ``days`` days at ``hour``:``minute``, by the wall clock of the project's time zone.

    The dates are the anchor's local date + k * ``days``; no moment is before the anchor. Without
    ``hour``, the time of day is the anchor's own. A time that the clock skips comes at the next
    minute that there is (2:30 at 3:00 when the clock is put forward); one that the clock shows
    twice comes once, at the first.
    """

    days: int = 1
    hour: int | None = None
    minute: int = 0

    def problem(self) -> str | None:
        if not _is(self.days, int) or self.days < 1:
            return f"The number of days is {self.days!r}; use a whole number from 1."
        if self.days > LONGEST.days:
            return f"The number of days is {self.days}; use one of at most {LONGEST.days}."
        if self.hour is not None and not (_is(self.hour, int) and 0 <= self.hour <= 23):
            return f"The hour is {self.hour!r}; use a whole number from 0 to 23."
        if not (_is(self.minute, int) and 0 <= self.minute <= 59):
            return f"The minute is {self.minute!r}; use a whole number from 0 to 59."
        if self.hour is None and self.minute:
            return f"The minute is {self.minute}, but there is no hour; say both or neither."
        return None

    def next(self, after: datetime, anchor: datetime) -> datetime:
        self.refuse_if_wrong()
        zone = timezone.get_default_timezone()
        # In UTC: two times of one zone are compared without regard to the hour that comes twice.
        after, anchor = timezone.localtime(after, UTC), timezone.localtime(anchor, UTC)
        first = _wall(anchor, zone)
        if self.hour is not None:
            first = datetime.combine(first, time(self.hour, self.minute))
        days = (_wall(max(after, anchor), zone).date() - first.date()).days
        wall = first + timedelta(days=days // self.days * self.days)
        # Once or twice at the most: the time of that date is over, or was before a second midnight.
        while (moment := _once(wall, zone)) <= after or moment < anchor:
            wall += timedelta(days=self.days)
        return moment

    def __str__(self) -> str:
        if self.problem():
            return repr(self)
        text = _every(self.days, "day")
        return text if self.hour is None else f"{text} at {self.hour:02}:{self.minute:02}"


@dataclass(frozen=True)
class Cron(Recurrence):
    """
    At the times of a cron expression, by the wall clock of the project's time zone.

    Five fields: minute, hour, day of month, month, day of week. If a day field begins with ``*``
    both day fields must match, else one of them. ``@hourly``, ``@daily``, ``@midnight``,
    ``@weekly``, ``@monthly``, ``@yearly`` and ``@annually`` are known. The anchor has no meaning.

    When the clocks change, the rules are those of Debian's cron. A fixed time (neither minute nor
    hour begins with ``*``) comes once, as with ``EveryDays``: at the next minute that there is if
    the clock skips it, at the first if the clock shows it twice. With ``*`` the expression comes
    whenever the clock shows a time that matches: ``*/30 * * * *`` comes in both hours, and
    ``*/30 2 * * *`` not at all on a day that has no 2 o'clock.
    """

    expression: str

    def problem(self) -> str | None:
        try:
            self.next(SOME_DAY, SOME_DAY)
        except DefinitionError as error:
            return str(error)
        return None

    def next(self, after: datetime, anchor: datetime) -> datetime:
        zone = timezone.get_default_timezone()
        after = timezone.localtime(after, UTC)
        wall = _wall(after, zone)
        if self._is_fixed():
            return next(
                moment for match in self._matches(wall) if (moment := _once(match, zone)) > after
            )
        moment = self._shown(wall, after, zone)
        first, second = _moments(wall, zone)
        if after == first < second:
            # The clock will be set back and show these times again: also look from there.
            change = _change(first, second, zone)
            again = self._shown(_wall(change, zone) - SECOND, change - SECOND, zone)
            moment = min(moment, again)
        return moment

    def __str__(self) -> str:
        return f"cron {self.expression}"

    def _fields(self) -> list[str]:
        """Return the five fields of the expression."""
        if not isinstance(self.expression, str):
            raise DefinitionError(f"The cron expression is {self.expression!r}; use a text.")
        expression = self.expression.strip()
        fields = SHORT_NAMES.get(expression.lower(), expression).split()
        if len(fields) != 5:
            raise self._unreadable("wrong number of fields")
        return fields

    def _unreadable(self, why: str) -> DefinitionError:
        return DefinitionError(
            f"The cron expression {self.expression!r} cannot be read: {why}. "
            f"Write minute, hour, day of month, month and day of week, such as '0 9 * * MON'."
        )

    def _is_fixed(self) -> bool:
        """Return whether neither the minute nor the hour is left open."""
        return not any(field.startswith("*") for field in self._fields()[:2])

    def _matches(self, wall: datetime) -> Iterator[datetime]:
        """
        Yield the local times after ``wall`` that match, without end.

        cronsim gets times without a zone, and where the clock changes is decided here. Given a
        zone, it misses times where the clock changes by half an hour or at midnight, and in an hour
        that comes again it can name a moment that is over.
        """
        try:
            yield from CronSim(" ".join(self._fields()), wall)
        except CronSimError as error:
            raise self._unreadable(str(error).lower()) from error
        raise DefinitionError(
            f"The cron expression {self.expression!r} never comes: there is no such day."
        )

    def _shown(self, wall: datetime, after: datetime, zone: tzinfo) -> datetime:
        """Return when, after ``after``, the clock first shows a match later than ``wall``."""
        readings = (_moments(match, zone) for match in self._matches(wall))
        first, second = next(reading for reading in readings if reading[0] <= reading[1])
        return first if first > after else second


def _is(value: object, kind: type) -> bool:
    """Return whether ``value`` is of that type; True and False are no numbers."""
    return isinstance(value, kind) and not isinstance(value, bool)


def _every(number: int, unit: str) -> str:
    """Return "every hour" or "every 2 hours"."""
    return f"every {unit}" if number == 1 else f"every {number} {unit}s"


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    """Return what the clock of ``zone`` shows at ``moment``, as a time without a zone."""
    return timezone.localtime(moment, zone).replace(tzinfo=None, fold=0)


def _moments(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """
    Return the two moments, in UTC, that the local time ``wall`` can stand for.

    They are equal except where the clock changes: in order if it shows this time twice, and the
    second before the first if it never does.
    """
    local = wall.replace(tzinfo=zone)
    return local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)


def _once(wall: datetime, zone: tzinfo) -> datetime:
    """Return when the clock first shows ``wall``, or the next minute if it never does."""
    first, second = _moments(wall, zone)
    return first if first <= second else _change(second, first, zone)


def _change(early: datetime, late: datetime, zone: tzinfo) -> datetime:
    """Return when the clock is changed, after ``early`` and not after ``late``, to the second."""
    early = early.replace(microsecond=0)
    offset = early.astimezone(zone).utcoffset()

    def is_over(seconds: int) -> bool:
        return (early + seconds * SECOND).astimezone(zone).utcoffset() != offset

    return early + SECOND * bisect_left(range((late - early) // SECOND), 1, key=is_over)
