"""
The heart: keeps the claims of work that goes on outside of transactions.

One thread for all works of a process renews their claims, three times in a claim's time, and
writes down how far they say they are. It uses a database connection of its own, which it closes
after each beat.
"""

from __future__ import annotations

import logging
import threading

from automations import settings
from automations.dispatch.daemons import begin, close_connections
from automations.dispatch.forks import PerProcess
from automations.engine import outside
from automations.exceptions import ClaimLost

logger = logging.getLogger("automations")

#: However often a work says how far it is, this many seconds pass between two beats.
LEAST = 0.2
#: So many seconds whoever ends waits for the last beat.
PATIENCE = 5


class Pulse:
    """One work that goes on: its claim, and what it has said of itself."""

    def __init__(self, heart: Heart, task_id: int, claim: str) -> None:
        self.task_id, self.claim = task_id, claim
        self.lost = False
        self._heart = heart
        self._said: tuple[float | None, str] = (None, "")

    def beat(self, progress: float | None, message: str) -> None:
        """Note how far the work is; raise `ClaimLost` if the task has been taken from it."""
        if self.lost:
            raise ClaimLost(f"Task {self.task_id} has been taken from this worker. Stop here.")
        before = self._said
        self._said = (before[0] if progress is None else progress, message or before[1])
        self._heart.hurry()

    def renew(self) -> None:
        """Renew the claim, and write down what has been said since."""
        said, self._said = self._said, (None, "")
        try:
            self.lost = not outside.renew(self.task_id, self.claim, *said)
        except Exception as error:
            # The claim lasts two more beats, and the next one may get through.
            self._said = said if self._said == (None, "") else self._said
            logger.warning("The claim on task %s was not renewed: %r", self.task_id, error)


class Heart(PerProcess):
    """The thread that renews the claims of all works of a pool."""

    def begin_anew(self) -> None:
        self._pulses: set[Pulse] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, task_id: int, claim: str) -> Pulse:
        """Keep the claim on the task from now on."""
        pulse = Pulse(self, task_id, claim)
        with self._lock:
            self._pulses.add(pulse)
            self._beat()
        return pulse

    def end(self, pulse: Pulse) -> None:
        """Let go of the claim: the work is over."""
        with self._lock:
            self._pulses.discard(pulse)
        self._wake.set()

    def hurry(self) -> None:
        """Beat soon: there is something to write down."""
        self._wake.set()
        with self._lock:
            if self._pulses:
                self._beat()

    def close(self) -> None:
        """
        Wait for the last beat, when all works are over.

        A process that ends while a driver talks to the database in another thread may crash.
        """
        self._closed.set()
        self._wake.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(PATIENCE)

    def _beat(self) -> None:
        """Have the thread; if there is none to be had, whoever comes next tries again."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = begin("automations-heart", self._live)

    def _live(self) -> None:
        while True:
            self._wake.wait(settings.get("ATM_CLAIM") / 3)
            self._wake.clear()
            with self._lock:
                pulses = list(self._pulses)
                if not pulses:
                    self._thread = None
                    return
            try:
                for pulse in pulses:
                    pulse.renew()
                    if pulse.lost:
                        self.end(pulse)
            finally:
                close_connections()
            self._closed.wait(LEAST)
