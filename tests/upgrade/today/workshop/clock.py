from __future__ import annotations

import datetime

#: How far process time is ahead.
ahead = datetime.timedelta()


def now() -> datetime.datetime:
    """Return process time."""
    return datetime.datetime.now(datetime.UTC) + ahead


def move_on() -> None:
    """Let a little more than a day go by."""
    global ahead
    ahead += datetime.timedelta(days=1, minutes=1)
