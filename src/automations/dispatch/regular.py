"""What is done regularly, where tasks of Celery or Django Tasks are the scheduler."""

from __future__ import annotations

import logging

from automations.chores import chores
from automations.dispatch.pulse import Pulse
from automations.dispatch.sweep import Report, sweep

logger = logging.getLogger("automations")

_pulse = Pulse()


def do_the_rounds() -> Report:
    """
    Sweep once, note that (at most once a minute), and do the chores; return what the sweep did.

    What goes wrong in a chore is logged, and is done the next time.
    """
    report = sweep()
    _pulse.beat()
    for chore in chores:
        try:
            chore()
        except Exception:
            logger.exception("%r has failed after a sweep", chore)
    return report
