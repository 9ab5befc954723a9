"""Rules that come back: the names that cron has, the words they are told with, their limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from automations.definition.recurrence import Cron, Every, EveryDays

MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "next_time"),
    [
        ("@hourly", "2026-03-02T10:00"),
        ("@daily", "2026-03-03T00:00"),
        ("@midnight", "2026-03-03T00:00"),
        ("@weekly", "2026-03-08T00:00"),
        ("@monthly", "2026-04-01T00:00"),
        ("@yearly", "2027-01-01T00:00"),
        ("@annually", "2027-01-01T00:00"),
        ("@Daily", "2026-03-03T00:00"),
    ],
)
def test_cron_s_short_names_are_known(name: str, next_time: str, settings: Any) -> None:
    settings.TIME_ZONE = "UTC"
    assert Cron(name).next(MONDAY, MONDAY) == datetime.fromisoformat(next_time + "+00:00")


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (timedelta(hours=1), "every hour"),
        (timedelta(hours=36), "every 36 hours"),
        (timedelta(minutes=1), "every minute"),
        (timedelta(minutes=90), "every 90 minutes"),
        (timedelta(seconds=1), "every second"),
        (timedelta(seconds=61), "every 61 seconds"),
        (timedelta(seconds=1.5), "every 1.5 seconds"),
    ],
)
def test_a_span_is_told_in_the_largest_unit_that_it_is_made_of(
    interval: timedelta, words: str
) -> None:
    assert str(Every(interval)) == words


def test_a_rule_comes_at_least_once_in_a_thousand_years() -> None:
    assert Every(timedelta(days=365_000)).problem() is None
    assert Every(timedelta(days=365_000, seconds=1)).problem() is not None
    assert EveryDays(365_000).problem() is None
    assert EveryDays(365_001).problem() is not None


def test_every_day_is_one_day_after_the_other() -> None:
    assert EveryDays() == EveryDays(1, None, 0)
    assert EveryDays().next(MONDAY, MONDAY) == MONDAY + timedelta(days=1)
