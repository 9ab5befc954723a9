"""Commands that keep running meanwhile: what they print, and their end. Needs only Python 3.8."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
from pathlib import Path


class Running:
    """A command that keeps running, in a group of its own, and what it has printed."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed when the command ends
        self._read = 0
        self.process = subprocess.Popen(
            command,
            cwd=str(folder),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def printed(self) -> str:
        """Return what it has printed that was not asked for yet."""
        size = os.fstat(self._output.fileno()).st_size
        return os.pread(self._output.fileno(), size - self._read, self._read).decode()

    def passed(self) -> None:
        """Let what it has printed so far be the past."""
        self._read = os.fstat(self._output.fileno()).st_size

    def ended(self) -> bool:
        """Tell whether it has ended by itself."""
        return self.process.poll() is not None

    def end(self, patience: float) -> int:
        """End it as Ctrl-C does, or by force after so many seconds; return its exit code."""
        if not self.ended():
            os.killpg(self.process.pid, signal.SIGINT)
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            return self.process.wait()
        finally:
            self._output.close()


def free_site() -> str:
    """Return an address of this machine where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def answers(site: str) -> bool:
    """Tell whether somebody listens there."""
    host, port = site.split(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
        return True
    return False
