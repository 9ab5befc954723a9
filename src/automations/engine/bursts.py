"""
A burst: steps of one run that follow each other at once, in one transaction.

Each task is attempted in its own savepoint and finds the rows as if every task had a transaction
of its own; what is shared is the commit, which costs more than all else. If the transaction is
lost, all of the burst is undone, and is done again one task at a time.

What has to be through before anything else is done ends a burst: a task with something to do on
commit, one that has written to the rows of runs by itself, one that is to be worked on elsewhere
or outside, a failure, and a node with ``.Commit()``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from automations import settings
from automations.engine import steps
from automations.engine.attempts import Known, Place, attempt
from automations.engine.context import TaskContext
from automations.engine.locking import alias, connection, in_transaction
from automations.engine.reading import lock_with_tasks, open_tasks_of
from automations.engine.steps import (
    Step,
    Undone,
    at_work,
    attended,
    choose,
    close,
    let_go,
    never,
)
from automations.engine.together import Together
from automations.engine.watching import Watch
from automations.exceptions import AutomationNotFound
from automations.models import AutomationModel, AutomationTaskModel

#: After so many seconds no further task is begun in a burst: the run is locked for as long. On
#: SQLite that is everybody's one lock, and a commit costs less.
LONGEST, LONGEST_ALONE = 0.05, 0.01


def burst(
    run_id: int,
    *,
    claim: str = "",
    seen: Collection[int] = (),
    now: datetime | None = None,
    here: Collection[str] | None = None,
    most: int = 1,
    stopped: Callable[[], bool] = lambda: False,
) -> list[Step]:
    """
    Run what is due in the run, one task after the other, in one transaction; return each step.

    At most ``most`` tasks, and as many as ``ATM_COMMIT_EVERY`` or ``Meta.commit_every`` allow.
    ``stopped`` is asked between them. All else is as in `automations.engine.steps.step`, which does
    it inside a transaction of the caller's. Raise `Undone` if the transaction of several is lost.
    """
    if most <= 1 or in_transaction() or at_work(run_id):
        return [steps.step(run_id, claim=claim, seen=seen, now=now, here=here)]
    this = Burst(run_id, claim, set(seen), now, here, most, stopped)
    try:
        last = attended(run_id, this.work, now or settings.now(), this.begun)
    except Undone as undone:
        cause = undone.__cause__
        if this.committed and cause is not None:
            raise cause from cause.__cause__  # what was to be done on commit has failed
        raise
    return this.done if this.done and this.done[-1] is last else [last]


@dataclass
class Burst:
    """One burst: what it may do, and what it has done."""

    run_id: int
    claim: str
    seen: set[int]
    now: datetime | None
    here: Collection[str] | None
    most: int
    stopped: Callable[[], bool]
    #: Where the ends of runs are kept if the transaction is that of other runs as well.
    together: Together | None = None
    begun: list[AutomationTaskModel] = field(default_factory=list)
    done: list[Step] = field(default_factory=list)
    committed: list[int] = field(default_factory=list)
    #: Whether anything else may be done in this transaction after the last task.
    open: bool = True
    _next: TaskContext | None = None
    _ended: list[tuple[int, AutomationTaskModel]] = field(default_factory=list)

    def work(self, known: Known) -> Step:
        """Do it all, inside the transaction; return the last step."""
        transaction.on_commit(partial(self.committed.append, self.run_id), alias(), robust=True)
        run, found = lock_with_tasks(self.run_id, wait=bool(known))
        if run is None:
            return Step(obtained=False)
        turn = self.choose(run, found, self.begun[0] if known else None)
        if isinstance(turn, Step):
            let_go(run, turn, self.claim)
            return turn
        if known or stands_alone(turn):
            self.most = 1
        self.most = min(self.most, commit_every(run))
        last = self.go(turn, time.monotonic() + longest(), known)
        if self.open and not last.more and len(connection().run_on_commit) == 1:
            last = self.done[-1] = replace(last, row=run)
        return last

    def go(self, turn: TaskContext, ends: float, known: Known = ()) -> Step:
        """Do the task of ``turn`` and those after it, until ``ends`` (monotonic seconds)."""
        while True:
            first = not self.begun and self.together is None
            if not known:
                self.begun.append(turn.task)
            turn.together = self.together
            watch = Watch(turn, self.together)
            if len(self.done) + 1 < self.most:
                turn.may_go_on = watch.may_go_on
            attempt(turn, watch.work, known, Place.FIRST if first else Place.AFTER_OTHERS)
            if self.together is not None:
                self.together.forget()
            self.open = watch.may_go_on()
            room = self.open and len(self.done) + 1 < self.most
            room = room and time.monotonic() < ends and not self.stopped()
            goes_on = self.goes_on if room else never
            self.done.append(close(turn, watch, self.claim, self.seen, goes_on))
            # An End that was written as done at once is a step as well.
            ended = [task for task in turn.opened if not task.is_open]
            self._ended += [(len(self.done) + at, task) for at, task in enumerate(ended)]
            self.done += [Step(task_id=task.pk, node=task.status) for task in ended]
            following, self._next = self._next, None
            if following is None:
                return self.done[-1]
            turn = following

    def told(self) -> list[Step]:
        """Return what was done, once all of it is written: then each End has its key."""
        for at, task in self._ended:
            self.done[at] = replace(self.done[at], task_id=task.pk)
        return self.done

    def choose(
        self,
        run: AutomationModel,
        found: Collection[AutomationTaskModel],
        known: AutomationTaskModel | None = None,
    ) -> TaskContext | Step:
        """Return the task to execute next, or the step that it is to execute none."""
        return choose(run, found, self.seen, self.now or settings.now(), self.here, known)

    def goes_on(self, context: TaskContext, step: Step) -> bool:
        """Choose the task that comes after ``step``; return whether it is done in this burst."""
        if step.failed or step.outside or context.task.outbox is not None:
            return False
        if step.postponed:
            self.seen.add(context.task.pk)
        elif step.changed:
            self.seen.clear()
        found = sorted([*context.open_tasks, *context.opened], key=lambda task: task.pk or 0)
        keys: list[Any] = [task.pk for task in found]
        if None in keys:  # MySQL does not say which it has given
            found = open_tasks_of(context.run)
        for task in context.opened:
            # Whoever asks for it gets the row, not the object that another task has worked with.
            task._state.fields_cache.pop("previous", None)
        turn = self.choose(context.run, found)
        if isinstance(turn, Step) or stands_alone(turn):
            return False
        self._next = turn
        return True


def longest() -> float:
    """Return after how many seconds no further task is begun."""
    return LONGEST_ALONE if connection().vendor == "sqlite" else LONGEST


def commit_every(run: AutomationModel) -> int:
    """Return how many tasks of the run may share a transaction."""
    try:
        own = run.definition.options.commit_every
    except AutomationNotFound:
        return 1
    return own or int(settings.get("ATM_COMMIT_EVERY"))


def stands_alone(context: TaskContext) -> bool:
    """Return whether the task is to have a transaction of its own."""
    node = context.known_node
    return node is None or bool(node.commits) or node.works_outside
