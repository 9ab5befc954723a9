"""
Messages from run to run: delivered once the sender's step is committed.

What is to be sent stands in the sending task's own row. It is delivered outside of the sender's
transaction, one transaction per receiver, so two runs never wait for each other's locks. Then the
task is completed. A crash in between sends again, with the same key: who has it already does
nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from automations import settings
from automations.definition import known
from automations.definition.receivers import prepare
from automations.engine.attempts import Known, attempt
from automations.engine.attention import delay, due_tasks
from automations.engine.context import TaskContext
from automations.engine.escapes import contained
from automations.engine.locking import leave_connections, lock_run, messages, runs, tasks
from automations.engine.notifying import going_on_with
from automations.engine.reading import lock_with_tasks
from automations.engine.receiving import Message, receive
from automations.engine.steps import Step, attended, close
from automations.engine.trouble import exhaustion
from automations.exceptions import MessageRefused, RunBusy
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.runs import ALIVE
from automations.outcomes import Outcome

logger = logging.getLogger("automations")

RECEIVED = "received"


def deliver(
    run_id: int,
    task_id: int,
    *,
    claim: str = "",
    seen: Collection[int] = (),
    now: datetime | None = None,
) -> Step:
    """
    Deliver the message of the task, then complete the task; return what was done, as a step.

    If a run is busy or the database is in trouble, the task is tried again a little later. What a
    receiver raises is the error of the task, once everybody else has the message: then it is
    retried like any other, and reaches only those who do not have it.
    """
    now = now or settings.now()
    task = tasks().select_related("automation").filter(pk=task_id).first()
    if task is None or task.outbox is None:
        return Step(task_id=task_id, more=True)  # somebody else has sent it
    answers = caught(task)
    error: Exception | None = None
    reached = set()
    for receiver in [] if answers else receivers_of(task.outbox):
        try:
            with going_on_with(receiver.pk):  # whoever called this, or it notifies
                message = message_for(receiver, task)
                answers.append(contained(partial(receive, receiver.pk, message)))
            reached.add(receiver.pk)
        except RunBusy as busy:
            logger.warning("Task %s sends again a little later: %s", task_id, busy)
            return replace(later(run_id, task_id, now), reached=frozenset(reached))
        except MessageRefused:
            continue
        except Exception as raised:
            error = error or raised
            if exhaustion(raised):
                leave_connections()
        if answers and answers[-1] == RECEIVED and not task.outbox["everyone"]:
            break
    current: list[AutomationTaskModel] = []

    def work(known: Known) -> Step:
        return _sent(run_id, task_id, claim, seen, now, answers, error, current, known)

    try:
        step = attended(run_id, work, now, current)
    except RunBusy as busy:
        logger.warning("Task %s is completed a little later: %s", task_id, busy)
        step = later(run_id, task_id, now)
    return replace(step, reached=frozenset(reached))


def caught(task: AutomationTaskModel) -> list[Any]:
    """
    Return all answers if a run has caught the task's message before the sender crashed, else none.

    That run may have ended since, and then it is no receiver any more.
    """
    if task.outbox is None or task.outbox["everyone"]:
        return []
    before = messages().filter(key=task.idempotency_key).order_by("pk")
    answers = list(before.values_list("answer", flat=True))
    return answers if RECEIVED in answers else []


def receivers_of(outbox: dict[str, Any]) -> list[AutomationModel]:
    """Return the runs that the message in ``outbox`` is for, the oldest first."""
    to = outbox["run"]
    if outbox["automation"] is None:
        return list(runs().filter(key=to) if isinstance(to, str) else runs().filter(pk=to))
    labels = known.labels(outbox["automation"])
    return list(runs().filter(automation_class__in=labels, state__in=ALIVE).order_by("pk"))


def message_for(receiver: AutomationModel, task: AutomationTaskModel) -> Message:
    """Return the task's message as ``receiver`` gets it; raise `MessageRefused` if it cannot."""
    outbox: dict[str, Any] = task.outbox or {}
    owner = receiver.get_automation_class()
    data = prepare(owner, outbox["message"], outbox["data"])
    return Message(outbox["message"], outbox["token"], data, key=task.idempotency_key)


def later(run_id: int, task_id: int, now: datetime) -> Step:
    """Let the task try again in about a second."""

    def work(_: Known) -> Step:
        if lock_run(run_id, wait=False):
            delay(task_id, run_id, now)
        return Step(task_id=task_id, delayed=True)

    return attended(run_id, work, now, [])


def _sent(
    run_id: int,
    task_id: int,
    claim: str,
    seen: Collection[int],
    now: datetime,
    answers: list[Any],
    error: Exception | None,
    current: list[AutomationTaskModel],
    known: Known = (),
) -> Step:
    # Nothing else is locked here, so waiting for whoever is at work can do no harm.
    run, found = lock_with_tasks(run_id, wait=True)
    if run is None:
        return Step(task_id=task_id)
    task = next((task for task in due_tasks(found, now) if task.pk == task_id), None)
    if task is None or task.outbox is None:
        return Step(task_id=task_id, more=True)
    current.append(task)
    context = TaskContext(task, run, now, others=[other for other in found if other is not task])

    def outcome() -> Outcome:
        if error is not None:
            raise error
        return context.node.sent(context, answers)

    attempt(context, outcome, known)
    return close(context, None, claim, seen)
