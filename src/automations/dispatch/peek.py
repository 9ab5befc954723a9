"""
Looking at conditions without claim or lock.

Most runs that are due only wait for a condition that is still false. Those are found here by
asking, in two queries a block; only the others become steps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from automations import settings
from automations.engine.attention import next_look
from automations.engine.context import TaskContext, neutral
from automations.engine.escapes import contained
from automations.engine.locking import (
    atomic,
    for_update,
    leave_connections,
    messages,
    runs,
    take_write_lock,
    tasks,
)
from automations.engine.run_row import write_due
from automations.engine.trouble import exhaustion
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
    kept = kept_messages(due)
    idle: dict[int, list[tuple[int, datetime | None]]] = {}
    # In the order of the block, longest due first: that of the rows is the database's own.
    for run_id in filter(due.__contains__, by_id):
        found = due[run_id]
        answers = [(task.pk, idle_answer(by_id[run_id], task, now, kept)) for task in found]
        if all(answer is not None for _, answer in answers):
            idle[run_id] = [(key, answer.until) for key, answer in answers if answer]
    if idle and settings.get("ATM_POLL"):
        look_later(idle, by_id, now)
    return set(idle)


def kept_messages(due: Mapping[int, Iterable[AutomationTaskModel]]) -> set[tuple[int, str]]:
    """Return which messages are kept for those of the tasks that may wait for one."""
    listening = [
        run_id
        for run_id, found in due.items()
        if any(task.state == TaskState.WAITING and not task.requires_interaction for task in found)
    ]
    if not listening:
        return set()
    kept = messages().filter(automation__in=listening, taken=None)
    return set(kept.values_list("automation", "name"))


def may_poll(run: AutomationModel) -> bool:
    """Return whether the run's process has conditions at all."""
    if run.claimed_by:
        return False
    try:
        return any(node.polls for node in run.definition.nodes.values())
    except Exception:
        return False  # the step makes it an incident


def idle_answer(
    run: AutomationModel,
    task: AutomationTaskModel,
    now: datetime,
    kept: Collection[tuple[int, str]] = (),
) -> Postpone | None:
    """
    Return what a step would note if looking at ``task`` changes nothing, else None.

    ``kept`` are messages that wait to be taken, each by the run's key and its name. An error is no
    answer: then a step asks again, under the lock, and keeps it.
    """
    try:
        context = TaskContext(task, run, now)
        context.load()
        node = context.node
        taking = task.state == TaskState.WAITING and (run.pk, node.message) in kept
        if not node.polls or node.works_outside or task.outbox is not None or taking:
            return None
        with neutral():
            answer = contained(lambda: node.look(context))
            if answer is None and task.state == TaskState.WAITING:
                answer = Postpone(until=node.deadline(context), poll=True)
            if isinstance(answer, Postpone) and node.reminders:
                if node.reminds_now(context):
                    return None
                reminder = node.next_reminder(context, node.reminded(context))
                if reminder and (answer.until is None or reminder < answer.until):
                    answer = replace(answer, until=reminder)
    except Exception as error:
        if exhaustion(error):
            leave_connections()
        return None
    if isinstance(answer, Postpone) and (answer.poll or answer.until is None):
        return answer
    return None


def look_later(
    idle: Mapping[int, Iterable[tuple[int, datetime | None]]],
    asked: Mapping[int, AutomationModel],
    now: datetime,
) -> None:
    """
    Note, under the lock of each run, that its conditions are asked again after ``ATM_POLL``.

    ``asked`` are the runs as they were before: one that has changed meanwhile stays due.
    """
    with atomic():
        take_write_lock()
        found = for_update(runs().filter(pk__in=list(idle)), skip_locked=True)
        for run in found.only("pk", "version", "updated"):
            before = asked[run.pk]
            if (run.version, run.updated) != (before.version, before.updated):
                continue
            for task_id, until in idle[run.pk]:
                look = next_look(now, until, None)
                tasks().open().filter(pk=task_id, due__lte=now).update(due=look)
            write_due(run.pk)
