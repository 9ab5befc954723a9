"""Many runs of one class beside each other: nothing of one shows in another."""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from automations.dispatch.advancing import Budget, advance
from automations.engine import steps
from automations.models import AutomationModel, AutomationTaskModel
from tests.proofs.recording import Recorder
from tests.testapp.proof_processes import Individual

#: Measured it would take twice as long, and covers no line that no other test does.
pytestmark = pytest.mark.no_cover

#: How many runs; ATM_TEST_RUNS=1000 for the full proof.
RUNS = int(os.environ.get("ATM_TEST_RUNS", "60"))


def way(number: int) -> set[tuple[str, str]]:
    """Return each node with the state of its task, as the number alone decides it."""
    found = {
        ("start", "completed"), ("choose", "completed"), ("split", "completed"),
        ("one", "completed"), ("two", "completed"), ("end", "completed"),
        ("join", "completed"), ("join", "merged"), ("risky", "completed"),
    }  # fmt: skip
    if number % 2:
        found.add(("go_left", "skipped" if number % 3 == 0 else "completed"))
    else:
        found.add(("go_right", "completed"))
    found.add(("rescue" if number % 5 == 0 else "after", "completed"))
    return found


def effects(number: int) -> int:
    """Return how many times the work is done."""
    return 3 + (0 if number % 2 and number % 3 == 0 else 1)


def check(runs: dict[int, int]) -> None:
    """Compare every run with what its number alone says."""
    ways: dict[int, list[tuple[str, str]]] = {}
    waits: dict[int, timedelta] = {}
    for task in AutomationTaskModel.objects.all():
        ways.setdefault(task.automation_id, []).append((task.status, task.state))
        if task.status == "one" and task.finished:
            waits[task.automation_id] = task.finished - task.created
        if task.status == "risky":
            number = runs[task.automation_id]
            assert task.message == ("OK" if number % 5 else f"ValueError({number})")
    for row in AutomationModel.objects.all():
        number = runs[row.pk]
        assert row.state == "finished"
        assert set(ways[row.pk]) == way(number)
        assert len(ways[row.pk]) == len(way(number))
        assert waits[row.pk] >= timedelta(minutes=number % 4)
        assert row.data == {"number": number, "mine": number * 7, "count": effects(number)}


def start(runs: int) -> dict[int, int]:
    """Make the runs; return the number of each."""
    return {Individual(number=number, autorun=False).id: number for number in range(runs)}


@pytest.mark.django_db
@pytest.mark.api("A11", "A15", "A22", "this", "AfterWaiting", "If")
def test_runs_interleaved_step_by_step_do_not_leak(proof: Recorder) -> None:
    runs = start(RUNS)
    alive = list(runs)
    chance = random.Random(1)
    now = timezone.now()
    while alive:
        now += timedelta(seconds=1)
        key = chance.choice(alive)
        if chance.random() < 0.02:
            now += timedelta(minutes=1)
        step = steps.step(key, now=now)
        if step.node == "end":
            alive.remove(key)
    check(runs)
    proof("P17", done="runs of one class, stepped in random order", exact=len(runs))


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
@pytest.mark.api("A15", "Automation")
def test_runs_in_four_threads_do_not_leak(proof: Recorder) -> None:
    runs = start(RUNS)
    now = timezone.now()

    def work(number: int) -> None:
        chance = random.Random(number)
        mine = list(runs)
        chance.shuffle(mine)
        try:
            for late in (timedelta(0), timedelta(minutes=5)):
                for key in mine:
                    advance(key, budget=Budget(tasks=chance.randint(1, 20)), now=now + late)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    while AutomationModel.objects.filter(finished=False).exists():
        now += timedelta(minutes=5)
        AutomationModel.run(timestamp=now)
    check(runs)
    proof("P17", done="runs of one class, stepped by four threads at once", exact=len(runs))
