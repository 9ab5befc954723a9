"""
Show, run or reset the demo. ``make demo``, ``make demo-run`` and ``make demo-reset`` call this.

Needs nothing but Python 3.8; the demo's environment has the package and nothing else. What is
particular to the demo (its people, its processes) its own command ``prepare`` makes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import environments
from environments import ROOT

DEMO = ROOT / "demo"
ADDRESS = "127.0.0.1:8000"
SWEEP_SECONDS = "2"


def manage(python: str, *arguments: str) -> list[str]:
    """Return the command line of one of the demo's commands."""
    return [python, str(DEMO / "manage.py"), *arguments]


def forget() -> None:
    """Remove the demo's database and its uploads."""
    for path in DEMO.glob("demo.sqlite3*"):
        path.unlink()
    shutil.rmtree(str(DEMO / "media"), ignore_errors=True)


def prepare(python: str) -> int:
    """Bring the demo's database up to date and fill it."""
    for command in (["migrate", "--verbosity", "0"], ["prepare"]):
        code = subprocess.run(manage(python, *command), check=False).returncode
        if code:
            return code
    return 0


def run(python: str, address: str) -> int:
    """Run web server and scheduler side by side until one of them ends, or Ctrl-C."""
    print(f"\nhttp://{address}/ (Ctrl-C ends it)\n", flush=True)
    commands = [
        ["runserver", "--noreload", address],
        ["automation_step", "--every", SWEEP_SECONDS],
    ]
    # Each in a group of its own: it is this script that ends them, and in order.
    processes = [
        subprocess.Popen(manage(python, *command), start_new_session=True) for command in commands
    ]
    try:
        ended, status = os.wait()
        first = next((p for p in processes if p.pid == ended), None)
        if first:
            first.returncode = status >> 8 or status & 127
            return first.returncode
        return 1
    except KeyboardInterrupt:
        return 0  # that is how one leaves it
    finally:
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for process in processes:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()


def end(number: int, frame: object) -> None:
    """Being told to end is like Ctrl-C."""
    raise KeyboardInterrupt


def main() -> int:
    """Do what the command line says."""
    what = sys.argv[1] if len(sys.argv) > 1 else ""
    if what not in ("show", "run", "reset"):
        sys.exit("Show, run or reset the demo?")
    if not (DEMO / "manage.py").is_file():
        sys.exit("There is no demo in this checkout: demo/manage.py is missing.")
    if what == "reset":
        forget()
        return 0
    wanted = environments.plan("demo")
    if wanted is None:
        sys.exit("There is no Python for the demo.")
    python = environments.ensure(wanted)
    signal.signal(signal.SIGTERM, end)
    try:
        if what == "show" or not (DEMO / "demo.sqlite3").is_file():
            code = prepare(python)
            if code:
                return code
        return run(python, sys.argv[2] if len(sys.argv) > 2 else ADDRESS)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
