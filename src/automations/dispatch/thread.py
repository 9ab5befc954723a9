"""The thread dispatcher: runs are worked on in threads, never in that of a request."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from automations.dispatch.background import threads
from automations.dispatch.base import THREAD, Dispatcher
from automations.dispatch.working import work
from automations.engine.locking import runs
from automations.exceptions import DispatchError


class ThreadDispatcher(Dispatcher):
    """Works on runs in threads of this process (``ATM_THREADS``); timers are for the scheduler."""

    def dispatch(self, run_id: int, at: datetime | None = None) -> None:
        if at is None:
            # A hint that comes while the run is at work may be about something new: it counts.
            found = runs().filter(pk=run_id).values_list("automation_class", flat=True)
            job = partial(work, run_id, THREAD)
            if not threads().submit(object(), job, found.first() or ""):
                raise DispatchError("This process has no thread for it.")
