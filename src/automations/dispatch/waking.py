"""
What wakes a process that sleeps until its next sweep: a signal, or what a source brings.

A signal interrupts Python between any two of its instructions, also inside the very call that
waits for it. So the handler takes no lock: it sets a flag, and the byte that Python itself writes
on a signal (`signal.set_wakeup_fd`) ends the sleep, even one that has not quite begun.
"""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import threading
from types import FrameType, TracebackType
from typing import Protocol, Self

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Source(Protocol):
    """What may wake this process besides a signal."""

    def sockets(self) -> list[int]:
        """Return the file descriptors that something is to be read from then."""
        ...

    def hear(self) -> None:
        """Read what has come."""
        ...


class Waker:
    """
    Sleeps that end early; inside ``with``, SIGTERM and SIGINT say that it is time to stop.

    ``source`` is what else ends a sleep.

    A second signal ends the process at once, by `SystemExit`. Only the main thread can listen to
    signals; elsewhere `sleep` ends when its time is over.
    """

    def __init__(self, source: Source | None = None) -> None:
        self._stopped = False
        self._source = source

    def __enter__(self) -> Self:
        self._reader, self._writer = socket.socketpair()
        self._reader.settimeout(0)
        self._writer.settimeout(0)
        self._listens = threading.current_thread() is threading.main_thread()
        if self._listens:
            self._before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
            self._handlers = {number: signal.signal(number, self.stop) for number in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._listens:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(self._before)
        self._reader.close()
        self._writer.close()

    def stop(self, number: int, frame: FrameType | None = None) -> None:
        """Remember that it is time to stop: what a signal calls."""
        if self._stopped:
            # Asked twice: at once. What the task in hand has written is undone with it.
            raise SystemExit(128 + number)
        self._stopped = True

    def stopped(self) -> bool:
        """Return whether it is time to stop."""
        return self._stopped

    def sleep(self, seconds: float) -> None:
        """Sleep so long, or until something wakes this process."""
        if self._stopped:
            return
        found = select.select(self._waiting_for(), [], [], max(0.0, seconds))[0]
        if self._reader in found:
            with contextlib.suppress(BlockingIOError):
                self._reader.recv(4096)
        if self._source and found:
            self._source.hear()

    def _waiting_for(self) -> list[socket.socket | int]:
        return [self._reader, *(self._source.sockets() if self._source else [])]
