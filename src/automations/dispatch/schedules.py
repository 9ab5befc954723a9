"""Starting runs on schedule: one for each due time, with any number of schedulers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.db import DatabaseError, IntegrityError, models

from automations.definition import known
from automations.definition.process import ProcessDefinition
from automations.engine import starting
from automations.engine.locking import (
    alias,
    atomic,
    connection,
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


def start_scheduled(now: datetime) -> tuple[int, int]:
    """
    Start a run of each automation whose schedule is due; return how many, and how many could not.

    A schedule that is new, or has another rule than before, counts from ``now``. Of several due
    times that were missed one is made up. A run that cannot be started is tried again next time.
    """
    definitions = {definition.label: definition for definition in known.scheduled()}
    if not definitions:
        return 0, 0
    rules = dict(schedules().values_list("automation_class", "rule"))
    started = 0
    broken = {
        label
        for label, definition in definitions.items()
        if attempted(label, partial(remember, definition, rules, now)) is None
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
        logger.exception("%s could not be started on schedule", label)
        if not in_transaction():
            connection().close_if_unusable_or_obsolete()
        return None


def schedules() -> models.QuerySet[AutomationScheduleModel]:
    """Return all schedules, in the database that runs are kept in."""
    return AutomationScheduleModel.objects.using(alias())


def remember(definition: ProcessDefinition, rules: dict[str, str], now: datetime) -> int:
    """
    Make the row of a schedule that is new, and change one whose rule has changed.

    ``rules`` are those of all rows. Return how many rows were written.
    """
    schedule, label = definition.options.schedule, definition.label
    rule = str(schedule)[:LONGEST_RULE]
    if schedule is None or rules.get(label) == rule:
        return 0
    for former in definition.options.former_names:
        if former in rules and label not in rules:
            schedules().filter(automation_class=former).update(automation_class=label)
            rules[label] = rules[former]
    fresh = {"rule": rule, "due": schedule.next(now, now)}
    if label in rules:
        own = schedules().filter(automation_class=label, rule=rules[label])
        return own.update(**fresh) if rules[label] != rule else 0
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
