"""
Follow the tutorial with the wheel, as somebody does who meets the package for the first time.

    python3 tools/first_minutes.py [--pictures]

``make first-five-minutes`` calls this. Builds the wheel, makes a fresh virtual environment,
installs the wheel there and nothing else but what it needs, and does what the tutorial says, in an
empty folder. Ends with 1 at the first difference between the tutorial and what is so, and says how
long it took. With ``--pictures`` what the project draws takes the place of what the documentation
shows.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import environments
import package
import tutorial
from environments import ROOT

#: What an environment or a project of the caller would bring along.
NOT_OURS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "DJANGO_SETTINGS_MODULE")


def main() -> int:
    """Follow the tutorial; return 1 if it says something that is not so."""
    wanted = environments.plan("main")
    if wanted is None:
        sys.exit("There is no Python to make the environment with.")
    folder = ROOT / "build" / "first-minutes"
    folder.mkdir(parents=True, exist_ok=True)
    wheel = package.build(package.builder(), folder)
    environment = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    with tempfile.TemporaryDirectory() as home:
        begin = time.monotonic()
        fresh, project = Path(home) / "venv", Path(home) / "project"
        project.mkdir()
        subprocess.run([wanted.python, "-m", "venv", str(fresh)], check=True, env=environment)
        python = str(fresh / "bin" / "python")
        installed: list[float] = []

        def install(_: str) -> None:
            """Install the wheel instead of the release of that name."""
            told = [python, "-m", "pip", "-q", "install", str(wheel)]
            subprocess.run(told, check=True, cwd=home, env=environment)
            installed.append(time.monotonic() - begin)

        try:
            tutorial.follow(
                project, python, install, environment, pictures="--pictures" in sys.argv[1:]
            )
        except tutorial.Differs as error:
            print(error, file=sys.stderr)
            return 1
        whole = time.monotonic() - begin
    print(
        f"The tutorial is true of {wheel.name}. It took {whole:.0f} s, {installed[0]:.0f} s of "
        "them to make the environment and to install."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
