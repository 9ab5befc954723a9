"""Time that a test moves, and what falls due meanwhile."""

from __future__ import annotations

import datetime
import unittest
from collections.abc import Iterator
from functools import partial
from typing import Any

import freezegun
import pytest
import time_machine
from django.conf import settings as project
from django.db import transaction
from django.test import TestCase, override_settings
from django.utils import timezone

from automations import flow, settings
from automations.dispatch.schedules import schedules
from automations.dispatch.sweep import Report
from automations.exceptions import AutomationNotFound
from automations.models import AutomationModel
from automations.testing import Clock, NeverIdle, assert_path, clock, idling, run_until_idle
from automations.testing.ahead import next_moment
from automations.testing.clocks import aware
from automations.testing.idling import SweepFailed
from tests.dispatch.conftest import weekly
from tests.plain import DAY, HOUR, NOW
from tests.testapp.background import Beside
from tests.testapp.language import Ping
from tests.testapp.processes import Straight
from tests.testapp.tested import Charge, Endless, Hourly, Limited, Timers

__all__ = ["weekly"]

WAYS = [
    pytest.param("test_case", marks=pytest.mark.django_db),
    pytest.param("transaction_test_case", marks=pytest.mark.django_db(transaction=True)),
]
in_both_ways = pytest.mark.parametrize("way", WAYS)


@pytest.fixture
def time() -> Iterator[Clock]:
    """Process time, which stands still until it is moved."""
    with clock(NOW) as moved:
        yield moved


def noted(run: Any) -> list[tuple[str, datetime.timedelta]]:
    """Return what the run has noted, each with how long after the beginning that was."""
    data = AutomationModel.objects.get(pk=run.id).data
    moment = datetime.datetime.fromisoformat
    return [(name, moment(text) - NOW) for name, text in data.get("noted", [])]


@in_both_ways
def test_what_falls_due_is_run_in_order_and_each_at_its_moment(way: str, time: Clock) -> None:
    run = Timers()
    time.advance(days=6)
    assert noted(run) == [("early", HOUR), ("condition", 35 * HOUR), ("late", 5 * DAY)]
    assert time.now == flow.now() == NOW + 6 * DAY
    assert_path(run, ["start", "late", "early", "condition", ..., "join", "end"])
    assert run.finished()


@in_both_ways
def test_time_limits_and_reminders_are_met_to_the_second(way: str, time: Clock) -> None:
    run = Limited()
    time.advance(5 * DAY)
    assert noted(run) == [
        ("reminder", 74 * HOUR),
        ("reminder", 98 * HOUR),
        ("over", 110 * HOUR),
    ]


@pytest.mark.django_db
def test_the_times_of_what_also_waits_for_a_condition_need_no_looking_about() -> None:
    with clock(NOW, every=None) as time:
        limited, timers = Limited(), Timers()
        time.advance(60 * HOUR)
        assert_path(limited, ["start", "late"])
        assert noted(timers) == [("early", HOUR), ("condition", 50 * HOUR)]


@pytest.mark.django_db
def test_work_in_the_background_and_other_branches_go_on(time: Clock) -> None:
    run = Beside()
    run_until_idle()
    assert_path(run, ["start", "slow", "ask", "join"])


@pytest.mark.django_db
def test_an_advance_through_an_endless_process_ends_at_its_end(time: Clock) -> None:
    run = Hourly()
    time.advance(hours=10)
    assert noted(run) == [("start", hour * HOUR) for hour in range(11)]
    time.advance()
    assert len(noted(run)) == 11


@pytest.mark.django_db
def test_a_run_that_never_waits_is_named_with_its_node(time: Clock) -> None:
    run = Endless(autorun=False)
    with (
        override_settings(ATM_SWEEP_TASKS=15),
        pytest.raises(
            NeverIdle, match=rf"Endless {run.id} never waits: .* to '(start|again)' last"
        ),
    ):
        run_until_idle(limit=20)


@pytest.mark.django_db
def test_many_runs_that_do_little_are_not_taken_for_endless_ones(time: Clock) -> None:
    for _ in range(3):
        Charge(autorun=False)
    assert run_until_idle(limit=2) == 3


@pytest.mark.django_db
def test_what_is_started_on_schedule_is_started_then(time: Clock, weekly: Any) -> None:
    time.advance(days=15)
    runs = AutomationModel.objects.of(weekly).order_by("pk")
    mondays = [timezone.localtime(run.created) for run in runs]
    assert [(day.day, day.hour, day.weekday()) for day in mondays] == [(9, 9, 0), (16, 9, 0)]
    assert schedules().get().due == mondays[-1] + 7 * DAY


@pytest.mark.django_db
def test_time_never_goes_back(time: Clock) -> None:
    with pytest.raises(ValueError, match=r"is 2026-03-02 10:00:00\+01:00 already, after"):
        time.move_to(NOW - HOUR)
    with pytest.raises(ValueError, match="never goes back"):
        time.advance(seconds=-1)


def test_a_naive_moment_is_in_the_time_zone_of_the_project() -> None:
    moment = datetime.datetime(2026, 7, 1, 12)
    with clock(moment) as time:
        assert time.now == datetime.datetime(2026, 7, 1, 10, tzinfo=datetime.UTC)
        assert str(time) == "<Clock 2026-07-01 12:00:00+02:00>"
    assert aware(moment).tzinfo is datetime.UTC


def test_after_the_block_process_time_is_what_it_was() -> None:
    with pytest.raises(KeyError), clock(NOW):
        assert settings.now() == NOW
        raise KeyError
    assert not hasattr(project, "ATM_CLOCK")
    assert settings.now() > NOW


frozen_by_each = pytest.mark.parametrize(
    "frozen", [partial(time_machine.travel, tick=False), freezegun.freeze_time]
)


@frozen_by_each
@pytest.mark.django_db
def test_other_clocks_are_moved_along(frozen: Any) -> None:
    with frozen(NOW) as other, clock(beside=other) as time:
        run = Timers()
        time.advance(days=6, hours=1)
        assert timezone.now() == time.now == flow.now() == NOW + 6 * DAY + HOUR
        assert run.finished()


@frozen_by_each
@pytest.mark.django_db(transaction=True)
def test_other_clocks_that_stand_still_do_no_harm(frozen: Any) -> None:
    with frozen(NOW), clock() as time:
        run = Timers()
        time.advance(days=6)
        assert run.finished()
        assert timezone.now() == NOW


@pytest.mark.django_db
def test_in_a_test_case_of_django_time_moves_as_well() -> None:
    class Case(TestCase):
        def test(self) -> None:
            with clock(NOW) as time:
                run = Timers()
                time.advance(days=6)
                assert_path(run, ["start", ..., "end"])

    result = unittest.TestResult()
    Case("test").run(result)
    assert result.wasSuccessful(), result.errors


@pytest.mark.django_db
def test_a_condition_of_a_process_that_is_gone_keeps_no_time_from_passing(time: Clock) -> None:
    run = Limited()
    AutomationModel.objects.filter(pk=run.id).update(automation_class="gone.Away")
    assert next_moment(NOW, every=None) is None
    with pytest.raises(AutomationNotFound):
        time.advance(hours=1)


@pytest.mark.django_db
def test_two_runs_that_play_for_ever_are_found_out(time: Clock) -> None:
    ping, pong = Ping(turns=1000), Ping(turns=1000)
    for run, other in ((ping, pong), (pong, ping)):
        run.data["other"] = other.id
        run.save()
    with override_settings(ATM_BUDGET_TASKS=5):
        ping.send_message("ball", data={"turn": 0})
    time.limit = 10
    with override_settings(ATM_SWEEP_TASKS=5), pytest.raises(NeverIdle, match="Ping"):
        time.advance(hours=1)


@pytest.mark.django_db
def test_how_fast_the_machine_is_does_not_say_where_a_run_stands() -> None:
    with override_settings(ATM_BUDGET_SECONDS=0), clock(NOW):
        assert_path(Straight(), ["first", "second", "third", "end"])


# Errors


@pytest.mark.django_db
def test_a_sweep_that_could_not_do_its_work_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idling, "sweep", lambda: Report(broken=1))
    with pytest.raises(SweepFailed, match="1 could not be worked on"):
        run_until_idle()


@pytest.mark.django_db
def test_what_failed_in_a_transaction_that_was_undone_has_not_failed() -> None:
    with clock(NOW) as time:
        with pytest.raises(KeyError), transaction.atomic():
            Charge(broke=True)
            time.advance(hours=1, incidents=True)
            Charge(broke=True, autorun=False)
            AutomationModel.run(NOW + 3 * HOUR)
            AutomationModel.run(NOW + 3 * HOUR)
            raise KeyError
        time.advance(hours=1)
    assert not AutomationModel.objects.exists()


@in_both_ways
def test_an_error_of_a_process_is_the_error_of_the_test(way: str, time: Clock) -> None:
    run, other = Charge(broke=True), Timers()
    with pytest.raises(ZeroDivisionError, match="no money") as raised:
        time.advance(days=6)
    assert raised.traceback[-1].name == "charge_card"
    assert raised.value.__notes__ == [f"charge of tests.testapp.tested.Charge {run.id} has failed."]
    assert other.finished()
    time.advance(hours=1)


@in_both_ways
def test_errors_become_incidents_where_the_test_wants_them(way: str, time: Clock) -> None:
    run = Charge(broke=True)
    time.advance(hours=1, incidents=True)
    with pytest.raises(AssertionError, match="charge: has failed with ZeroDivisionError: no money"):
        assert_path(run, ["start", "charge", "end"])
    with clock(NOW, incidents=True) as lenient:
        Charge(broke=True)
        lenient.advance(hours=1)


@pytest.mark.django_db
def test_an_error_that_nothing_has_raised_is_raised_at_the_end() -> None:
    with pytest.raises(ZeroDivisionError), clock(NOW):
        run = Charge(broke=True, autorun=False)
        AutomationModel.run()
        AutomationModel.run(NOW + HOUR)
        assert run.finished()
