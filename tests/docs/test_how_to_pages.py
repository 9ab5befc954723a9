"""The how-to pages: their blocks are the modules, settings and commands of a small project."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent / "how_to"


@pytest.mark.processes
@pytest.mark.one_database
@pytest.mark.no_cover
def test_every_block_of_the_how_to_pages_is_true() -> None:
    own = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    path = os.pathsep.join([str(PROJECT), *filter(None, [own.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", "pytest.ini", "--confcutdir", ".", "."],
        cwd=PROJECT,
        env=own | {"PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": "settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
