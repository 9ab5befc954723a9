"""
The process clock of the demo: it runs faster than time, and stands while the demo does not run.

All processes of the demo share it through a file, which says what time it was in the process at
which moment of real time, and how fast it runs since.
"""

from __future__ import annotations

import datetime
import json
import time
from pathlib import Path

from django.conf import settings

_standing: datetime.datetime | None = None


def now() -> datetime.datetime:
    """Return process time, an aware datetime in UTC; real time while the clock was never set."""
    if _standing is not None:
        return _standing
    try:
        anchor = json.loads(Path(settings.CLOCK_FILE).read_text())
    except FileNotFoundError:
        return datetime.datetime.now(datetime.UTC)
    begun = datetime.datetime.fromisoformat(anchor["process"])
    passed = max(0.0, time.time() - anchor["real"]) * anchor["speed"]
    return begun + datetime.timedelta(seconds=passed)


def begin() -> None:
    """Let a clock that was never set stand at nine o'clock (UTC) on the Monday of this week."""
    if not Path(settings.CLOCK_FILE).exists():
        today = now().replace(hour=9, minute=0, second=0, microsecond=0)
        write(today - datetime.timedelta(days=today.weekday()), 0)


def run_on(speed: float) -> None:
    """Let the clock go on from where it stands, ``speed`` times as fast as real time."""
    write(now(), speed)


def stop() -> None:
    """Let the clock stand at what it shows now."""
    write(now(), 0)


def write(process: datetime.datetime, speed: float) -> None:
    """Set the clock, for all processes at once."""
    anchor = {"process": process.isoformat(), "real": time.time(), "speed": speed}
    path = Path(settings.CLOCK_FILE)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(anchor))
    new.replace(path)


def stand_at(moment: datetime.datetime) -> None:
    """Show ``moment`` in this process alone, until it is told another."""
    global _standing
    _standing = moment
