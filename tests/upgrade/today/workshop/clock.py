from __future__ import annotations

import datetime
import os

#: How far process time is ahead; at first it is a minute after the old release was at work.
ahead = datetime.timedelta(seconds=float(os.environ["WORKSHOP_AHEAD"]))


def now() -> datetime.datetime:
    """Return process time."""
    return datetime.datetime.now(datetime.UTC) + ahead


def move_on() -> None:
    """Let a little more than a day go by."""
    global ahead
    ahead += datetime.timedelta(days=1, minutes=1)
