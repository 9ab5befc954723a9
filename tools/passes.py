"""Several calls of pytest at once: heard one after the other, interrupted together."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Callable


class Voices:
    """
    Lets passes that run at once be heard one after the other.

    The first that has not ended is heard at once; what the others say is kept for their turn.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turn = 0
        self._kept: dict[int, list[bytes]] = {}
        self._ended: set[int] = set()

    def say(self, number: int, piece: bytes) -> None:
        """Show what pass ``number`` says, or keep it."""
        with self._lock:
            if number == self._turn:
                show(piece)
            else:
                self._kept.setdefault(number, []).append(piece)

    def end(self, number: int) -> None:
        """Let the next one be heard that has not been."""
        with self._lock:
            self._ended.add(number)
            while self._turn in self._ended:
                self._turn += 1
                for piece in self._kept.pop(self._turn, []):
                    show(piece)


def show(piece: bytes) -> None:
    """Write to the standard output at once."""
    sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


class Running:
    """The processes of pytest that are under way: interrupted, they take their databases down."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def run(
        self, command: list[str], environment: dict[str, str], say: Callable[[bytes], None]
    ) -> tuple[int, str]:
        """Run the command, tell what it says as it says it; return its code and its last words."""
        with self._lock:
            if self._stopped:
                return 130, ""
            process = subprocess.Popen(
                command,
                env=environment,
                cwd=str(self._root),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
            self._processes.add(process)
        tail = b""
        while process.stdout:
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                break
            say(piece)
            tail = (tail + piece)[-8192:]
        code = process.wait()
        self._processes.discard(process)
        return code, re.sub(rb"\x1b\[[0-9;]*m", b"", tail).decode("utf-8", "replace")

    def stop(self) -> None:
        """Interrupt them all, and wait for them."""
        with self._lock:
            self._stopped = True
            processes = list(self._processes)
        for process in processes:
            with contextlib.suppress(OSError):
                process.send_signal(signal.SIGINT)
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=30)
            process.kill()
