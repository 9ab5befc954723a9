"""Starting runs on schedule: one for each due time, with any number of schedulers."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial

from django.db import Error as DatabaseError
from django.db import IntegrityError, models

from automations.definition import known
from automations.definition.process import ProcessDefinition
from automations.engine import starting
from automations.engine.locking import (
    alias,
    atomic,
    connection,
    in_own_turn,
    in_transaction,
    skip_locked,
    take_write_lock,
)
from automations.engine.notifying import going_on_with
from automations.models import AutomationScheduleModel

logger = logging.getLogger("automations")

#: Where the run's ``data`` says for which due time it was started.
KEY = "_scheduled"

#: How much of a rule is kept: enough to see that it has changed.
LONGEST_RULE = 255

#: For so long a due time must be over until a schedule is gone that the code does not have.
GONE = timedelta(days=1)

#: After so many seconds a process looks again for schedules that are gone.
LOOK_AGAIN = 3600

_looked = -math.inf


def start_scheduled(now: datetime) -> tuple[int, int]:
    """
    Start a run of each automation whose schedule is due; return how many, and how many could not.

    A schedule that is new, has another rule than before, or is back after the code had lost it,
    counts from ``now``. Of several due times that were missed one is made up. A run that cannot be
    started is tried again next time.
    """
    definitions = {definition.label: definition for definition in known.scheduled()}
    if is_time_to_look():
        attempted("What is gone", partial(let_go, definitions.values(), now))
    if not definitions:
        return 0, 0
    rows = {row.automation_class: row for row in schedules()}
    started = 0
    broken = {
        label
        for label, definition in definitions.items()
        if attempted(label, partial(remember, definition, rows, now)) is None
    }
    due = schedules().filter(automation_class__in=definitions.keys() - broken, due__lte=now)
    for label in list(due.values_list("automation_class", flat=True)):
        count = attempted(label, partial(start_one, definitions[label], now))
        started += count or 0
        broken |= {label} if count is None else set()
    return started, len(broken)


def next_start(now: datetime) -> datetime | None:
    """Return when an automation is started on schedule next, after ``now``; None if none is."""
    labels = [definition.label for definition in known.scheduled()]
    if not labels:
        return None
    ahead = schedules().filter(automation_class__in=labels, due__gt=now)
    return ahead.order_by("due").values_list("due", flat=True).first()


def attempted(label: str, work: Callable[[], int]) -> int | None:
    """Return what ``work`` returns; None if it raises: then nothing else is kept from its turn."""
    try:
        return work()
    except Exception as error:
        if in_transaction() and isinstance(error, DatabaseError):
            raise
        logger.exception("%s: the schedule could not be followed", label)
        if not in_transaction():
            connection().close_if_unusable_or_obsolete()
        return None


def schedules() -> models.QuerySet[AutomationScheduleModel]:
    """Return all schedules, in the database that runs are kept in."""
    return AutomationScheduleModel.objects.using(alias())


def is_time_to_look() -> bool:
    """Return whether this process looks for schedules that are gone; it does so now and then."""
    global _looked
    if time.monotonic() - _looked < LOOK_AGAIN:
        return False
    _looked = time.monotonic()
    return True


def let_go(definitions: Iterable[ProcessDefinition], now: datetime) -> int:
    """
    Take the due time from the schedules that are gone, so that they begin anew if they come back.

    ``definitions`` are those with a schedule. While one version of the code follows another, one
    does not know what the other still starts. So only that is gone which nobody has started for a
    day. Return how many schedules are.
    """
    labels = [label for definition in definitions for label in definition.labels]
    gone = schedules().filter(due__lt=now - GONE).exclude(automation_class__in=labels)
    return in_own_turn(partial(gone.update, due=None))


def remember(
    definition: ProcessDefinition, rows: dict[str, AutomationScheduleModel], now: datetime
) -> int:
    """
    Make the row of a schedule that is new; begin anew one that is back, or whose rule has changed.

    ``rows`` are all there are, by their class. Return how many rows were written.
    """
    schedule, label = definition.options.schedule, definition.label
    if schedule is None:
        return 0
    for former in definition.options.former_names:
        if former in rows and label not in rows:
            renamed = schedules().filter(automation_class=former)
            in_own_turn(partial(renamed.update, automation_class=label))
            rows[label] = rows[former]
    rule = str(schedule)[:LONGEST_RULE]
    row = rows.get(label)
    if row is not None and row.rule == rule and row.due is not None:
        return 0
    fresh = {"rule": rule, "due": schedule.next(now, now)}
    if row is not None:
        # As it was read: another scheduler may have been faster.
        same = schedules().filter(pk=row.pk, rule=row.rule, due=row.due)
        return in_own_turn(partial(same.update, **fresh))
    try:
        with atomic():
            row = AutomationScheduleModel(automation_class=label, created=now, **fresh)
            row.save(using=alias(), force_insert=True)
    except IntegrityError:
        return 0  # another scheduler has been faster
    return 1


def start_one(definition: ProcessDefinition, now: datetime) -> int:
    """Start one run, and move the schedule on in the same transaction; 0 if another was faster."""
    schedule = definition.options.schedule
    with atomic():
        take_write_lock()
        free = skip_locked(schedules().filter(automation_class=definition.label, due__lte=now))
        row = free.first()
        if row is None or row.due is None or schedule is None:
            return 0
        unique = bool(getattr(definition.owner, "unique", False))
        with going_on_with(None):  # the sweep that has called this
            starting.start(definition, {KEY: row.due.isoformat()}, unique=unique)
        schedules().filter(pk=row.pk).update(due=schedule.next(now, now), last=row.due)
    return 1
