"""Runs that come back again and again, and runs that are started on schedule."""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import IntegrityError, OperationalError, connection
from django.utils import timezone

from automations import flow
from automations.definition import known
from automations.dispatch import schedules
from automations.dispatch.sweep import Report, sweep
from automations.engine import bursts, steps
from automations.exceptions import DefinitionError
from automations.models import AutomationModel, AutomationScheduleModel, AutomationTaskModel
from tests.engine.rows import at, path, row
from tests.plain import DAY, HOUR, NOW
from tests.testapp.language import Daily, Hourly
from tests.testapp.models import Effect
from tests.testapp.promises import Shifts

in_all_ways = True

BERLIN = ZoneInfo("Europe/Berlin")


def worked(run: Any, node: str = "work") -> int:
    return Effect.objects.filter(run=run.id, node=node).count()


@pytest.mark.api("D15", "Repeat")
def test_the_work_is_done_at_once_and_then_at_the_hour(clock: time_machine.Traveller) -> None:
    run = Daily()
    assert path(run) == ["prepare", "work", "again"]
    assert row(run).due == datetime.datetime(2026, 3, 2, 21, tzinfo=BERLIN)
    for day in range(1, 5):
        clock.move_to(datetime.datetime(2026, 3, 1 + day, 21, tzinfo=BERLIN))
        AutomationModel.run()
        AutomationModel.run()
        assert worked(run) == day + 1
    assert worked(run, "prepare") == 1


@pytest.mark.api("D15", "Repeat")
def test_the_hour_is_the_same_on_both_sides_of_a_change_of_the_clocks(
    clock: time_machine.Traveller,
) -> None:
    clock.move_to(datetime.datetime(2026, 3, 28, 20, tzinfo=BERLIN))
    run = Daily()
    for day in (28, 29, 30):
        due = row(run).due
        assert due is not None
        assert timezone.localtime(due).hour == 21
        assert timezone.localtime(due).day == day
        clock.move_to(due)
        AutomationModel.run()


@pytest.mark.api("D15")
def test_of_several_missed_times_one_is_made_up_and_the_grid_stays(
    clock: time_machine.Traveller,
) -> None:
    run = Hourly()
    assert row(run).due == NOW + HOUR
    clock.shift(5.5 * HOUR)
    for _ in range(3):
        AutomationModel.run()
    assert worked(run) == 2
    assert row(run).due == NOW + 6 * HOUR
    assert row(run).data["_back_since"] == NOW.isoformat()


@pytest.mark.api("Join")
def test_an_endless_history_is_kept_bounded_and_its_join_still_counts(
    clock: time_machine.Traveller,
) -> None:
    run = Hourly()
    for _ in range(30):
        clock.shift(HOUR)
        AutomationModel.run()
    assert worked(run) == 31
    tasks = AutomationTaskModel.objects.filter(automation=run.id)
    assert tasks.count() <= 5 + 2 + 5
    assert path(run)[:2] == ["start", "work"]  # which the Join counts
    run.send_message("stop")
    clock.shift(HOUR)
    AutomationModel.run()
    AutomationModel.run()
    assert run.finished()
    assert path(run)[-1] == "end"


def test_a_long_history_is_shortened_step_by_step(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    from automations.engine import history_limit

    monkeypatch.setattr(history_limit, "AT_ONCE", 1)
    run = Daily()
    for _ in range(12):
        clock.shift(DAY)
        AutomationModel.run()
        AutomationModel.run()
    closed = AutomationTaskModel.objects.filter(automation=run.id, finished__isnull=False)
    # Two tasks come with each pass and one goes.
    assert 10 < closed.count() < 26


@pytest.mark.api("Repeat", "A15")
def test_each_run_repeats_by_its_own_beginning(clock: time_machine.Traveller) -> None:
    first = Hourly()
    clock.shift(HOUR / 3)
    second = Hourly()
    assert row(first).due == NOW + HOUR
    assert row(second).due == NOW + HOUR + HOUR / 3
    clock.move_to(NOW + HOUR)
    AutomationModel.run()
    assert (worked(first), worked(second)) == (2, 1)


# On schedule


@pytest.fixture
def weekly(clock: time_machine.Traveller) -> Iterator[Any]:
    from tests.testapp import scheduled

    known.add(scheduled.Weekly._meta)
    yield scheduled.Weekly
    known._by_label.pop(scheduled.Weekly.get_automation_name())


@pytest.mark.api("E14")
def test_a_run_is_started_at_each_time_of_the_schedule(
    weekly: Any, clock: time_machine.Traveller
) -> None:
    assert sweep().started == 0
    schedule = AutomationScheduleModel.objects.get()
    assert str(schedule) == f"{weekly.get_automation_name()}: cron 0 9 * * MON"
    monday = datetime.datetime(2026, 3, 9, 9, tzinfo=BERLIN)
    assert schedule.due == monday
    for week in range(3):
        clock.move_to(monday + week * 7 * DAY)
        report = sweep()
        assert report.started == 1
        assert "1 started on schedule" in str(report)
        assert sweep().started == 0
    runs = AutomationModel.objects.filter(automation_class=weekly.get_automation_name())
    assert [run.state for run in runs] == ["finished"] * 3
    assert runs.earliest("pk").data == {"_scheduled": monday.astimezone(datetime.UTC).isoformat()}


@pytest.mark.api("E14")
def test_of_several_missed_starts_one_is_made_up(
    weekly: Any, clock: time_machine.Traveller
) -> None:
    sweep()
    clock.shift(30 * DAY)
    assert sweep().started == 1
    assert sweep().started == 0
    due = AutomationScheduleModel.objects.get().due
    assert due is not None
    assert timezone.now() < due <= timezone.now() + 7 * DAY


def test_a_schedule_that_is_changed_counts_from_now(
    weekly: Any, clock: time_machine.Traveller
) -> None:
    sweep()
    AutomationScheduleModel.objects.update(rule="cron 0 8 * * TUE", due=NOW)
    assert sweep().started == 0
    assert AutomationScheduleModel.objects.get().rule == "cron 0 9 * * MON"


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Report]:
    """Return what sweeps as a process does that has not looked for an hour."""

    def sweep_and_look() -> Report:
        monkeypatch.setattr(schedules, "_looked", -math.inf)
        return sweep()

    return sweep_and_look


def test_a_schedule_that_was_taken_out_and_is_put_back_begins_anew(
    weekly: Any, clock: time_machine.Traveller, look: Callable[[], Report]
) -> None:
    look()
    del known._by_label[weekly.get_automation_name()]
    clock.shift(7 * DAY + DAY + HOUR)
    assert look().ok
    clock.shift(DAY)
    known.add(weekly._meta)
    assert look().started == 0
    due = AutomationScheduleModel.objects.get().due
    assert due == datetime.datetime(2026, 3, 16, 9, tzinfo=BERLIN)
    clock.move_to(due)
    assert look().started == 1


def test_code_that_does_not_know_a_schedule_takes_no_start_from_code_that_does(
    weekly: Any, clock: time_machine.Traveller, look: Callable[[], Report]
) -> None:
    label = weekly.get_automation_name()
    for later in (7 * DAY, 7 * DAY + 22 * HOUR):  # an hour and 23 hours after the due time
        look()
        clock.shift(later)
        del known._by_label[label]
        assert look().started == 0
        known.add(weekly._meta)
        assert look().started == 1
        assert look().started == 0


def test_a_schedule_under_a_former_name_is_not_gone(
    weekly: Any, look: Callable[[], Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vars(weekly._meta.options), "former_names", ("old.Weekly",))
    rule, due = "cron 0 9 * * MON", NOW - 3 * DAY
    AutomationScheduleModel.objects.create(automation_class="old.Weekly", rule=rule, due=due)
    AutomationScheduleModel.objects.create(automation_class="away.Weekly", rule=rule, due=due)
    assert look().started == 1
    assert AutomationScheduleModel.objects.get(due=None).automation_class == "away.Weekly"


def test_a_process_looks_for_what_is_gone_once_in_an_hour(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    for seconds, queries in ((math.inf, 1), (3500, 0), (3601, 1)):
        monkeypatch.setattr(schedules, "_looked", time.monotonic() - seconds)
        with django_assert_num_queries(queries):
            assert schedules.start_scheduled(NOW) == (0, 0)
        with django_assert_num_queries(0):
            assert schedules.start_scheduled(NOW) == (0, 0)


def test_trouble_with_what_is_gone_keeps_nobody_from_being_started(
    weekly: Any,
    clock: time_machine.Traveller,
    look: Callable[[], Report],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def trouble(*args: Any) -> int:
        raise ValueError

    look()
    clock.shift(7 * DAY)
    monkeypatch.setattr(schedules, "let_go", trouble)
    report = look()
    assert (report.started, report.broken) == (1, 0)


def test_a_schedule_under_a_former_name_is_taken_over(weekly: Any) -> None:
    AutomationScheduleModel.objects.create(
        automation_class="old.Weekly", rule="cron 0 9 * * MON", due=NOW
    )
    weekly._meta.options.__dict__["former_names"] = ("older.Weekly", "old.Weekly")
    try:
        assert sweep().started == 1
        assert AutomationScheduleModel.objects.get().automation_class.endswith("Weekly")
    finally:
        weekly._meta.options.__dict__["former_names"] = ()


def test_whoever_comes_second_starts_nothing(
    weekly: Any, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep()
    assert schedules.start_one(weekly._meta, timezone.now()) == 0
    AutomationScheduleModel.objects.all().delete()

    def faster(*args: Any, **kwargs: Any) -> None:
        raise IntegrityError

    with monkeypatch.context() as patch:
        patch.setattr(AutomationScheduleModel, "save", faster)
        assert schedules.start_scheduled(NOW) == (0, 0)


def test_a_start_that_fails_is_tried_again(
    weekly: Any, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep()
    clock.shift(7 * DAY)

    def flawed(*args: Any, **kwargs: Any) -> None:
        raise DefinitionError("flawed")

    with monkeypatch.context() as patch:
        patch.setattr(schedules.starting, "start", flawed)
        report = sweep()
        assert (report.started, report.broken, report.ok) == (0, 1, False)
    assert sweep().started == 1


def test_a_project_without_schedules_asks_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert schedules.start_scheduled(NOW) == (0, 0)
    assert at(Daily(), "prepare").state == "completed"


@pytest.mark.parametrize("rule", ["nonsense", "0 9 30 2 *", 7])
def test_a_schedule_that_cannot_be_keeps_nobody_from_running(
    weekly: Any, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch, rule: Any
) -> None:
    monkeypatch.setitem(vars(weekly._meta.options), "schedule", flow.Cron(rule))
    run = Daily(autorun=False)
    report = sweep()
    assert (report.started, report.broken) == (0, 1)
    assert path(run)[0] == "prepare"
    assert report.done


def test_a_schedule_may_be_long(
    weekly: Any, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    often = ",".join(str(minute) for minute in range(60))
    rule = f"{often} {','.join(str(hour) for hour in range(24))} 1,2,3,4,5,6,7,8,9,10,11,12 * *"
    assert len(rule) > 255
    monkeypatch.setitem(vars(weekly._meta.options), "schedule", flow.Cron(rule))
    assert sweep().broken == 0
    assert sweep().broken == 0
    clock.shift(HOUR)
    assert sweep().started == 1
    assert sweep().started == 0


def test_trouble_with_the_database_delays_a_start_and_nothing_else(
    weekly: Any, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep()
    clock.shift(7 * DAY)

    def trouble(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("deadlock")

    with monkeypatch.context() as patch:
        patch.setattr(schedules.starting, "start", trouble)
        if connection.in_atomic_block:
            with pytest.raises(OperationalError):
                sweep()
        else:
            assert sweep().broken == 1
    assert sweep().started == 1


def test_the_history_of_branches_in_a_branch_is_kept_bounded_while_the_outer_ones_are_open(
    clock: time_machine.Traveller,
) -> None:
    run = Shifts()
    for _ in range(30):
        clock.shift(HOUR)
        AutomationModel.run()
    tasks = AutomationTaskModel.objects.filter(automation=run.id)
    assert tasks.filter(status="back", state="completed").exists()
    # What is kept, what the outer Joins still count, and what a pass of six tasks adds.
    assert tasks.count() <= 5 + 6 + 6
    assert path(run)[:4] == ["start", "inner", "first", "work"]
    for _ in ("first", "second"):
        run.send_message("stop")
    clock.shift(HOUR)
    AutomationModel.run()
    AutomationModel.run()
    assert run.finished()
    assert {"inner_join", "outer_join"} <= set(path(run))


def test_one_step_deletes_no_more_of_a_history_than_takes_a_moment(
    clock: time_machine.Traveller,
) -> None:
    run = Daily()
    told = {"status": "work", "state": "completed", "finished": NOW}
    tasks = AutomationTaskModel.objects.filter(automation=run.id)
    tasks.bulk_create(AutomationTaskModel(automation_id=run.id, **told) for _ in range(600))
    before = set(tasks.values_list("pk", flat=True))
    clock.shift(DAY)
    AutomationModel.run()
    steps.step(run.id)
    assert len(before - set(tasks.values_list("pk", flat=True))) == 500


def test_a_burst_is_over_when_it_has_come_to_a_node_that_repeats(
    clock: time_machine.Traveller,
) -> None:
    run = Daily()
    clock.shift(DAY)
    assert [step.node for step in bursts.burst(run.id, most=20)] == ["again"]
    assert next(step.node for step in bursts.burst(run.id, most=20)) == "work"
