"""Starting runs on schedule: one for each due time, with any number of schedulers."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, models

from automations.definition import known
from automations.definition.process import ProcessDefinition
from automations.engine import starting
from automations.engine.locking import alias, atomic, skip_locked, take_write_lock
from automations.exceptions import AutomationError
from automations.models import AutomationScheduleModel

logger = logging.getLogger("automations")

#: Where the run's ``data`` says for which due time it was started.
KEY = "_scheduled"


def start_scheduled(now: datetime) -> tuple[int, int]:
    """
    Start a run of each automation whose schedule is due; return how many, and how many could not.

    A schedule that is new, or has another rule than before, counts from ``now``. Of several due
    times that were missed one is made up. A run that cannot be started is tried again next time.
    """
    definitions = {definition.label: definition for definition in known.scheduled()}
    if not definitions:
        return 0, 0
    remember(definitions.values(), now)
    due = schedules().filter(automation_class__in=definitions, due__lte=now)
    started = broken = 0
    for label in due.values_list("automation_class", flat=True):
        try:
            started += start_one(definitions[label], now)
        except AutomationError:
            broken += 1
            logger.exception("%s could not be started on schedule", label)
    return started, broken


def schedules() -> models.QuerySet[AutomationScheduleModel]:
    """Return all schedules, in the database that runs are kept in."""
    return AutomationScheduleModel.objects.using(alias())


def remember(definitions: Iterable[ProcessDefinition], now: datetime) -> None:
    """Make the rows of schedules that are new, and change those whose rule has changed."""
    rules = dict(schedules().values_list("automation_class", "rule"))
    for definition in definitions:
        schedule, label = definition.options.schedule, definition.label
        if schedule is None or rules.get(label) == str(schedule):
            continue
        for former in definition.options.former_names:
            if former in rules and label not in rules:
                schedules().filter(automation_class=former).update(automation_class=label)
                rules[label] = rules[former]
        fresh = {"rule": str(schedule), "due": schedule.next(now, now)}
        if label not in rules:
            try:
                with atomic():
                    row = AutomationScheduleModel(automation_class=label, created=now, **fresh)
                    row.save(using=alias(), force_insert=True)
            except IntegrityError:
                pass  # another scheduler has been faster
        elif rules[label] != str(schedule):
            schedules().filter(automation_class=label, rule=rules[label]).update(**fresh)


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
        starting.start(definition, {KEY: row.due.isoformat()}, unique=unique)
        schedules().filter(pk=row.pk).update(due=schedule.next(now, now), last=row.due)
    return 1
