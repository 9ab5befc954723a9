"""What a dead worker had in hand is taken up again as soon as its claim has expired."""

from __future__ import annotations

import time

import pytest

from automations.models import AutomationModel
from tests.proofs.counting import audit
from tests.proofs.recording import Recorder
from tests.proofs.test_kills_by_phase import mortals
from tests.proofs.test_processes import SCALE
from tests.testapp.proof_processes import Counted, Line

pytestmark = [
    pytest.mark.processes,
    pytest.mark.no_cover,
    pytest.mark.django_db(transaction=True),
]

CLAIM = 1.0


def test_the_first_sweep_after_the_claim_has_expired_goes_on_with_the_run(
    child_environment: dict[str, str], proof: Recorder
) -> None:
    child_environment |= {"ATM_TEST_CLAIM": str(CLAIM), "ATM_TEST_ATTEMPTS": "1000"}
    runs: list[Counted] = []
    pauses = []
    for _ in range(SCALE):
        run = Line(autorun=False)
        runs.append(run)
        mortals(["user code:1"], child_environment)
        died = time.monotonic()
        begun = died
        while not run.finished():
            assert begun < died + CLAIM, "A sweep after the claim's end has left the run alone."
            time.sleep(0.05)
            begun = time.monotonic()
            AutomationModel.run()
        pauses.append(begun - died)
    found = audit(runs)
    done = f"kills: {SCALE}, a claim of {CLAIM:g} s: taken up within {max(pauses):.1f} s"
    proof("P4", done=done, found=found)
    assert found.exact, found
