"""
Threads beside the main one: begun if the machine has one to give, and with nothing left open.

A daemon does not keep a process that is told twice to end.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable

from django.db import connections

logger = logging.getLogger("automations")


def begin(name: str, target: Callable[[], None]) -> threading.Thread | None:
    """Return a thread that has begun to run ``target``; None if there is no thread to be had."""
    thread = threading.Thread(target=target, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        logger.warning("There is no thread to be had for %s: %r", name, error)
        return None
    return thread


def close_connections() -> None:
    """Close the connections of this thread; drop what cannot be closed, and never raise."""
    try:
        connections.close_all()
    except Exception as error:
        logger.warning("A connection could not be closed: %r", error)
        for alias in connections:
            with contextlib.suppress(AttributeError):  # this thread has none
                del connections[alias]
