"""Deploying loses no process: what a release does not know waits, and goes on where it is known."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from automations.models import AutomationModel, AutomationTaskModel
from tests.proofs.counting import audit
from tests.proofs.recording import Recorder
from tests.proofs.schedulers import WORKER, start, wait_until
from tests.testapp.proof_processes import Counted
from tests.testapp.releases import MOMENT, Changing, Former, Newer

pytestmark = [
    pytest.mark.processes,
    pytest.mark.no_cover,
    pytest.mark.django_db(transaction=True),
]

#: How many runs there are of each class.
RUNS = int(os.environ.get("ATM_PROOF_DEPLOYED", "6"))


def sweep_once(release: str, environment: dict[str, str]) -> int:
    """Let a worker of that release do what is due; return how it has ended: 1 for an incident."""
    more = {"ATM_TEST_RELEASE": release}
    return start("-m", "django", "automation_step", environment=environment | more).wait(300)


def sweep_at_once(releases: list[str], gate: Path, environment: dict[str, str]) -> None:
    """Let workers of these releases do what is due, from the same moment on."""
    workers = [
        start(WORKER, str(gate), environment=environment | {"ATM_TEST_RELEASE": release})
        for release in releases
    ]
    assert wait_until(lambda: len(list(gate.parent.glob("ready-*"))) == len(workers))
    gate.touch()
    assert {worker.wait(300) for worker in workers} <= {0, 1}


def standing() -> set[int]:
    """Return the runs that are incidents."""
    return set(AutomationModel.objects.filter(state="failed").values_list("pk", flat=True))


def test_what_a_release_does_not_know_waits_and_goes_on_where_it_is_known(
    child_environment: dict[str, str], tmp_path: Path, proof: Recorder
) -> None:
    def begun(each: type[Counted]) -> list[Counted]:
        return [each(autorun=False) for _ in range(RUNS)]

    newer, former, changing = begun(Newer), begun(Former), begun(Changing)
    assert sweep_once("earlier", child_environment) == 1
    assert audit(former).exact
    # What has failed is what this release lacks; the count finds it, and nobody is charged for it.
    incidents = standing()
    assert {run.id for run in newer} <= incidents == set(audit([*newer, *former]).stuck)
    failed = AutomationTaskModel.objects.filter(state="failed")
    assert set(failed.values_list("attempts", flat=True)) == {0}

    former += begun(Former)
    changing += begun(Changing)
    assert sweep_once("next", child_environment) == 1
    assert audit(newer).exact
    assert {run.id for run in former[RUNS:]} <= standing()
    incidents |= standing()

    runs = [*newer, *former, *changing]
    time.sleep(MOMENT.total_seconds())
    sweep_at_once(["earlier", "next"], tmp_path / "gate", child_environment)
    incidents |= standing()
    assert not audit(runs).doubled

    time.sleep(MOMENT.total_seconds())
    assert sweep_once("both", child_environment) == 0
    found = audit(runs)
    done = "workers of two releases, alone and at once, each lacks a class and a step of the other"
    proof("P16", done=f"{done}: {len(incidents)} incidents, all healed by a third", found=found)
    assert found.exact, found
    assert not standing()
