"""
A time of day comes once on each date, whatever the clocks do.

The right answer is found without arithmetic: look at the clock minute by minute. On each date the
first minute at which it shows the time or later is the one: that is the time itself, its first
if there are two, and the next minute that there is if the clock skips it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from automations.definition.recurrence import Cron, EveryDays
from tests.proofs.recording import Recorder

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
FIRST = date(2024, 1, 1)
DATES = [FIRST + number * DAY for number in range(366)]

#: What happens in 2024 in each zone: how often the clocks change, and what the gap swallows.
ZONES = {
    "Europe/Berlin": ([time(2), time(2, 30)], 2),
    "America/New_York": ([time(2), time(2, 30)], 2),
    "Australia/Lord_Howe": ([time(2)], 2),  # by half an hour
    "Asia/Beirut": ([time(0), time(0, 30)], 2),  # at midnight
    "UTC": ([], 0),
}
TIMES = [time(3), time(2, 30), time(2), time(0)]


def look(zone: ZoneInfo, date: date) -> dict[time, datetime]:
    """Return when the clock first shows each of the times, or more, on the date."""
    # Ten in the evening before: no clock is changed between then and eleven.
    moment = datetime.combine(date - DAY, time(22), tzinfo=zone).astimezone(UTC)
    found: dict[time, datetime] = {}
    missing = sorted(TIMES, reverse=True)
    while missing:
        local = moment.astimezone(zone)
        while missing and local.date() == date and local.time() >= missing[-1]:
            found[missing.pop()] = moment
        moment += MINUTE
    return found


def changes(zone: ZoneInfo) -> list[date]:
    """Return the dates on which the clocks are changed."""
    noons = [datetime.combine(date, time(12), tzinfo=zone) for date in [FIRST - DAY, *DATES]]
    return [
        noon.date() for before, noon in pairwise(noons) if before.utcoffset() != noon.utcoffset()
    ]


def around(dates: Iterable[date], step: timedelta) -> Iterable[datetime]:
    """Yield moments all through each date, the one before and the one after, wherever on Earth."""
    for day in dates:
        start = datetime.combine(day, time(), tzinfo=UTC) - 2 * DAY
        yield from (start + number * step for number in range(4 * DAY // step))


@pytest.mark.parametrize("name", ZONES)
def test_a_time_of_day_comes_once_on_each_date(name: str, settings: Any, proof: Recorder) -> None:
    settings.TIME_ZONE = name
    zone = ZoneInfo(name)
    swallowed, number = ZONES[name]
    answers = {date: look(zone, date) for date in [*DATES, DATES[-1] + DAY, DATES[-1] + 2 * DAY]}
    changed = changes(zone)
    assert len(changed) == number

    missed: set[time] = set()
    for wanted in TIMES:
        right = [found[wanted] for found in answers.values()]
        shown = [moment.astimezone(zone) for moment in right]
        assert [moment.date() for moment in shown] == list(answers)
        missed.update(wanted for moment in shown if moment.time() != wanted)

        anchor = datetime.combine(FIRST, time(), tzinfo=zone)
        for rule in (
            EveryDays(hour=wanted.hour, minute=wanted.minute),
            Cron(f"{wanted.minute} {wanted.hour} * * *"),
        ):
            moment = anchor.astimezone(UTC) - MINUTE
            for expected in right:
                moment = rule.next(moment, anchor)
                assert moment == expected, rule
            # The same for whoever asks at any other moment.
            for after in around(changed, 20 * MINUTE):
                expected = next(moment for moment in right if moment > after)
                assert rule.next(after, anchor) == expected, (rule, after)
    assert missed == set(swallowed) & set(TIMES)
    done = f"{len(TIMES)} times of day on each of {len(DATES)} dates in {name}: once each"
    proof("P9", done=done, exact=len(TIMES) * len(DATES))


#: Expressions with stars, and what they say of a local time.
STARS = {
    "*/30 * * * *": lambda local: local.minute % 30 == 0,
    "0 * * * *": lambda local: local.minute == 0,
    "*/10 1 * * *": lambda local: local.hour == 1 and local.minute % 10 == 0,
    "*/10 2 * * *": lambda local: local.hour == 2 and local.minute % 10 == 0,
    "*/20 3 * * SUN": lambda local: (
        local.isoweekday() == 7 and local.hour == 3 and local.minute % 20 == 0
    ),
    "*/30 0,1 * * SUN": lambda local: (
        local.isoweekday() == 7 and local.hour in (0, 1) and local.minute % 30 == 0
    ),
    "15 */2 * * *": lambda local: local.minute == 15 and local.hour % 2 == 0,
}


@pytest.mark.parametrize("name", ZONES)
def test_an_expression_with_stars_comes_whenever_the_clock_shows_its_time(
    name: str, settings: Any
) -> None:
    settings.TIME_ZONE = name
    zone = ZoneInfo(name)
    days = changes(zone) or [FIRST]
    for day in days:
        start = datetime.combine(day, time(), tzinfo=UTC) - 2 * DAY
        minutes = [start + number * MINUTE for number in range(11 * 24 * 60)]
        local = [(moment, moment.astimezone(zone)) for moment in minutes]
        for expression, matches in STARS.items():
            right = [moment for moment, shown in local if matches(shown)]
            rule = Cron(expression)
            for after in around([day], 10 * MINUTE):
                expected = next(moment for moment in right if moment > after)
                assert rule.next(after, after) == expected, (expression, after)
