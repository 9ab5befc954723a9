"""A crowd of one class keeps no run of another waiting: in a backlog the classes take turns."""

from __future__ import annotations

import secrets
import signal
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from automations import settings
from automations.dispatch import sweep
from automations.dispatch.lanes import Lanes
from automations.engine import blocks
from automations.management.commands import automation_step
from automations.models import AutomationModel, AutomationTaskModel
from tests.dispatch.test_sweep import command
from tests.testapp.processes import Loop, Named, Straight, Waiting

pytestmark = pytest.mark.django_db(transaction=True)

SECOND = timedelta(seconds=1)
BLOCK = 5
STRAIGHT, NAMED = Straight.get_automation_name(), Named.get_automation_name()
GONE = "tests.testapp.processes.Gone"


@pytest.fixture(autouse=True)
def small_blocks(settings: Any) -> None:
    """Make a backlog of what would be one block."""
    settings.ATM_BLOCK = BLOCK


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The runs that sweeps come to, in their order: one by one, or several that are quick."""
    runs: list[int] = []
    advance, block = sweep.advance, blocks.block

    def note(run_id: int, **how: Any) -> Any:
        runs.append(run_id)
        return advance(run_id, **how)

    def note_several(run_ids: list[int], **how: Any) -> Any:
        done = block(run_ids, **how)
        # What goes on by itself after that is noted there.
        runs.extend(run_id for run_id, steps in done.items() if not steps[-1].more)
        return done

    monkeypatch.setattr(sweep, "advance", note)
    monkeypatch.setattr(blocks, "block", note_several)
    return runs


def crowd(label: str, dues: Iterable[datetime], node: str = "first") -> list[int]:
    """Make a run of the class for each time, due then at the node; return their keys."""
    now = settings.now()
    runs = [
        AutomationModel.objects.create(
            automation_class=label, key=secrets.token_hex(16), created=now, updated=now, due=due
        )
        for due in dues
    ]
    AutomationTaskModel.objects.bulk_create(
        AutomationTaskModel(automation=run, status=node, created=now, due=run.due) for run in runs
    )
    return [run.pk for run in runs]


def ago(number: int) -> list[datetime]:
    """Return so many times in the past, the earliest first, all but the last minute."""
    now = settings.now()
    return [now - 60 * SECOND - left * SECOND for left in range(number, 0, -1)]


def just_now() -> list[datetime]:
    """Return one time, later than all the others."""
    return [settings.now() - SECOND]


@pytest.mark.parametrize(
    ("many", "one"), [(STRAIGHT, NAMED), (NAMED, STRAIGHT), (STRAIGHT, GONE), (GONE, STRAIGHT)]
)
def test_a_crowd_of_one_class_keeps_no_run_of_another_waiting(
    many: str, one: str, worked: list[int]
) -> None:
    crowded = crowd(many, ago(60))
    (other,) = crowd(one, just_now())
    AutomationModel.run()
    assert other in worked[: BLOCK + 1]
    assert Counter(worked) == Counter([*crowded, other])
    states = dict(AutomationModel.objects.values_list("automation_class", "state"))
    # What the code does not know any more has become an incident.
    assert states == {label: "failed" if label == GONE else "finished" for label in (many, one)}


def test_classes_that_both_have_a_backlog_share_in_turn(worked: list[int]) -> None:
    first = crowd(STRAIGHT, ago(23))
    second = crowd(NAMED, ago(41))
    assert AutomationModel.run().runs == 64
    for end in range(2 * BLOCK, 2 * 20, 2 * BLOCK):
        assert len(set(first) & set(worked[:end])) == len(set(second) & set(worked[:end]))
    assert set(worked[48:]) < set(second)


def test_within_a_class_the_longest_due_comes_first(worked: list[int]) -> None:
    runs = crowd(STRAIGHT, reversed(ago(23)))
    AutomationModel.run()
    assert worked == runs[::-1]


def test_within_a_class_the_condition_that_is_longest_due_is_asked_first(
    clock: time_machine.Traveller, told: Any
) -> None:
    runs = crowd(Waiting.get_automation_name(), reversed(ago(12)), "condition")
    AutomationModel.run()
    assert told == [("asked", run) for run in reversed(runs)]


@pytest.mark.parametrize("block", [1, 4, 5, 24, 25, 100])
def test_runs_that_are_due_at_one_moment_are_all_taken_and_once(
    block: int, worked: list[int], settings: Any
) -> None:
    settings.ATM_BLOCK = block
    times = ago(3)
    runs = crowd(STRAIGHT, [times[0]] * 2 + [times[1]] * 10 + [times[2]] * 3)
    runs += crowd(NAMED, [times[1]] * 9)
    report = AutomationModel.run()
    assert (report.looked_at, report.runs, report.done) == (24, 24, 96)
    assert Counter(worked) == Counter(runs)


def test_inside_a_transaction_a_sweep_still_runs_all_that_is_due() -> None:
    crowd(STRAIGHT, ago(17))
    crowd(NAMED, ago(6))
    with transaction.atomic():
        assert AutomationModel.run().done == 4 * 23
    assert set(AutomationModel.objects.values_list("state", flat=True)) == {"finished"}


def test_a_backlog_of_conditions_is_asked_once_and_ends(
    clock: time_machine.Traveller, told: Any
) -> None:
    asked = crowd(Waiting.get_automation_name(), [settings.now()] * 12, "condition")
    crowd(STRAIGHT, [settings.now()] * 12)
    report = AutomationModel.run()
    assert (report.looked_at, report.runs) == (24, 12)
    assert Counter(told) == Counter(("asked", run) for run in asked)


def test_a_run_that_is_due_again_in_the_same_sweep_comes_in_the_next(
    worked: list[int], settings: Any
) -> None:
    """Told a time in the future, a sweep finds due again what it has just worked."""
    settings.ATM_SWEEP_TASKS = 2
    runs = crowd(Loop.get_automation_name(), ago(12), "start")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    for _ in range(2):
        assert AutomationModel.run(timestamp=tomorrow).done == 2 * 12
    assert Counter(worked) == Counter(2 * runs)


def test_what_becomes_due_in_a_backlog_is_reached_in_the_next_round(
    clock: time_machine.Traveller, worked: list[int]
) -> None:
    lanes = Lanes(one_round=True)
    crowded = crowd(STRAIGHT, ago(60))
    (other,) = crowd(NAMED, [settings.now() + SECOND])
    sweep.sweep(lanes=lanes)
    assert worked == crowded[:BLOCK]
    assert lanes.left()
    clock.shift(2 * SECOND)
    sweep.sweep(lanes=lanes)
    assert other in worked[: 2 * BLOCK + 1]
    # Once more: its lane has ended, and begins anew.
    (again,) = crowd(NAMED, just_now())
    sweep.sweep(lanes=lanes)
    assert again in worked[: 3 * BLOCK + 2]
    assert [run for run in worked if run not in (other, again)] == crowded[: 3 * BLOCK]


def test_rounds_go_on_where_the_last_one_came_to_and_end(
    clock: time_machine.Traveller, told: Any
) -> None:
    lanes = Lanes(one_round=True)
    asked = crowd(Waiting.get_automation_name(), ago(12), "condition")
    late: list[int] = []
    sizes = []
    while lanes.left() or not sizes:
        sizes.append(sweep.sweep(lanes=lanes).looked_at)
        clock.shift(SECOND)
        # Something new in each round does not keep the first from being asked again.
        late += crowd(Waiting.get_automation_name(), [settings.now()], "condition")
    assert sizes == [BLOCK, BLOCK, 2]
    assert told == [("asked", run) for run in asked]
    sweep.sweep(lanes=lanes)
    assert told[12:] == [("asked", run) for run in asked[:BLOCK]]


def test_a_block_that_was_not_worked_off_is_taken_again() -> None:
    runs = crowd(STRAIGHT, ago(12))
    lanes = Lanes(one_round=True)
    for _ in range(2):
        blocks = lanes.blocks(settings.now())
        assert [run.pk for run in next(blocks)] == runs[:BLOCK]
        blocks.close()
    assert lanes.left()


def test_a_lane_whose_runs_are_deleted_is_closed() -> None:
    crowd(STRAIGHT, ago(12))
    lanes = Lanes(one_round=True)
    sweep.sweep(lanes=lanes)
    AutomationModel.objects.all().delete()
    assert sweep.sweep(lanes=lanes).looked_at == 0
    assert not lanes.left()


def test_the_command_takes_no_pause_in_a_backlog_and_looks_anew_after_each_round(
    worked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    crowded = crowd(STRAIGHT, ago(23))
    late: list[int] = []
    advance = sweep.advance

    def arrive(run_id: int, **how: Any) -> Any:
        if run_id == crowded[2]:
            late.extend(crowd(NAMED, [settings.now()]))
        return advance(run_id, **how)

    pauses: list[int] = []

    def pause(every: float, since: datetime | None = None) -> float:
        pauses.append(len(worked))
        signal.raise_signal(signal.SIGTERM)
        return 0

    monkeypatch.setattr(sweep, "advance", arrive)
    monkeypatch.setattr(automation_step, "pause", pause)
    command(every=3600)
    assert late[0] in worked[: 2 * BLOCK + 1]
    assert pauses == [24]
    assert Counter(worked) == Counter([*crowded, *late])


@pytest.mark.parametrize("trouble", [False, True])
def test_the_command_keeps_its_connection_from_round_to_round_of_a_backlog(
    trouble: bool, worked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.engine.test_trouble import DEADLOCKS

    crowd(STRAIGHT, ago(3 * BLOCK + 1))
    told: list[object] = []
    real = sweep.sweep

    def round_of(**how: Any) -> sweep.Report:
        told.append(len(worked))
        if trouble and len(told) == 2:
            raise DEADLOCKS[0]
        return real(**how)

    def pause(every: float, since: datetime | None = None) -> float:
        if len(worked) == 3 * BLOCK + 1:
            signal.raise_signal(signal.SIGTERM)
        return 0

    monkeypatch.setattr(automation_step, "sweep", round_of)
    monkeypatch.setattr(automation_step, "pause", pause)
    monkeypatch.setattr(automation_step, "close_old_connections", lambda: told.append("closed"))
    command(every=3600)
    kept = [0, BLOCK, 2 * BLOCK, 3 * BLOCK, "closed"]
    in_trouble = [0, BLOCK, "closed", BLOCK, 2 * BLOCK, 3 * BLOCK, "closed"]
    assert told == (in_trouble if trouble else kept)


def test_the_command_pauses_in_a_backlog_when_the_database_is_in_trouble(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tests.engine.test_trouble import DEADLOCKS

    crowd(STRAIGHT, ago(12))
    calls: list[int] = []
    real = sweep.sweep

    def trouble(**how: Any) -> sweep.Report:
        calls.append(1)
        if len(calls) == 2:
            raise DEADLOCKS[0]
        return real(**how)

    def pause(every: float, since: datetime | None = None) -> float:
        calls.append(0)
        if len(calls) > 3:
            signal.raise_signal(signal.SIGTERM)
        return 0

    monkeypatch.setattr(automation_step, "sweep", trouble)
    monkeypatch.setattr(automation_step, "pause", pause)
    command(every=3600)
    assert calls == [1, 1, 0, 1, 1, 0]


def test_what_became_due_during_a_sweep_ends_the_pause_behind_it(
    clock: time_machine.Traveller,
) -> None:
    began = settings.now()
    crowd(STRAIGHT, [began + SECOND])
    clock.shift(5 * SECOND)
    assert automation_step.pause(60, since=began) == 0
    assert automation_step.pause(60, since=began + SECOND) == 60
    assert sweep.sweep().until == settings.now()


# What it costs


def looks(number: int, *labels: str) -> tuple[int, int]:
    """Return how many blocks there are, and how many statements it took to find them."""
    AutomationModel.objects.all().delete()
    for label in labels:
        crowd(label, ago(number))
    with CaptureQueriesContext(connection) as queries:
        blocks = sum(1 for _ in Lanes().blocks(settings.now()))
    return blocks, len(queries)


def test_a_block_costs_two_statements_to_find_however_large_the_backlog_is() -> None:
    for number in (2 * BLOCK, 8 * BLOCK, 20 * BLOCK):
        blocks, statements = looks(number, STRAIGHT)
        assert blocks == number // BLOCK
        # Before the first block: whether there is a backlog, and of which classes.
        assert statements <= 1 + 2 + 2 * (blocks + 1)


def test_a_class_costs_three_statements_more_however_large_the_backlog_of_another_is() -> None:
    _, alone = looks(8 * BLOCK, STRAIGHT)
    crowd(NAMED, just_now())
    with CaptureQueriesContext(connection) as queries:
        assert sum(1 for _ in Lanes().blocks(settings.now())) == 9
    assert len(queries) <= alone + 3


def test_what_fits_into_a_block_costs_one_statement_to_find() -> None:
    assert looks(0) == (0, 1)
    assert looks(BLOCK - 1, STRAIGHT) == (1, 1)
