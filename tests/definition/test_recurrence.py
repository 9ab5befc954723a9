"""When something comes again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from automations.definition import recurrence
from automations.definition.recurrence import Cron, Every, EveryDays, Recurrence
from automations.exceptions import DefinitionError
from tests.plain import DAY, HOUR, NOW

MINUTE = timedelta(minutes=1)
BERLIN = ZoneInfo("Europe/Berlin")

moments = st.datetimes(
    datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)
)  # before 1990 some zones changed their clocks by odd seconds
intervals = st.timedeltas(timedelta(microseconds=1), timedelta(days=400))
clocks = st.builds(
    EveryDays, days=st.integers(1, 40), hour=st.integers(0, 23), minute=st.integers(0, 59)
)
rules = st.one_of(
    st.builds(Every, intervals),
    st.builds(EveryDays, days=st.integers(1, 40)),
    clocks,
    st.builds(
        lambda minute, hour, day: Cron(f"{minute} {hour} * * {day}"),
        st.sampled_from(["0", "30", "*", "*/7", "15,45", "10-12"]),
        st.sampled_from(["0", "2", "*", "*/5", "1-3", "23"]),
        st.sampled_from(["*", "SUN", "MON#1", "5L"]),
    ),
)


def berlin(*numbers: int, fold: int = 0) -> datetime:
    """Return a local time in Berlin, the project's time zone in the tests."""
    return datetime(*numbers, tzinfo=BERLIN, fold=fold)  # type: ignore[misc, arg-type]  # mypy counts the numbers


def firings(rule: Recurrence, after: datetime, count: int) -> list[datetime]:
    """Return the next moments of the rule, in Berlin's time; the anchor is ``after``."""
    found = [after]
    for _ in range(count):
        found.append(rule.next(found[-1], after))
    return [moment.astimezone(BERLIN) for moment in found[1:]]


# All rules


@given(rules, moments, moments)
def test_the_next_moment_is_strictly_later_and_in_utc(
    rule: Recurrence, after: datetime, anchor: datetime
) -> None:
    moment = rule.next(after, anchor)
    assert moment > after
    assert moment.tzinfo is UTC


@given(rules, moments, moments, st.timedeltas(timedelta(), timedelta(days=500)))
def test_whoever_asks_later_gets_no_earlier_moment(
    rule: Recurrence, after: datetime, anchor: datetime, later: timedelta
) -> None:
    assert rule.next(after + later, anchor) >= rule.next(after, anchor)


@given(rules, moments, moments, st.floats(0, 1, exclude_max=True))
def test_no_moment_lies_between_one_and_the_next(
    rule: Recurrence, after: datetime, anchor: datetime, part: float
) -> None:
    moment = rule.next(after, anchor)
    between = after + (moment - after) * part
    assert between == moment or rule.next(between, anchor) == moment
    assert rule.next(moment - timedelta(microseconds=1), anchor) == moment


@given(rules, moments, moments)
def test_the_zone_in_which_a_moment_is_given_makes_no_difference(
    rule: Recurrence, after: datetime, anchor: datetime
) -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    there = rule.next(after.astimezone(tokyo), anchor.astimezone(BERLIN))
    assert there == rule.next(after, anchor)


@pytest.mark.parametrize("rule", [Every(HOUR), EveryDays(), Cron("0 9 * * *")])
def test_a_time_without_a_zone_is_refused(rule: Recurrence) -> None:
    with pytest.raises(ValueError, match="naive"):
        rule.next(datetime(2026, 1, 1), datetime(2026, 1, 1))


def test_rules_are_values() -> None:
    assert {Every(HOUR), Every(60 * MINUTE)} == {Every(HOUR)}
    assert {EveryDays(2, 3), EveryDays(days=2, hour=3)} == {EveryDays(2, 3)}
    assert repr(Cron("0 9 * * MON")) == "Cron(expression='0 9 * * MON')"


@pytest.mark.parametrize("rule", [EveryDays(hour=9), Cron("0 9 * * *")])
def test_the_wall_clock_is_the_projects_and_not_an_activated_one(
    rule: Recurrence, settings: Any
) -> None:
    settings.TIME_ZONE = "America/New_York"
    with timezone.override("Asia/Tokyo"):
        assert rule.next(NOW, NOW) == datetime(2026, 3, 2, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (Every(30 * MINUTE), "every 30 minutes"),
        (Every(MINUTE), "every minute"),
        (Every(HOUR), "every hour"),
        (Every(DAY), "every 24 hours"),
        (Every(90 * MINUTE), "every 90 minutes"),
        (Every(timedelta(seconds=5)), "every 5 seconds"),
        (Every(timedelta(seconds=1.5)), "every 1.5 seconds"),
        (EveryDays(), "every day"),
        (EveryDays(hour=21), "every day at 21:00"),
        (EveryDays(2, 3, 5), "every 2 days at 03:05"),
        (Cron("0 9 * * MON"), "cron 0 9 * * MON"),
        (Every(timedelta()), "Every(interval=datetime.timedelta(0))"),
        (EveryDays(hour="9"), "EveryDays(days=1, hour='9', minute=0)"),  # type: ignore[arg-type]  # the flaw
    ],
)
def test_a_rule_says_what_it_is(rule: Recurrence, text: str) -> None:
    assert str(rule) == text


# What can be wrong


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (Every(timedelta()), "The interval is datetime.timedelta(0);"),
        (Every(-HOUR), "longer than nothing"),
        (
            Every(timedelta.max),
            "seconds=86399, microseconds=999999); use one of at most 365000 days.",
        ),
        (EveryDays(365_001), "The number of days is 365001; use one of at most 365000."),
        (Every(60), "The interval is 60; use a timedelta"),  # type: ignore[arg-type]  # the flaw
        (EveryDays(0), "The number of days is 0; use a whole number from 1."),
        (EveryDays(1.5), "The number of days is 1.5"),  # type: ignore[arg-type]  # the flaw
        (EveryDays(True), "The number of days is True"),
        (EveryDays(hour=24), "The hour is 24; use a whole number from 0 to 23."),
        (EveryDays(hour=-1), "The hour is -1"),
        (EveryDays(hour="9"), "The hour is '9'"),  # type: ignore[arg-type]  # the flaw
        (EveryDays(hour=9, minute=60), "The minute is 60; use a whole number from 0 to 59."),
        (EveryDays(hour=9, minute=None), "The minute is None"),  # type: ignore[arg-type]  # the flaw
        (EveryDays(minute=30), "The minute is 30, but there is no hour"),
        (Cron("61 * * * *"), "'61 * * * *' cannot be read: bad minute. Write minute, hour"),
        (Cron("* * * *"), "cannot be read: wrong number of fields."),
        (Cron("0 0 9 * * MON"), "'0 0 9 * * MON' cannot be read: wrong number of fields."),
        (Cron(""), "cannot be read: wrong number of fields."),
        (Cron("@reboot"), "'@reboot' cannot be read"),
        (Cron("0 0 30 2 *"), "'0 0 30 2 *' cannot be read: bad day-of-month."),
        (Cron("0 0 */15 * MON#2"), "'0 0 */15 * MON#2' never comes: there is no such day."),
        (Cron("* * */15 * MON#2"), "never comes"),
        (Cron(9), "The cron expression is 9; use a text."),  # type: ignore[arg-type]  # the flaw
    ],
)
def test_a_wrong_value_is_named_and_not_worked_with(rule: Recurrence, text: str) -> None:
    problem = rule.problem()
    assert problem is not None
    assert text in problem
    with pytest.raises(DefinitionError) as refusal:
        rule.next(NOW, NOW)
    assert str(refusal.value) == problem


@given(rules)
def test_a_right_rule_has_no_problem(rule: Recurrence) -> None:
    assert rule.problem() is None


@given(st.lists(st.text("0123456789*/,-#L WMONJAFEB@", max_size=6), max_size=7).map(" ".join))
def test_any_text_is_an_expression_that_works_or_one_with_a_problem(text: str) -> None:
    rule = Cron(text)
    if rule.problem() is None:
        assert rule.next(NOW, NOW) > NOW
    else:
        with pytest.raises(DefinitionError):
            rule.next(NOW, NOW)


# Elapsed time


@given(intervals, moments, moments)
def test_an_interval_stays_on_its_grid_and_skips_no_point(
    interval: timedelta, after: datetime, anchor: datetime
) -> None:
    moment = Every(interval).next(after, anchor)
    assert (moment - anchor) % interval == timedelta()
    assert moment >= anchor
    assert moment == anchor or moment - interval <= after


def test_the_anchor_is_the_first_moment_of_an_interval() -> None:
    assert Every(HOUR).next(NOW - DAY, NOW) == NOW
    assert Every(HOUR).next(NOW, NOW) == NOW + HOUR


@pytest.mark.api("D15")
def test_hours_are_elapsed_time_when_the_clocks_change() -> None:
    assert firings(Every(HOUR), berlin(2026, 3, 29, 0, 30), 3) == [
        berlin(2026, 3, 29, 1, 30),
        berlin(2026, 3, 29, 3, 30),
        berlin(2026, 3, 29, 4, 30),
    ]
    # Told in UTC: two times in one zone are compared without the fold.
    assert [
        moment.astimezone(UTC).hour
        for moment in firings(Every(HOUR), berlin(2026, 10, 25, 1, 30), 3)
    ] == [0, 1, 2]


def test_ten_years_of_minutes_are_one_jump() -> None:
    class Counting(timedelta):
        """Counts how often it is multiplied."""

        times = 0

        def __rmul__(self, number: int) -> timedelta:
            type(self).times += 1
            return timedelta(seconds=60) * number

    anchor = NOW - 3650 * DAY - timedelta(seconds=1)
    assert Every(Counting(seconds=60)).next(NOW, anchor) == NOW + timedelta(seconds=59)
    assert Counting.times == 1


# Days on the wall clock


@given(clocks, moments, moments)
def test_days_stay_on_their_grid_and_skip_no_date(
    rule: EveryDays, after: datetime, anchor: datetime
) -> None:
    moment = rule.next(after, anchor)
    assert moment >= anchor
    dates = (moment.astimezone(BERLIN).date() - anchor.astimezone(BERLIN).date()).days
    assert dates % rule.days == 0
    # The one before is over, or before the anchor.
    date = moment.astimezone(BERLIN) - rule.days * DAY
    hour = rule.hour
    assert hour is not None
    before = date.replace(hour=hour, minute=rule.minute, fold=0)
    assert before.astimezone(UTC) <= after + HOUR or before.astimezone(UTC) < anchor


def test_a_day_is_the_same_hour_when_the_clocks_change() -> None:
    assert firings(EveryDays(), berlin(2026, 3, 28, 9, 15, 7), 2) == [
        berlin(2026, 3, 29, 9, 15, 7),
        berlin(2026, 3, 30, 9, 15, 7),
    ]
    assert firings(EveryDays(2, 21), berlin(2026, 10, 24, 12), 2) == [
        berlin(2026, 10, 24, 21),
        berlin(2026, 10, 26, 21),
    ]


def test_without_an_hour_the_anchor_is_the_first_moment() -> None:
    anchor = NOW + timedelta(microseconds=5)
    assert EveryDays(3).next(NOW - 100 * DAY, anchor) == anchor
    assert EveryDays(3).next(anchor, anchor) == anchor + 3 * DAY


def test_ten_years_of_days_are_one_jump_in_either_direction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at = []
    once = recurrence._once
    monkeypatch.setattr(
        recurrence, "_once", lambda *arguments: looked_at.append(arguments) or once(*arguments)
    )
    assert EveryDays(7, 3).next(NOW, NOW - 3650 * DAY) > NOW
    assert EveryDays(7, 3).next(NOW - 3650 * DAY, NOW) > NOW
    assert len(looked_at) <= 4


def test_a_time_before_the_anchors_on_its_date_does_not_come() -> None:
    anchor = berlin(2026, 1, 5, 12)
    assert EveryDays(2, 3).next(anchor - 9 * DAY, anchor) == berlin(2026, 1, 7, 3)
    assert EveryDays(2, 13).next(anchor - 9 * DAY, anchor) == berlin(2026, 1, 5, 13)


@pytest.mark.parametrize("rule", [EveryDays(hour=2, minute=30), Cron("30 2 * * *")])
def test_a_time_that_the_clock_skips_comes_at_the_next_minute_once(rule: Recurrence) -> None:
    assert firings(rule, berlin(2026, 3, 28, 12), 2) == [
        berlin(2026, 3, 29, 3),
        berlin(2026, 3, 30, 2, 30),
    ]


def test_the_next_minute_after_a_skipped_time_is_a_whole_one() -> None:
    anchor = berlin(2026, 3, 28, 2, 30, 5, 500)
    assert firings(EveryDays(), anchor, 2) == [
        berlin(2026, 3, 29, 3),
        berlin(2026, 3, 30, 2, 30, 5, 500),
    ]


@pytest.mark.parametrize("rule", [EveryDays(hour=2, minute=30), Cron("30 2 * * *")])
def test_a_time_that_the_clock_shows_twice_comes_once_at_the_first(rule: Recurrence) -> None:
    first = rule.next(berlin(2026, 10, 24, 12), berlin(2026, 10, 1))
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    for after in (first, berlin(2026, 10, 25, 2, 10, fold=1)):
        assert rule.next(after, berlin(2026, 10, 1)) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_two_equal_hours_are_told_apart_in_whatever_zone_the_moments_are_given() -> None:
    early, late = berlin(2026, 10, 25, 2, 50), berlin(2026, 10, 25, 2, 10, fold=1)
    assert EveryDays(hour=2, minute=30).next(early, late) == berlin(2026, 10, 26, 2, 30)
    assert EveryDays().next(early, late) == berlin(2026, 10, 26, 2, 10)
    assert Every(HOUR).next(early, late) == late.astimezone(UTC)
    assert Cron("*/30 * * * *").next(late, late) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert Every(HOUR).next(late, early) == early.astimezone(UTC) + HOUR
    assert EveryDays(2).next(late, early) == berlin(2026, 10, 27, 2, 50)


def test_an_anchor_in_the_second_of_two_equal_hours_is_no_moment_of_its_own() -> None:
    anchor = berlin(2026, 10, 25, 2, 30, fold=1)
    assert EveryDays().next(anchor - DAY, anchor) == berlin(2026, 10, 26, 2, 30)


@pytest.mark.parametrize("rule", [EveryDays(hour=0, minute=0), Cron("0 0 * * *")])
def test_a_midnight_that_comes_twice_is_one(rule: Recurrence, settings: Any) -> None:
    # A minute after midnight the clock went back to a minute after eleven, on the date before.
    settings.TIME_ZONE = "America/St_Johns"
    home = ZoneInfo("America/St_Johns")
    start = datetime(2010, 11, 6, 12, tzinfo=home)
    first = rule.next(start, start)
    assert first == datetime(2010, 11, 7, 2, 30, tzinfo=UTC)
    again = datetime(2010, 11, 6, 23, 30, tzinfo=home, fold=1)
    assert again.astimezone(UTC) > first
    for after in (first, again):
        assert rule.next(after, start) == datetime(2010, 11, 8, tzinfo=home)


# Cron


@pytest.mark.parametrize(
    ("expression", "first", "second"),
    [
        ("@hourly", berlin(2026, 3, 2, 11), berlin(2026, 3, 2, 12)),
        ("@daily", berlin(2026, 3, 3), berlin(2026, 3, 4)),
        (" @Midnight ", berlin(2026, 3, 3), berlin(2026, 3, 4)),
        ("@weekly", berlin(2026, 3, 8), berlin(2026, 3, 15)),
        ("@monthly", berlin(2026, 4, 1), berlin(2026, 5, 1)),
        ("@yearly", berlin(2027, 1, 1), berlin(2028, 1, 1)),
        ("@annually", berlin(2027, 1, 1), berlin(2028, 1, 1)),
        ("0 9 * * mon", berlin(2026, 3, 9, 9), berlin(2026, 3, 16, 9)),
        ("0 9 L * *", berlin(2026, 3, 31, 9), berlin(2026, 4, 30, 9)),
        ("0 9 1 * FRI", berlin(2026, 3, 6, 9), berlin(2026, 3, 13, 9)),
        ("0 0 29 2 *", berlin(2028, 2, 29), berlin(2032, 2, 29)),
    ],
)
def test_an_expression_comes_when_it_says(
    expression: str, first: datetime, second: datetime
) -> None:
    assert firings(Cron(expression), NOW, 2) == [first, second]


def test_every_half_hour_comes_in_both_of_two_equal_hours() -> None:
    moment = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)
    for _ in range(8):
        following = Cron("*/30 * * * *").next(moment, NOW)
        assert following == moment + 30 * MINUTE
        moment = following


def test_stars_in_an_hour_that_is_skipped_do_not_come_that_day() -> None:
    assert firings(Cron("*/30 2 * * *"), berlin(2026, 3, 28, 2, 30), 2) == [
        berlin(2026, 3, 30, 2, 0),
        berlin(2026, 3, 30, 2, 30),
    ]


def test_the_anchor_of_an_expression_has_no_meaning() -> None:
    assert Cron("@daily").next(NOW, NOW + 100 * DAY) == Cron("@daily").next(NOW, NOW)
