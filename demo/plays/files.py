"""The files of the week, read by the plays themselves."""

from __future__ import annotations

import csv
import datetime
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"
BEGIN = datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)


def rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a file."""
    with (DATA / name).open(newline="") as file:
        return list(csv.DictReader(file))


def moment(text: str) -> datetime.datetime:
    """Return the moment that is written in a file."""
    return datetime.datetime.fromisoformat(text)
