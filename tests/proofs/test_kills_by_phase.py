"""Kills that are aimed at each phase of a task: nothing is lost, doubled or stuck."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from automations.models import AutomationModel, AutomationTaskModel
from tests import forks
from tests.proofs.counting import audit
from tests.proofs.recording import Recorder
from tests.proofs.schedulers import finish_all
from tests.testapp.faults import PHASES
from tests.testapp.proof_processes import SHAPES, Counted

pytestmark = [
    pytest.mark.processes,
    pytest.mark.no_cover,
    pytest.mark.django_db(transaction=True),
]

#: How many kills are aimed at each phase.
AIMED = int(os.environ.get("ATM_PROOF_AIMED", "2"))
#: How many come at random moments beside them, how many workers there are, and runs.
RANDOM = int(os.environ.get("ATM_PROOF_RANDOM", "2"))
WORKERS = int(os.environ.get("ATM_PROOF_WORKERS", "2"))
RUNS = int(os.environ.get("ATM_PROOF_RUNS", "32"))
MORTAL = str(Path(__file__).with_name("mortal.py"))


def mortals(
    aims: list[str],
    environment: dict[str, str],
    workers: int = 1,
    feed: Callable[[], object] = lambda: None,
) -> list[tuple[str, int]]:
    """
    Let workers die of the aims; return at which each died, and of which signal.

    Meanwhile ``feed`` is called again and again: who has no work comes to no phase of it.
    """
    ends = time.monotonic() + 600
    started = [
        forks.Popen(
            [sys.executable, MORTAL, *aims[at::workers]],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for at in range(workers)
    ]
    for worker in started:
        while worker.poll() is None and time.monotonic() < ends:
            feed()
            time.sleep(0.2)
    said = "".join(worker.communicate(timeout=60)[0] for worker in started)
    assert [worker.returncode for worker in started] == [0] * workers, said
    lines = [line.split("\t") for line in said.splitlines()]
    return [(aim, int(died_of)) for aim, died_of in lines]


@pytest.mark.api("A9", "A20")
def test_a_kill_in_any_phase_of_a_task_loses_nothing_and_doubles_nothing(
    child_environment: dict[str, str], record_property: Any, proof: Recorder
) -> None:
    seed = random.randrange(2**32)
    record_property("seed", seed)
    chance = random.Random(seed)
    child_environment |= {"ATM_TEST_CLAIM": "1", "ATM_TEST_ATTEMPTS": "1000"}
    aims = [
        f"{phase}:{chance.randint(1, 2 if phase == 'claim' else 6)}"
        for phase in PHASES
        for _ in range(AIMED)
    ]
    aims += [f"{chance.uniform(0.1, 0.6):.3f}" for _ in range(RANDOM)]
    chance.shuffle(aims)
    runs: list[Counted] = [SHAPES[number % len(SHAPES)](autorun=False) for number in range(RUNS)]

    def feed() -> None:
        if AutomationModel.objects.filter(due__lte=timezone.now()).count() < WORKERS:
            runs.extend(shape(autorun=False) for shape in SHAPES)

    deaths = mortals(aims, child_environment, WORKERS, feed)
    hit = Counter(phase for phase, died_of in deaths if died_of == signal.SIGKILL)
    finished = finish_all(child_environment)
    found = audit(runs)
    aimed = ", ".join(f"{hit[phase]} {phase}" for phase in PHASES)
    at_random = ", ".join(f"{hit['random ' + phase]} {phase}" for phase in (*PHASES, "between"))
    done = f"{WORKERS} workers, {4 * AIMED} aimed kills ({aimed}), {RANDOM} random ({at_random})"
    proof("P1", done=done, found=found)
    assert finished, seed
    assert found.exact, (seed, found)
    assert {phase: hit[phase] for phase in PHASES} == dict.fromkeys(PHASES, AIMED)
    assert hit.total() == len(aims)
    assert set(AutomationTaskModel.objects.values_list("attempts", flat=True)) == {0}
    assert not AutomationModel.objects.exclude(claimed_by="").exists()
