"""Schedulers in processes of their own, as a machine would keep them running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from automations.models import AutomationModel, AutomationTaskModel
from tests import forks
from tests.settings import DIRECTORY

#: Where what the processes say of errors is kept for the time of a test.
LOG = DIRECTORY / f"errors-{os.getpid()}"
WORKER = str(Path(__file__).with_name("worker.py"))


def start(
    *arguments: str, environment: dict[str, str], said: Path | None = None
) -> subprocess.Popen[bytes]:
    """
    Start Python with these arguments; what it says of errors is shown if the test fails.

    What else it says is in the file ``said``, if one is given.
    """
    with LOG.open("ab") as log, (said or Path(os.devnull)).open("wb") as out:
        return forks.Popen([sys.executable, *arguments], env=environment, stdout=out, stderr=log)


def step_forever(
    environment: dict[str, str], nice: int = 0, said: Path | None = None
) -> subprocess.Popen[bytes]:
    """
    Start the command that a scheduler would keep running.

    It gives way to nobody if nothing is said: other tests keep the machine busy. The file ``said``
    has a line of each sweep: with the first, the command has begun, and ends in good order.
    """
    command = ["-u", "-m", "django", "automation_step", "--every", "0.05", "--nice", str(nice)]
    return start(*command, "--verbosity", "2", environment=environment, said=said)


def wait_until(condition: Any, seconds: float = 60) -> bool:
    """Look again and again whether ``condition`` holds, for so long at the most."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())


@contextmanager
def workers(number: int, environment: dict[str, str], nice: int = 0) -> Iterator[None]:
    """Keep so many schedulers running; each must begin, and end in good order."""
    with TemporaryDirectory() as folder:
        said = [Path(folder, str(place)) for place in range(number)]
        running = [step_forever(environment, nice, file) for file in said]
        try:
            yield
            # A few runs are worked by one worker before another has begun.
            assert wait_until(lambda: all(file.stat().st_size for file in said))
        finally:
            for worker in running:
                worker.send_signal(signal.SIGTERM)
            codes = [worker.wait(60) for worker in running]
        assert codes == [0] * number


def none_alive() -> bool:
    """Return whether every run has ended, or stands still for good."""
    return not AutomationModel.objects.filter(finished=False).exists()


def finish_all(environment: dict[str, str], patience: float = 60) -> bool:
    """
    Let one more worker go on until no run is alive, and end it; return whether it got there.

    It is given up when not one task has been finished for ``patience`` seconds: how fast the
    machine is proves nothing.
    """
    done = AutomationTaskModel.objects.exclude(finished=None)
    with workers(1, environment):
        before, since = -1, time.monotonic()
        while not wait_until(none_alive, 1):
            now = done.count()
            if now > before:
                before, since = now, time.monotonic()
            elif time.monotonic() - since > patience:
                return False
        return True
