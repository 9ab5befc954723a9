"""
Doing work outside of transactions: in threads of this process.

A task whose work is to be done so is offered here by whoever has stepped to it. A thread takes it
with a claim, does the work on a database connection of its own, records what came of it, and runs
what follows. What no thread comes to is found by the next sweep of any process.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable, Collection
from functools import partial
from math import inf
from typing import Self

from automations import settings
from automations.dispatch.advancing import Budget, Progress, advance
from automations.dispatch.base import INLINE, THREAD
from automations.dispatch.claims import new_claim
from automations.dispatch.daemons import begin, close_connections
from automations.dispatch.following import advance_all
from automations.dispatch.forks import PerProcess, ProcessLock
from automations.dispatch.handing import hand_over
from automations.dispatch.heart import Heart
from automations.dispatch.last_tries import Alone
from automations.dispatch.rota import Rota
from automations.engine import outside
from automations.engine.context import TaskContext
from automations.engine.locking import atomic, in_transaction, leave_connections
from automations.engine.notifying import going_on_with
from automations.engine.steps import Step
from automations.engine.trouble import exhaustion
from automations.exceptions import RunBusy
from automations.outcomes import Outcome

logger = logging.getLogger("automations")

#: How often it is tried to record what a work came to, and the seconds between the first two tries.
TRIES, PAUSE = 8, 0.1

#: So many works of one class wait in a process that keeps sweeping. More are left to later sweeps:
#: they would do no good here but fill its memory, and other processes may come to them.
MOST = 1000

Job = Callable[[], Progress]
Places = Collection[str]

#: What whoever sweeps stands for: all that is not for a queue.
HERE = frozenset({INLINE, THREAD})


class Workers(PerProcess):
    """
    Threads of this process, ``ATM_THREADS`` at the most, that do work outside of transactions.

    What waits for one is begun by class in turn: a crowd of one class keeps no other waiting.
    Leaving ``with`` waits for the works in hand; what has not been begun is left to others.
    ``most`` works of one class may wait before `has_room` says no, for whoever comes again.
    """

    def __init__(self, most: float = inf) -> None:
        self._most = most
        self._heart = Heart()
        super().__init__()

    def begin_anew(self) -> None:
        self._rota: Rota[tuple[object, Job]] = Rota()
        self._changed = threading.Condition()
        self._offered: set[object] = set()
        self._in_hand: set[object] = set()
        self._once_more: dict[object, tuple[Job, str]] = {}
        self._threads: list[threading.Thread] = []
        self._closing = False
        self._progress = Progress()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        # Who is told twice to end does not wait.
        if kind is None or issubclass(kind, Exception):
            self.close()

    def has_room(self, label: str, task_id: int) -> bool:
        """Return whether the work, of the class ``label``, is waiting here or may do so."""
        return self._rota.waiting(label) < self._most or task_id in self._offered

    def offer(self, run_id: int, task_id: int, label: str = "") -> None:
        """Have the work of the task, in a run of the class ``label``, done soon; twice is once."""
        self.submit(task_id, partial(self._perform, run_id, task_id), label)

    def submit(self, key: object, job: Job, label: str = "") -> bool:
        """
        Have the job done when a thread is free and it is the turn of the class ``label``.

        Return whether it is going to be done: not if this is closed, or there is no thread to be
        had. A job whose key is that of one that waits is left out; while that one is in hand it is
        done after it, for what is in hand may have come too early.
        """
        with self._changed:
            if key in self._offered:
                if key in self._in_hand:
                    self._once_more[key] = job, label
                return True
            if self._closing or not self._have_threads(len(self._offered) + 1):
                return False
            self._offered.add(key)
        self._rota.put(label, (key, job))
        return True

    def wait(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Wait until all that was offered is done, or it is time to stop."""
        with self._changed:
            while self._offered and not stopped():
                self._changed.wait(0.1)

    def busy(self) -> bool:
        """Return whether something that was offered is not done yet."""
        with self._changed:
            return bool(self._offered)

    def progress(self) -> Progress:
        """Return what has been done since this was last asked, in numbers."""
        with self._changed:
            progress, self._progress = self._progress, Progress()
        return progress

    def close(self) -> None:
        """Begin nothing more, and wait for the works in hand."""
        with self._changed:
            self._closing = True
            threads, self._threads = self._threads, []
            self._offered -= {key for key, _ in self._rota.close()}
            self._changed.notify_all()
        for thread in threads:
            thread.join()
        self._heart.close()

    def _have_threads(self, jobs: int) -> bool:
        """Have a thread more if it is of use and may be; return whether there is any."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        number = len(self._threads)
        if number < min(jobs, settings.get("ATM_THREADS")):
            thread = begin(f"automations-{number + 1}", self._work)
            self._threads += [thread] if thread else []
        return bool(self._threads)

    def _perform(self, run_id: int, task_id: int) -> Progress:
        progress = perform(run_id, task_id, heart=self._heart, here=HERE)
        if progress.reached:
            # At once: behind all the works that wait it might be late.
            progress.add(advance_all(sorted(progress.reached), here=HERE))
        return progress

    def _work(self) -> None:
        while offered := self._rota.get():
            key, job = offered
            progress = Progress()
            with self._changed:
                self._in_hand.add(key)
            try:
                progress = job()
                for work in progress.outside:
                    self.offer(work.run_id, work.task_id, work.automation_class)
            except BaseException:
                # A claim expires, and somebody else takes up what it was about. Also a work that
                # would end its thread (sys.exit) ends itself only.
                logger.exception("The work of %r could not be done", key)
            finally:
                close_connections()
                with self._changed:
                    self._in_hand.discard(key)
                    self._progress.count(progress)
                    again = self._once_more.pop(key, None)
                    if again and not self._closing:
                        self._rota.put(again[1], (key, again[0]))
                    else:
                        self._offered.discard(key)
                    self._changed.notify_all()


def perform(
    run_id: int, task_id: int, heart: Heart | None = None, here: Places | None = None
) -> Progress:
    """
    Take the task, do its work, record what came of it, and run what follows; here and now.

    ``here`` are the places that this process stands for (None: all of them): what is to be
    executed elsewhere is handed over. Return what has been done. Inside a transaction of the
    caller's all is part of that one.
    """
    claim = new_claim()
    with Alone() as alone:
        context = outside.take(run_id, task_id, claim, alone=alone.get)
        if context is None:
            return Progress()
        step = done(context, claim, heart)
    kept = step.obtained and not (step.delayed or step.postponed)
    progress = Progress(done=int(kept), failed=int(step.failed), delayed=int(step.delayed))
    if step.more:
        mark = "" if in_transaction() else new_claim()
        budget = Budget(settings.get("ATM_SWEEP_TASKS"))
        following = advance(run_id, claim=mark, budget=budget, here=here)
        hand_over(following.elsewhere, mark)
        progress.add(following)
    return progress


def done(context: TaskContext, claim: str, heart: Heart | None) -> Step:
    """Do the work of the task that ``claim`` is on, and record what came of it."""
    run_id, task_id = context.run.pk, context.task.pk
    pulse = heart.begin(task_id, claim) if heart else None
    context.task.claimed_by, context.task.pulse = claim, pulse
    came: Outcome | Exception
    try:
        try:
            with atomic() if in_transaction() else contextlib.nullcontext():
                came = outside.do(context)
        except Exception as error:
            came = error
            if exhaustion(error):
                leave_connections()
        with going_on_with(run_id):
            return recorded(context, came)
    finally:
        if heart and pulse:
            heart.end(pulse)


def recorded(context: TaskContext, came: Outcome | Exception) -> Step:
    """Record what the work came to; patiently, for it would have to be done again."""
    step = Step(task_id=context.task.pk, delayed=True)
    for tried in range(TRIES):
        with contextlib.suppress(RunBusy):
            step = outside.record(context, came)
        if not step.delayed:
            break
        time.sleep(PAUSE * 2**tried * random.uniform(0.5, 1))  # noqa: S311 - no secret
    return step


_threads: Workers | None = None
_lock = ProcessLock()


def threads() -> Workers:
    """Return the threads of this process that do what requests come to (``threaded=True``)."""
    global _threads
    with _lock.lock:
        if _threads is None:
            _threads = Workers()
            # Whoever ends in good order waits for the works in hand.
            atexit.register(_threads.close)
        return _threads
