"""
Who is at a task: people take one, give it back, hand it over.

That keeps two of them from doing the same. It gives no right and takes none: whoever may do the
task may also take it over from somebody else. Each act is one transaction under the lock of the
run, and is on record.
"""

from __future__ import annotations

from typing import Any

from automations import settings
from automations.engine.locking import act_on, tasks
from automations.engine.noticing import note_handed
from automations.engine.people import Action, entitled, offered, record, refuse_if_taken
from automations.models import AutomationTaskModel


def take(run_id: int, task_id: int, user: Any, *, over_from: int | None = None) -> None:
    """
    Let ``user`` be the one who does the task; that it is so already changes nothing.

    ``over_from`` is the primary key of whoever has it and is to lose it. Raise `TaskClosed` if the
    task does not wait for anybody, `NotAllowed` if it is not for this user, `TaskTaken` if another
    than ``over_from`` has it, `RunBusy` if the run does not become free in ``ATM_LOCK_TIMEOUT``
    seconds.
    """
    with act_on(run_id):
        run, task, _ = offered(run_id, task_id)
        person = entitled(task, user)
        if task.taken_by_id == person.pk:
            return
        refuse_if_taken(task, {over_from})
        changes = {"from": str(task.taken_by)} if task.taken_by_id else {}
        hold(task, person)
        record(Action.TAKE, run, person, task=task, changes=changes)


def give_back(run_id: int, task_id: int, user: Any) -> None:
    """
    Let nobody in particular do the task any more; that it is so already changes nothing.

    Raise `NotAllowed` if the task is not for this user, `TaskTaken` if another has it: who wants to
    have it takes it over. `TaskClosed` and `RunBusy` as with `take`.
    """
    with act_on(run_id):
        run, task, _ = offered(run_id, task_id)
        person = entitled(task, user)
        refuse_if_taken(task, {person.pk})
        if task.taken_by_id is None:
            return
        hold(task, None)
        record(Action.GIVE_BACK, run, person, task=task)


def hand_over(run_id: int, task_id: int, user: Any, to: Any, *, reason: str = "") -> None:
    """
    Let ``to`` be the one who does the task, who must be somebody that may do it.

    Raise `NotAllowed` if the task is not for one of the two, `TaskTaken` if another than ``user``
    has it. `TaskClosed` and `RunBusy` as with `take`.
    """
    with act_on(run_id):
        run, task, _ = offered(run_id, task_id)
        person, colleague = entitled(task, user), entitled(task, to)
        if task.taken_by_id == colleague.pk:
            return
        refuse_if_taken(task, {person.pk})
        hold(task, colleague)
        note_handed(task, settings.now())
        changes = {"to": str(colleague)}
        record(Action.HAND_OVER, run, person, task=task, reason=reason, changes=changes)


def hold(task: AutomationTaskModel, person: Any) -> None:
    """Write down who has taken the task: a user, or nobody."""
    taken_at = settings.now() if person else None
    tasks().filter(pk=task.pk).update(taken_by=person, taken_at=taken_at)
    task.taken_by, task.taken_at = person, taken_at
