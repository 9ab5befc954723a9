"""A timer is never early and fires once, whoever is killed and wherever the clock jumps."""

from __future__ import annotations

import os
import random
import signal
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from automations.models import AutomationModel, AutomationTaskModel
from tests.plain import HOUR, NOW
from tests.proofs.counting import audit
from tests.proofs.recording import Recorder
from tests.proofs.schedulers import finish_all
from tests.proofs.test_kills_by_phase import mortals
from tests.proofs.test_processes import SCALE
from tests.testapp.models import Effect
from tests.testapp.proof_processes import Counted, Timed

pytestmark = [pytest.mark.no_cover, pytest.mark.django_db(transaction=True)]

#: How many timers are due at about the same time while workers are killed.
TIMERS = int(os.environ.get("ATM_PROOF_TIMERS", "100"))
KILLS = 4 * SCALE
JUMPS = 30 * SCALE
MINUTE = timedelta(minutes=1)


def early(runs: list[Counted]) -> list[int]:
    """Return the runs whose timer has fired before its time."""
    tasks = AutomationTaskModel.objects.filter(automation__in=[run.id for run in runs])
    fired = {task.automation_id: task for task in tasks.filter(status="ring", state="completed")}
    delays = {run.id: timedelta(milliseconds=run.data["after"]) for run in runs}
    return [key for key, task in fired.items() if task.finished < task.created + delays[key]]


@pytest.mark.processes
def test_timers_that_are_due_together_fire_once_each_while_workers_are_killed(
    child_environment: dict[str, str], record_property: Any, proof: Recorder
) -> None:
    seed = random.randrange(2**32)
    record_property("seed", seed)
    chance = random.Random(seed)
    child_environment |= {"ATM_TEST_CLAIM": "1", "ATM_TEST_ATTEMPTS": "1000"}
    runs: list[Counted] = [
        Timed(autorun=False, after=chance.randrange(2000)) for _ in range(TIMERS)
    ]
    lives = [f"{chance.uniform(0.1, 0.5):.3f}" for _ in range(KILLS)]
    deaths = mortals(lives, child_environment, workers=2)
    finished = finish_all(child_environment)
    found = audit(runs)
    proof("P8", done=f"timers due within 2 s, {KILLS} kills of 2 workers", found=found)
    assert [died_of for _, died_of in deaths] == [signal.SIGKILL] * KILLS
    assert finished, seed
    assert found.exact, (seed, found)
    assert not early(runs), seed


def test_a_clock_that_jumps_two_hours_makes_no_timer_fire_twice_or_early(
    record_property: Any, proof: Recorder
) -> None:
    seed = random.randrange(2**32)
    record_property("seed", seed)
    chance = random.Random(seed)
    with time_machine.travel(NOW, tick=False) as clock:
        runs: list[Counted] = [
            Timed(after=chance.randrange(6 * 3600 * 1000)) for _ in range(20 * SCALE)
        ]
        due = {run.id: NOW + timedelta(milliseconds=run.data["after"]) for run in runs}
        shown = latest = NOW  # what the clock shows, and the latest that it has ever shown
        for _ in range(JUMPS):
            shown += chance.choice([2 * HOUR, -2 * HOUR, chance.randrange(60) * MINUTE])
            clock.move_to(shown, tick=False)
            latest = max(latest, shown)
            assert AutomationModel.run().ok
            fired = list(Effect.objects.values_list("run", flat=True))
            assert len(fired) == len(set(fired)), seed
            assert set(fired) == {key for key, moment in due.items() if moment <= latest}, seed
        clock.move_to(max(latest, NOW + 6 * HOUR), tick=False)
        assert AutomationModel.run().ok
    found = audit(runs)
    proof("P8", done=f"{JUMPS} jumps of the clock, 2 h both ways and a little", found=found)
    assert found.exact, (seed, found)
