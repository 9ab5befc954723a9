"""
Looking at conditions without claim or lock.

Most runs that are due only wait for a condition that is still false. Those are found here by
asking, in two queries a block; only the others become steps.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from automations import settings
from automations.engine.context import TaskContext
from automations.engine.locking import atomic, for_update, runs, take_write_lock
from automations.engine.transitions import next_look, tasks, write_due
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.tasks import TaskState
from automations.outcomes import Postpone


def idle_runs(block: Iterable[AutomationModel], now: datetime) -> set[int]:
    """Return the primary keys of those runs in ``block`` that a step would leave as they are."""
    by_id = {run.pk: run for run in block if may_poll(run)}
    if not by_id:
        return set()
    due: dict[int, list[AutomationTaskModel]] = {}
    for task in tasks().open().filter(automation__in=by_id, due__lte=now):
        due.setdefault(task.automation_id, []).append(task)
    idle = {
        run_id for run_id, found in due.items() if all(is_idle(by_id[run_id], t, now) for t in found)
    }
    if idle and settings.get("ATM_POLL"):
        look_later(idle, now)
    return idle


def may_poll(run: AutomationModel) -> bool:
    """Return whether the run's process has conditions at all."""
    if run.claimed_by:
        return False
    try:
        return any(node.polls for node in run.definition.nodes.values())
    except Exception:
        return False  # the step makes it an incident


def is_idle(run: AutomationModel, task: AutomationTaskModel, now: datetime) -> bool:
    """
    Return whether looking at ``task`` would change nothing.

    An error is no answer: then a step asks again, under the lock, and keeps it.
    """
    try:
        context = TaskContext(task, run, now)
        context.load()
        if not context.node.polls:
            return False
        answer = context.node.look(context)
    except Exception:
        return False
    if answer is None:
        return task.state == TaskState.WAITING
    return isinstance(answer, Postpone) and (answer.poll or answer.until is None)


def look_later(run_ids: Iterable[int], now: datetime) -> None:
    """Note, under the lock of each run, that its conditions are asked again after ``ATM_POLL``."""
    with atomic():
        take_write_lock(0)
        locked = for_update(runs().filter(pk__in=list(run_ids)), skip_locked=True)
        for run in locked.only("pk"):
            later = next_look(now, None, None)
            tasks().open().filter(automation=run, due__lte=now).update(due=later)
            write_due(run.pk)
