"""Telling people of their tasks beside the sweeps: a mail server that is slow holds nobody up."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from automations import notices
from automations.dispatch.daemons import begin, close_connections
from automations.engine.noticing import is_wanted

logger = logging.getLogger("automations")


class Postman:
    """One thread at a time tells what is due; while it is under way, nobody else is sent."""

    def __init__(self) -> None:
        self._way: threading.Thread | None = None

    def go_round(self, stopped: Callable[[], bool]) -> None:
        """Begin to tell what is due, unless that is being done or nobody is told anything."""
        if is_wanted() and not (self._way and self._way.is_alive()):
            self._way = begin("automations-notices", lambda: go(stopped))

    def wait(self, seconds: float) -> None:
        """Wait for the thread that is under way, so many seconds at the most."""
        if self._way:
            self._way.join(seconds)


def go(stopped: Callable[[], bool]) -> None:
    """Tell what is due; what goes wrong is logged, and tried again the next time."""
    try:
        notices.send_due(stopped)
    except Exception:
        logger.exception("People could not be told of their tasks")
    finally:
        close_connections()
