"""
Hold our verdict of soundness against pm4py's. ``make oracle`` calls this.

    python3 tools/oracle.py [--processes NUMBER]

The corpus and 500 random processes are written with our verdict by the main environment, and judged
by pm4py in one of its own: it is under the AGPL and is never imported by the package. Left out are
processes that terminate early or have no End, which workflow nets do not know, and those with a
Join that no Split leads to: there BPMN lets the one way through, and we call it a flaw. Ends with
1 if a verdict differs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import environments
from environments import ROOT

TOOLS = ROOT / "tools"
FOLDER = ROOT / ".venv-oracle"
PACKAGE = "pm4py==2.7.23.11"


def main() -> int:
    """Write the processes, and have them judged."""
    parser = argparse.ArgumentParser(description="Hold our verdicts against pm4py's.")
    parser.add_argument("--processes", type=int, default=500, help="How many random processes.")
    arguments = parser.parse_args()
    wanted = environments.plan("main")
    if wanted is None:
        sys.exit("There is no Python to make the environment with.")
    python = environments.ensure(wanted)
    file = ROOT / "build" / "oracle.json"
    file.parent.mkdir(exist_ok=True)
    told = [python, str(TOOLS / "oracle_write.py"), str(arguments.processes), str(file)]
    settings = {"DJANGO_SETTINGS_MODULE": "tests.settings", "ATM_TEST_DATABASE": "sqlite"}
    subprocess.run(told, check=True, cwd=str(ROOT), env={**os.environ, **settings})
    judge = [judging(wanted.python), str(TOOLS / "oracle_judge.py"), str(file)]
    return subprocess.run(judge, check=False, cwd=str(ROOT)).returncode


def judging(base: str) -> str:
    """Return the Python of the environment with pm4py, which is made if it is not there."""
    python, stamp = FOLDER / "bin" / "python", FOLDER / PACKAGE
    if not stamp.exists():
        print(f"Making {FOLDER.name} with {PACKAGE} ...", flush=True)
        subprocess.run([base, "-m", "venv", "--clear", str(FOLDER)], check=True)
        subprocess.run([str(python), "-m", "pip", "-q", "install", PACKAGE], check=True)
        stamp.touch()
    return str(python)


if __name__ == "__main__":
    sys.exit(main())
