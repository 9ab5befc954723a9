"""
What a proof has shown, in numbers: for the table of ``make proofs``.

A test notes it among its own properties, so that it reaches the process that reports, whichever
process runs the test. It is written where ``ATM_PROOF_RECORD`` says, one line of JSON for each
note; without that variable it goes nowhere.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.proofs.counting import Audit

#: Under this name a note stands among the properties of a test.
NAME = "proof"


@dataclass(frozen=True)
class Recorder:
    """Takes the notes of one test."""

    item: pytest.Item

    def __call__(
        self, *promises: str, done: str, found: Audit | None = None, exact: int = 0
    ) -> None:
        """
        Note what was ``done`` for the promises, and what came of it.

        ``found`` is what an audit has found. Where the test itself has looked at every case, and
        fails if one is wrong, ``exact`` is their number.
        """
        numbers = {"runs": exact, "exact": exact, "stuck": 0, "lost": 0, "doubled": 0}
        if found is not None:
            numbers = found.numbers()
        note = {"promises": list(promises), "done": done, **numbers}
        self.item.user_properties.append((NAME, note))


@pytest.fixture
def proof(request: pytest.FixtureRequest) -> Recorder:
    """Return what the test notes its numbers with; that it was tried is noted in any case."""
    recorder = Recorder(request.node)
    recorder(done="")
    return recorder


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write down what the test has noted: in the process that reports, not in a worker's."""
    file = os.environ.get("ATM_PROOF_RECORD")
    if report.when != "call" or not file or "PYTEST_XDIST_WORKER" in os.environ:
        return
    with Path(file).open("a", encoding="utf-8") as lines:
        for name, note in report.user_properties:
            if name == NAME:
                record = {
                    "test": report.nodeid,
                    "passed": report.passed,
                    "pass": os.environ.get("ATM_PROOF_PASS", ""),
                    **note,
                }
                lines.write(json.dumps(record) + "\n")
