"""
The last try of what has cost its worker so often that it is given up next time: alone.

When a process dies, all that it had in hand is suspected. Whatever is innocent must not be in the
same process as the guilty each time, or it would be given up with it. So of what makes its last
try, in a step or in the background, nothing else is in hand in a process.
"""

from __future__ import annotations

import threading
from typing import Self

from automations import settings
from automations.dispatch.forks import ProcessLock
from automations.engine.locking import tasks

_lock = ProcessLock()


def makes_last_try(run_id: int) -> bool:
    """
    Return whether a task of the run has cost its worker so often that it may be tried once more.

    As `charging.charge` counts: the first time was not counted, and this one will be.
    """
    often = max(1, settings.get("ATM_ATTEMPTS") - 2)
    return tasks().open().filter(automation=run_id, attempts__gte=often).exists()


class Alone:
    """
    To be alone in this process with something that makes its last try, until the ``with`` is left.

    Whoever does not get it leaves the work to a later sweep: nobody waits for what may take long.
    """

    def __init__(self) -> None:
        self._got: threading.Lock | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._got:
            self._got.release()
            self._got = None

    def get(self) -> bool:
        """Return whether nobody else in this process makes a last try."""
        if not self._got and _lock.lock.acquire(blocking=False):
            self._got = _lock.lock
        return bool(self._got)
