"""What the dashboard counts: how many, how long, on which days."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from automations.charts import Chart
from automations.figures import Figures, days, figures, together
from automations.history import span_of
from automations.models import AutomationModel
from tests.pages.rows import add_question, make_run
from tests.plain import NOW
from tests.testapp.dashboard_processes import Plain, WithContext

pytestmark = pytest.mark.django_db

PLAIN, OTHER = Plain.get_automation_name(), WithContext.get_automation_name()


def took(automation: Any, *hours: float) -> None:
    """Make runs that have finished and took so long."""
    for number in hours:
        run = make_run(automation)
        created = run.ended - timedelta(hours=number)
        AutomationModel.objects.filter(pk=run.pk).update(created=created)


def found(since: Any = None) -> dict[str, Any]:
    return figures(AutomationModel.objects.all(), since)


@pytest.mark.parametrize("number", [1, 2, 3, 5, 9, 10, 11, 20, 21, 100])
def test_the_median_and_the_ninth_tenth_are_those_of_the_nearest_rank(number: int) -> None:
    took(Plain, *range(number, 0, -1))
    took(WithContext, 7)
    expected = [timedelta(hours=-(-number * part // 10)) for part in (5, 9)]
    one = found()[PLAIN]
    assert [one.median, one.most] == expected
    other = found()[OTHER]
    assert [other.median, other.most] == [timedelta(hours=7)] * 2


def test_only_what_has_finished_says_how_long_it_takes() -> None:
    for state in ("running", "failed", "cancelled"):
        make_run(Plain, state)
    one = found()[PLAIN]
    assert (one.median, one.most) == (None, None)
    assert one.states == {"running": 1, "failed": 1, "cancelled": 1}


def test_runs_that_wait_and_tasks_that_are_late_are_counted() -> None:
    run = make_run(Plain, "running")
    add_question(run, due_date=timezone.now() - timedelta(hours=1))
    add_question(run, due_date=timezone.now() + timedelta(hours=1))
    add_question(make_run(Plain, "running"))
    one = found()[PLAIN]
    assert (one.states["running"], one.waiting, one.overdue) == (2, 2, 1)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Pacific/Kiritimati", "America/New_York"])
def test_a_run_counts_on_the_days_on_which_it_began_and_ended(zone: str) -> None:
    with time_machine.travel(NOW, tick=False), timezone.override(zone):
        run = make_run(Plain, days=1, lasted=2)
        one = found()[PLAIN]
        assert one.begun == {timezone.localtime(NOW - timedelta(days=3)).date(): 1}
        assert one.ended == {timezone.localtime(NOW - timedelta(days=1)).date(): 1}
        assert found(NOW - timedelta(days=2))[PLAIN].begun == {}
        assert set(one.begun) | set(one.ended) <= set(days(None))
        assert run.pk


def test_a_chart_has_a_day_for_each_and_ninety_at_the_most() -> None:
    with time_machine.travel(NOW, tick=False), timezone.override("UTC"):
        today = NOW.date()
        assert days(None)[0] == today - timedelta(days=89)
        assert days(NOW - timedelta(days=400)) == days(None)
        assert days(NOW - timedelta(days=6))[0] == today - timedelta(days=6)
        assert days(None)[-1] == today
        assert len(days(NOW)) == 1
        assert isinstance(days(NOW)[0], date)


def test_all_is_counted_in_two_statements() -> None:
    for automation in (Plain, WithContext):
        took(automation, 1, 2, 3)
        add_question(make_run(automation, "running"))
    with CaptureQueriesContext(connection) as queries:
        found()
    assert len(queries) == 2


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (61, "1 min 1 s"), (3600, "1 h"),
     (3661, "1 h 1 min"), (86_400, "1 d"), (90_000, "1 d 1 h"), (86_460, "1 d"), (-5, "0 s")],
)  # fmt: skip
def test_how_long_something_took_is_said_in_two_units_at_the_most(
    seconds: float, text: str
) -> None:
    assert span_of(timedelta(seconds=seconds)) == text


def test_the_highest_bar_takes_half_of_the_height_and_none_leaves_the_picture() -> None:
    shown = [date(2026, 3, day) for day in (1, 2, 3)]
    one = Figures(begun=Counter({shown[0]: 4, shown[2]: 1}), ended=Counter({shown[2]: 2}))
    chart = Chart.of(one, shown)
    assert (chart.begun, chart.ended, len(chart.up), len(chart.down)) == (5, 2, 2, 1)
    assert chart.up[0].height == chart.height / 2 - 1
    assert chart.up[1].height == chart.up[0].height / 4
    for bar in (*chart.up, *chart.down):
        assert bar.x >= 0
        assert bar.x + bar.width <= chart.width
        assert bar.y >= 0
        assert bar.y + bar.height <= chart.height
    assert Chart.of(Figures(), shown).up == []


def test_figures_of_several_names_are_added() -> None:
    long, short = timedelta(hours=2), timedelta(hours=1)
    one = Figures(states=Counter(running=1), waiting=1, overdue=2, median=short, most=long)
    other = Figures(states=Counter(running=2), begun=Counter({date(2026, 3, 1): 1}))
    both = together([one, other])
    assert (both.states["running"], both.waiting, both.overdue) == (3, 1, 2)
    assert (both.median, both.most) == (short, long)
    assert both.begun == other.begun
