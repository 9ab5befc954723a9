"""
One step: one due task of a run, in one transaction, under the lock of the run.

The first statement locks the run, the open tasks are read under the lock, the node executes, and
what it decided is written with everything it changed, or none of it. A step may be asked for
twice, early or late: what is not open and due is left alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from traceback import clear_frames
from typing import Any

from django.db import DatabaseError

from automations import settings
from automations.engine.attempts import Broken, Exhausted, Known, Place, Undo, attempt
from automations.engine.attention import delay, due_tasks, wake
from automations.engine.context import TaskContext
from automations.engine.history_limit import limit_history
from automations.engine.locking import (
    abandon,
    atomic,
    connection,
    from_now,
    in_transaction,
    is_past,
    leave_connections,
    lock_run,
    runs,
)
from automations.engine.reading import lock_with_tasks
from automations.engine.run_row import settle
from automations.engine.trouble import is_transient, links
from automations.engine.watching import Watch
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.runs import RunState
from automations.models.tasks import TaskState
from automations.outcomes import Outside

logger = logging.getLogger("automations")

#: The runs that are being changed in this thread, from the outermost to the innermost.
_at_work: ContextVar[frozenset[int]] = ContextVar("automations_at_work", default=frozenset())


class Undone(Exception):
    """
    Several tasks shared a transaction, and it is gone.

    The cause concerns the last of them; there is none if its work ran out of stack or memory.
    """

    def __init__(self, tasks: int) -> None:
        super().__init__(tasks)
        self.tasks = tasks


@dataclass(frozen=True)
class Step:
    """
    What a step has done.

    ``obtained``: nobody else was at work on the run. ``task_id`` and ``node``: what was executed,
    if something was due (MySQL does not tell the key of an End done at once). ``failed``: it became
    an incident. ``postponed``: it has still to wait. ``changed``: the run's data did change.
    ``delayed``: the database was in trouble. ``more``: another task is due at once. ``sending``:
    the task has a message to deliver, which is done outside of this transaction. ``outside``: so is
    the work of the task, and it is to be begun; ``automation_class`` is whose work that is.
    ``elsewhere``: nothing was done, for this is the name of where it is to be done. ``reached`` are
    other runs that have something to do now. ``row`` is the run as it has been written, if nothing
    else can have changed it since it was locked. ``seconds`` is how long its work took.
    """

    obtained: bool = True
    task_id: int | None = None
    node: str = ""
    failed: bool = False
    postponed: bool = False
    changed: bool = False
    delayed: bool = False
    more: bool = False
    sending: bool = False
    outside: Outside | None = None
    automation_class: str = ""
    elsewhere: str = ""
    reached: frozenset[int] = frozenset()
    row: AutomationModel | None = field(default=None, compare=False, repr=False)
    seconds: float = field(default=0.0, compare=False, repr=False)


def step(
    run_id: int,
    *,
    claim: str = "",
    seen: Collection[int] = (),
    now: datetime | None = None,
    here: Collection[str] | None = None,
) -> Step:
    """
    Run the task of the run that has been due longest, in one transaction.

    ``here`` are the names of the places that this process stands for (None: all of them): what is
    to be executed elsewhere is left alone. ``seen`` are tasks to leave alone, ``claim`` is the
    caller's claim: it is kept on the run while more is due, and given back when nothing is. ``now``
    stands for process time. In trouble with the database the transaction is left and the task is
    looked at again a little later; inside a transaction of the caller's the error is raised.
    """
    now = now or settings.now()
    current: list[AutomationTaskModel] = []
    if at_work(run_id):
        return Step(obtained=False)  # a task that runs its own run

    place = Place.INSIDE if in_transaction() else Place.FIRST
    work = partial(_step, run_id, claim, seen, now, here, current, place)
    return attended(run_id, work, now, current)


def attended(
    run_id: int, work: Callable[[Known], Step], now: datetime, current: list[AutomationTaskModel]
) -> Step:
    """
    Do ``work`` in one transaction; in trouble with the database delay the task in ``current``.

    ``current`` are the tasks that ``work`` has begun: if they are several, raise `Undone` instead.
    Inside a transaction of the caller's the error is raised. The error of a task that was first in
    this transaction is given to ``work`` as known, in a new one. So is that of work that has run
    out of stack or memory, whatever the connection says after it: if it can be, on a new one.
    """
    known: Known = ()
    own = not in_transaction()
    while True:
        try:
            # What waits for the commit comes after the step, and may do with the run what it likes.
            with atomic(), working_on(run_id):
                try:
                    return work(known)
                except Exhausted:
                    if own:
                        abandon()
                    raise
        except Undo as error:
            if not own and connection().needs_rollback:
                raise error.known[-1] from error.known[-1].__cause__
            known = error.known
            if isinstance(error, Exhausted):
                for link in links(error):  # what they hold may be what there is too little of
                    clear_frames(link.__traceback__)
                leave_connections()
        except Exception as error:
            trouble = isinstance(error, Broken | DatabaseError) or is_transient(error)
            if len(current) > 1 and trouble:
                raise Undone(len(current)) from error
            return _delayed(run_id, error, now, current)
        if len(current) > 1:
            raise Undone(len(current))


def _delayed(
    run_id: int, error: Exception, now: datetime, current: list[AutomationTaskModel]
) -> Step:
    cause = (error.__cause__ or error) if isinstance(error, Broken) else error
    if in_transaction() or not (isinstance(error, Broken) or is_transient(error)):
        raise cause from cause.__cause__
    logger.warning("Run %s is delayed by the database: %r", run_id, cause)
    if current:
        with atomic():
            if lock_run(run_id, wait=False):
                delay(current[0].pk, run_id, now)
    return Step(task_id=current[0].pk if current else None, delayed=True)


def _step(
    run_id: int,
    claim: str,
    seen: Collection[int],
    now: datetime,
    here: Collection[str] | None,
    current: list[AutomationTaskModel],
    place: Place,
    known: Known,
) -> Step:
    # A connection that was left is still to be noticed by the server, and its lock to be given up.
    run, found = lock_with_tasks(run_id, wait=bool(known))
    if run is None:
        return Step(obtained=False)
    turn = choose(run, found, seen, now, here, current[0] if known else None)
    if isinstance(turn, Step):
        let_go(run, turn, claim)
        return turn
    if not known:
        current.append(turn.task)
    watch = Watch(turn)
    attempt(turn, watch.work, known, place)
    return close(turn, watch, claim, seen)


def choose(
    run: AutomationModel,
    found: Collection[AutomationTaskModel],
    seen: Collection[int],
    now: datetime,
    here: Collection[str] | None,
    known: AutomationTaskModel | None = None,
) -> TaskContext | Step:
    """
    Return the task to execute, of those that are open, or the step that it is to execute none.

    It is the one that has been due longest, or ``known``, of which is known what it comes to.
    """
    due = [task for task in due_tasks(found, now) if task.pk not in seen]
    if known is not None:
        due = [task for task in due if task.pk == known.pk]
    if run.state != RunState.RUNNING or not due:
        return Step()
    task = due[0]
    if task.outbox is not None:
        return Step(task_id=task.pk, node=task.status, sending=True, more=True)
    context = TaskContext(task, run, now, others=[other for other in found if other is not task])
    if here is not None and (place := context.place) and place not in here:
        return Step(elsewhere=place)
    return context


def let_go(run: AutomationModel, nothing: Step, claim: str) -> None:
    """Give the claim back if there is nothing to do in the run."""
    if nothing.task_id is None and not nothing.elsewhere and claim and run.claimed_by == claim:
        release(run.pk, claim)


def never(context: TaskContext, step: Step) -> bool:
    """Say that no other step is made in this transaction."""
    return False


def close(
    context: TaskContext,
    watch: Watch | None,
    claim: str,
    seen: Collection[int] = (),
    goes_on: Callable[[TaskContext, Step], bool] = never,
) -> Step:
    """
    Write what the attempt has changed in the run; return what the step has done.

    ``goes_on`` says whether another step is made in this very transaction: then that one writes
    when the run is due. A run that was due and stays due need not be told so at all, unless the
    work, which ``watch`` has seen, has written to its row. None: nobody has looked on.
    """
    task, run = context.task, context.run
    if context.automation is not None and context.automation.killed():
        return Step(task_id=task.pk, node=task.status)
    changed = context.data_changed
    going_on = not context.changes.get("finished")
    if changed and going_on:
        wake(context, context.others)
    if going_on and context.automation is not None:
        limit_history(context)
    postponed = task.is_open and task.outbox is None
    sending = [task] if task.outbox is not None else []
    more = going_on and any(
        other.pk not in seen or (changed and not postponed)
        for other in due_tasks([*sending, *context.others, *context.opened], context.now)
    )
    step = Step(
        task_id=task.pk,
        node=task.status,
        failed=task.state == TaskState.FAILED,
        postponed=postponed,
        changed=changed,
        more=more,
        outside=context.outside,
        automation_class=run.automation_class,
        seconds=watch.seconds if watch else 0.0,
    )
    if more and goes_on(context, step):
        settle(context, {}, stays_due=True)
    else:
        stays_due = more and bool(watch and not watch.wrote) and is_past(run.due, context.now)
        settle(context, claim_columns(run, claim, keep=more), stays_due=stays_due)
    return step


@contextmanager
def working_on(run_id: int) -> Iterator[None]:
    """Note, for this thread, that the run is being changed."""
    token = _at_work.set(_at_work.get() | {run_id})
    try:
        yield
    finally:
        _at_work.reset(token)


def at_work(run_id: int) -> bool:
    """Return whether the run is being changed further up in this thread."""
    return run_id in _at_work.get()


def claim_columns(run: AutomationModel, claim: str, *, keep: bool) -> dict[str, Any]:
    """Return what to write so that ``claim`` is on the run while this process goes on with it."""
    if not claim:
        return {}
    if keep and not run.claimed_by:
        return {"claimed_by": claim, "claimed_until": from_now(settings.seconds("ATM_CLAIM"))}
    if not keep and run.claimed_by == claim:
        return {"claimed_by": "", "claimed_until": None}
    return {}


def release(run_id: int, claim: str) -> None:
    """Give the claim on the run back, if it is still ours."""
    runs().filter(pk=run_id, claimed_by=claim).update(claimed_by="", claimed_until=None)
