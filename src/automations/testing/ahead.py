"""When something falls due next: what a scheduler would sleep until."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from automations import notices
from automations.dispatch.schedules import next_start
from automations.engine.context import TaskContext, neutral
from automations.engine.locking import tasks
from automations.models import AutomationTaskModel
from automations.models.runs import RunState


def next_moment(
    now: datetime, every: timedelta | None, soonest: datetime | None = None
) -> datetime | None:
    """
    Return when something falls due next, after ``now`` (aware); None if nothing ever does.

    Timers, time limits, reminders, repetitions, schedules, and e-mails to people. What waits for
    a condition is due all the time, and looked at after ``every``; its times stand in no row and
    are asked of its node. ``soonest`` is when a run is due next, where that is known.
    """
    found: list[datetime | None] = [next_start(now), notices.next_due(now), soonest]
    if soonest is None:
        found += dues(now, every)
    return min((moment for moment in found if moment and moment > now), default=None)


def dues(now: datetime, every: timedelta | None) -> Iterator[datetime | None]:
    """Yield when tasks fall due, those included that are looked at all the time."""
    going_on = tasks().open().filter(automation__state=RunState.RUNNING, due__isnull=False)
    found = dict(going_on.values_list("pk", "due"))
    yield from found.values()
    looked_at = [pk for pk, due in found.items() if due and due <= now]
    if looked_at:
        yield now + every if every else None
        for task in tasks().filter(pk__in=looked_at).select_related("automation"):
            yield from moments_of(task, now)


def moments_of(task: AutomationTaskModel, now: datetime) -> Iterator[datetime | None]:
    """Yield the times at which something becomes of a task that waits for a condition."""
    context = TaskContext(task, task.automation, now)
    try:
        context.load()
        node = context.node
        with neutral():
            yield from [moment for moment, _ in node.limits(context)]
            yield node.waits_until(context)
            yield task.retry_at
            yield node.next_reminder(context, node.reminded(context))
    except Exception:  # noqa: BLE001 - the next sweep says what is wrong
        return
