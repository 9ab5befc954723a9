"""The benchmark runs, and what steps, sweeps and pages cost in statements is what is wanted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

ROOT = Path(__file__).parent.parent

#: Where it is measured on each database of the tests.
DATABASES = {"sqlite": "sqlite-normal", "postgresql": "postgresql"}

pytestmark = [
    pytest.mark.no_cover,
    pytest.mark.processes,
    pytest.mark.skipif(settings.VENDOR not in DATABASES, reason="The benchmark does not know it."),
]

#: What does not depend on how fast the machine is: at the most so much, by work, name and unit.
WANTED = {
    ("W1", "bursts", "statements a step"): 2.5,
    ("W1", "commit per task", "statements a step"): 4,
    ("W3", "idle sweep", "statements"): 2,
    ("W4", "inbox", "queries"): 6,
    ("W5", "1 process", "not once"): 0,
    ("W5", "2 processes", "not once"): 0,
    ("W6", "page of a run", "queries"): 8,
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, str], float]:
    """Everything but imports, measured once, in little."""
    into = tmp_path_factory.mktemp("results")
    told = [sys.executable, "-m", "benchmarks", "--works", "W1,W2,W3,W4,W5,W6"]
    told += ["--database", DATABASES[settings.VENDOR], "--into", str(into)]
    environment = {**os.environ, "ATM_BENCH_QUICK": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    done = subprocess.run(
        told, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "goals are met" in done.stdout
    assert (into / "bench.svg").read_text().startswith("<svg")
    record: dict[str, Any] = json.loads((into / "bench.json").read_text())
    measures = [measure for found in record["databases"] for measure in found["measures"]]
    return {
        (measure["work"], measure["name"].partition(",")[0], measure["unit"]): measure["value"]
        for measure in measures
    }


@pytest.mark.parametrize("what", WANTED, ids=" ".join)
def test_it_costs_no_more_than_is_wanted(
    what: tuple[str, str, str], measured: dict[tuple[str, str, str], float]
) -> None:
    value, wanted = measured[what], WANTED[what]
    assert value <= wanted
