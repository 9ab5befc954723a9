"""
One poison among many costs the others next to nothing: in tasks done a second.

``ATM_PROOF_POISONED=1000`` for the full proof. Only there time is held against anybody: in a few
runs the start of a process is a large part of all.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db.models import QuerySet

from automations.models import AutomationModel, AutomationTaskModel
from tests import forks
from tests.proofs.counting import Audit, audit
from tests.proofs.recording import Recorder
from tests.proofs.schedulers import wait_until
from tests.proofs.test_processes import given_up
from tests.testapp.models import Effect
from tests.testapp.proof_processes import Counted, Deadly, Failing, Line

pytestmark = [
    pytest.mark.processes,
    pytest.mark.alone,
    pytest.mark.no_cover,
    pytest.mark.django_db(transaction=True),
]

INNOCENT = int(os.environ.get("ATM_PROOF_POISONED", "60"))
FULL = INNOCENT >= 1000
#: How often it is measured in turn: the best of each counts, for others use the machine as well.
ROUNDS = 3 if FULL else 1
WORKERS = 2
KEEPER = str(Path(__file__).with_name("keeper.py"))
#: What part of the throughput a poison may cost.
LOSS = 0.05

POISONS: dict[str, Callable[[], Counted] | None] = {
    "none": None,
    "kills its worker": lambda: Deadly(autorun=False),
    "fails": lambda: Failing(autorun=False, how="error"),
}


class Drain:
    """Workers, each begun anew as soon as it dies, until no run is alive."""

    def __init__(self, poison: Callable[[], Counted] | None, environment: dict[str, str]) -> None:
        # Those behind it are the more: what it takes down with it is not the last that is done.
        self.innocent: list[Counted] = [Line(autorun=False) for _ in range(INNOCENT // 10)]
        self.poison = poison() if poison else None
        self.innocent += [Line(autorun=False) for _ in range(INNOCENT - len(self.innocent))]
        self._keeper = forks.Popen(
            [sys.executable, KEEPER, str(WORKERS)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert wait_until(AutomationTaskModel.objects.filter(state="completed").exists)
            begun = time.monotonic()
            assert wait_until(self._done, 120 + INNOCENT)
            self.seconds = time.monotonic() - begun
            # The last of the innocent may be done before the poison is given up.
            assert wait_until(lambda: not alive().exists())
        finally:
            self._keeper.send_signal(signal.SIGTERM)
            said, _ = self._keeper.communicate(timeout=60)
        self.deaths = [int(line) for line in said.split()]
        self.found: Audit = audit(self.innocent)

    @property
    def rate(self) -> float:
        """How many tasks of the innocent were done a second."""
        return sum(run.effects for run in self.innocent) / self.seconds

    def _done(self) -> bool:
        return not alive().exclude(pk=self.poison.id if self.poison else 0).exists()


def alive() -> QuerySet[AutomationModel]:
    """Return the runs that go on."""
    return AutomationModel.objects.filter(state="running")


def emptied() -> None:
    """Leave nothing of a round to the next one."""
    Effect.objects.all().delete()
    AutomationModel.objects.all().delete()


def test_one_poison_among_many_costs_the_others_next_to_nothing(
    child_environment: dict[str, str], record_property: Any, proof: Recorder
) -> None:
    child_environment |= {"ATM_TEST_CLAIM": "1", "ATM_TEST_DEADLY": "kill"}
    rates: dict[str, list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
        for name, poison in POISONS.items() if FULL else list(POISONS.items())[1:2]:
            emptied()
            drain = Drain(poison, child_environment)
            rates[name].append(drain.rate)
            assert drain.found.exact, (name, drain.found)
            killed = [signal.SIGKILL] * (3 if name == "kills its worker" else 0)
            assert drain.deaths == [*killed, *[0] * WORKERS]
            if drain.poison and killed:
                given_up(drain.poison)
    record_property("rates", dict(rates))
    best = {name: max(found) for name, found in rates.items()}
    for name in set(best) - {"none"}:
        done = f"1 poison that {name} among {INNOCENT} runs: all others done"
        share = best[name] / best["none"] if FULL else 1
        if FULL:
            done += f", at {share:.1%} of the {best['none']:.0f} tasks a second without it"
        proof("P7", done=done, found=drain.found)
        assert share > 1 - LOSS, rates
