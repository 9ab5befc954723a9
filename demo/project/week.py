"""
The week of the demo.

The files of ``data/`` tell of the week from `MONDAY` on. The demo lives through it from the moment
it was loaded, so everything happens as long after that as the files say.
"""

from __future__ import annotations

import csv
import datetime
from collections.abc import Callable, Sequence
from typing import TypeAlias

from django.conf import settings
from django.db import transaction

from automations import flow
from project.models import Source, Week

#: The hour at which the week of the files begins.
MONDAY = datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)

#: What is to happen, in the order of its times.
Calendar: TypeAlias = Sequence[tuple[datetime.datetime, Callable[[], None]]]


def begin() -> None:
    """Let the week begin now."""
    Week.objects.create(begins=flow.now())


def has_begun() -> bool:
    """Return whether the demo has been loaded."""
    return Week.objects.exists()


def now() -> datetime.datetime:
    """Return how late it is in the week of the files."""
    return MONDAY + (flow.now() - Week.objects.get().begins)


def moment_of(written: str) -> datetime.datetime:
    """Return when the demo comes to the moment that is ``written`` in a file."""
    return Week.objects.get().begins + (datetime.datetime.fromisoformat(written) - MONDAY)


def rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a file in ``data/``."""
    with (settings.DATA / name).open(newline="") as file:
        return list(csv.DictReader(file))


def let_happen(name: str, calendar: Calendar) -> int:
    """Do what of ``calendar`` is due and not done yet, each exactly once; return how much."""
    source, _ = Source.objects.get_or_create(name=name)
    before, late = source.taken, now()
    for moment, event in calendar[before:]:
        if moment > late:
            break
        with transaction.atomic():
            event()
            source.taken += 1
            source.save()
    return source.taken - before
