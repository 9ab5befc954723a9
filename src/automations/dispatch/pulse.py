"""
The pulse of the schedulers: when a sweep was last done, in a row that all processes see.

`automation_step` writes it, at the most once a minute, so that an idle sweep still costs one
statement. Whoever has a scheduler of its own around `AutomationModel.run()` calls
`Pulse.beat()` after it.
"""

from __future__ import annotations

import os
import socket
import time
from functools import partial

from django.db import IntegrityError

from automations.engine.locking import DatabaseNow, alias, atomic, in_own_turn
from automations.models import AutomationSweepModel

#: Seconds between two beats of one process.
PAUSE = 60.0


class Pulse:
    """One process that sweeps; it beats at the most once a minute, by the monotonic clock."""

    def __init__(self) -> None:
        self._not_before = float("-inf")

    def beat(self) -> None:
        """Note that a sweep has been done, unless that was noted less than a minute ago."""
        if time.monotonic() >= self._not_before:
            note_sweep()
            self._not_before = time.monotonic() + PAUSE


def note_sweep() -> None:
    """Write down that a sweep has just been done, and by whom: the only row of its table."""
    noted = {"last": DatabaseNow(), "by": f"{socket.gethostname()[:100]}:{os.getpid()}"}
    rows = AutomationSweepModel.objects.using(alias())
    if in_own_turn(partial(rows.filter(pk=1).update, **noted)):
        return
    try:
        with atomic():
            rows.create(pk=1, **noted)
    except IntegrityError:
        pass  # another process has just done its first sweep
