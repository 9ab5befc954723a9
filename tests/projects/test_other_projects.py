"""The package in projects of another make, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(
        settings.VENDOR != "sqlite", reason="These projects bring their own databases."
    ),
]


@pytest.mark.parametrize("name", ["people", "two"])
def test_the_package_works_in_a_project_of_another_make(name: str, tmp_path: Path) -> None:
    played = subprocess.run(
        [sys.executable, "-W", "error", "-m", f"tests.projects.play_{name}"],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": f"tests.projects.settings_{name}",
            "PROJECT_HOME": str(tmp_path),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert played.returncode == 0, played.stderr[-3000:]
