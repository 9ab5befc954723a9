"""What becomes of an old run and of its tasks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from automations.models.runs import RunState
from automations.models.tasks import TaskState
from automations.upgrade.classes import node_of
from automations.upgrade.errors import is_error, plain_traceback
from automations.upgrade.story import SPLIT, OldTask, is_split

DOUBLED = "Doubled by the earlier version; its twin goes on"
HAS_ENDED = "The run has ended"
NOT_KEPT = "The earlier version stopped the run here by an error that it did not keep"
INTERRUPTED = "The earlier version was interrupted behind this task: skip it to go on"
NOT_BEGUN = "The earlier version had not begun this run, and the code has no such automation"
NO_NODE = "(not begun)"

#: The columns that change, by name.
Changes = dict[str, Any]


@dataclass
class Verdict:
    """The new columns of a run, those of each of its tasks, and the tasks to be made."""

    run: Changes
    tasks: dict[int, Changes] = field(default_factory=dict)
    new_tasks: list[Changes] = field(default_factory=list)


def judge(
    finished: bool, updated: datetime, told: list[OldTask], automation: Any, now: datetime
) -> Verdict:
    """
    Say what becomes of a run, given its tasks as `story.tell` returns them.

    ``automation`` is the class in today's code, None if there is none; ``now`` is process time.
    """
    state, culprit, why = _state(finished, told, automation)
    verdict = Verdict(_run_columns(state, updated, told, now))
    for task in told:
        verdict.tasks[task.pk] = _task_columns(task, state, updated, automation, now)
    if culprit:
        verdict.tasks[culprit.pk] |= _failed(culprit, why, updated)
    if state == RunState.RUNNING:
        for task in told:
            verdict.new_tasks += _missing_branches(task, automation, now)
    if not told and not finished:
        _begin(verdict, updated, automation, now)
    return verdict


def _state(
    finished: bool, told: list[OldTask], automation: Any
) -> tuple[RunState, OldTask | None, str]:
    """Return the state of the run and, if it has failed, which task it is to be blamed on."""
    still_open = [task for task in told if _stands(task)]
    loose = [task for task in told if task.is_loose]
    if not finished:
        # A loose task of a run that goes on: what should follow it was never written.
        return (RunState.FAILED, loose[0], INTERRUPTED) if loose else (RunState.RUNNING, None, "")
    for task in still_open:
        if is_error(task.result):
            return RunState.FAILED, task, ""
    if not still_open or any(_may_end(task, automation) for task in loose):
        return RunState.FINISHED, None, ""
    culprit = min(still_open, key=lambda task: (task.requires_interaction, task.pk))
    return RunState.FAILED, culprit, NOT_KEPT


def _stands(task: OldTask) -> bool:
    return task.is_open and not (is_split(task) or task.is_double)


def _may_end(task: OldTask, automation: Any) -> bool:
    """Return whether the run may have ended with this task; the rows do not say it."""
    node = node_of(automation, task.status)
    return node is None or node.ends


def _run_columns(state: RunState, updated: datetime, told: list[OldTask], now: datetime) -> Changes:
    if state == RunState.RUNNING:
        return {"state": state, "finished": False, "ended": None, "due": now}
    ends = [task.finished for task in told if task.finished]
    last = updated if state == RunState.FAILED else max(ends, default=updated)
    return {"state": state, "finished": True, "ended": last, "due": None}


def _task_columns(
    task: OldTask, run: RunState, updated: datetime, automation: Any, now: datetime
) -> Changes:
    changes: Changes = {"state": _closed_state(task), "requires_interaction": False, "due": None}
    if task.fork is not None:
        changes["fork_id"] = task.fork
    if task.previous != task.was_after:
        changes["previous_id"] = task.previous
    if not task.status:
        changes["status"] = "unknown"
    if is_error(task.result):
        # Closed all the same: the process went on at its OnError() node.
        changes |= {"traceback": plain_traceback(task.result["error"]), "result": None}
    if not task.is_open:
        return changes
    if task.is_double:
        return changes | {"state": TaskState.CANCELLED, "finished": now, "message": DOUBLED}
    if is_split(task):
        return changes | {"state": TaskState.COMPLETED, "finished": now, "message": SPLIT}
    if run == RunState.FINISHED:
        return changes | {"state": TaskState.CANCELLED, "finished": updated, "message": HAS_ENDED}
    changes["due"] = now if run == RunState.RUNNING else None
    if _is_offered(task, automation):
        return changes | {"state": TaskState.WAITING, "requires_interaction": True}
    return changes | {"state": TaskState.READY}


def _closed_state(task: OldTask) -> TaskState:
    if task.message == "skipped":
        return TaskState.SKIPPED
    return TaskState.MERGED if task.has_arrived else TaskState.COMPLETED


def _is_offered(task: OldTask, automation: Any) -> bool:
    """
    Return whether the task goes on waiting for those whom it was offered to.

    The old release showed a form that nobody was assigned to, or that was still to wait, to
    everybody, and never kept the permissions that it asked for. Such a form is asked anew.
    """
    if not task.requires_interaction or not (task.user or task.group or task.permissions):
        return False
    wanted = getattr(node_of(automation, task.status), "permissions", ())
    return not wanted or set(wanted) == set(task.permissions or ())


def _failed(task: OldTask, why: str, updated: datetime) -> Changes:
    changes: Changes = {
        "state": TaskState.FAILED,
        "finished": task.finished or updated,
        "requires_interaction": False,
        "due": None,
    }
    return changes | {"message": why} if why else changes


def _missing_branches(task: OldTask, automation: Any, now: datetime) -> list[Changes]:
    """Return the branches that a Split which was interrupted while opening them still lacks."""
    if not task.is_open or task.is_double or not is_split(task):
        return []
    opened = {child.status for child in task.children}
    branches = getattr(node_of(automation, task.status), "branches", ())
    return [
        {
            "previous_id": task.pk,
            "fork_id": task.pk,
            "status": branch,
            "state": TaskState.READY,
            "created": now,
            "due": now,
        }
        for branch in branches
        if branch not in opened
    ]


def _begin(verdict: Verdict, updated: datetime, automation: Any, now: datetime) -> None:
    """Open the first task of a run that had none yet, or say why that cannot be."""
    names = list(automation._meta.nodes) if automation else []
    if names:
        first = {"status": names[0], "state": TaskState.READY, "created": now, "due": now}
    else:
        verdict.run = _run_columns(RunState.FAILED, updated, [], now)
        first = {
            "status": NO_NODE,
            "state": TaskState.FAILED,
            "created": updated,
            "finished": updated,
            "message": NOT_BEGUN,
        }
    verdict.new_tasks.append(first)
