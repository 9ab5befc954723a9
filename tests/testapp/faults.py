"""
Places at which a worker of a test ends itself, as if it had been killed there.

Nothing of this is in the package: a process that a test starts puts it round what it calls.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import nullcontext
from mmap import mmap
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from automations.dispatch import sweep
from automations.engine import attempts, bursts, steps, tripwire
from automations.engine.locking import in_step
from automations.engine.reading import open_tasks_of
from automations.models import AutomationModel
from tests.testapp.proof_processes import Counted

#: After a claim is committed; inside a task's work; after a task is written and before it is
#: committed; after that, before anything else is done.
PHASES = ("claim", "user code", "before commit", "after commit")
#: As which number a process says that it is before a commit; after it is one more.
BEFORE = 1 + PHASES.index("before commit")


def die() -> None:
    """End this process as kill -9 does: nothing is closed, undone or said."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(phase: str, number: int) -> None:
    """Let this process end itself when it comes to ``phase`` for the ``number``-th time."""
    left = {"times": number, "working": False}

    def at(here: str) -> None:
        if here == phase:
            left["times"] -= 1
            if left["times"] <= 0:
                die()

    claim_runs, work, commit = sweep.claim_runs, Counted.work, BaseDatabaseWrapper._commit

    def claimed(*arguments: Any) -> Any:
        found = claim_runs(*arguments)
        if found:
            at("claim")
        return found

    def worked(self: Counted, task: Any) -> None:
        work(self, task)
        left["working"] = True
        at("user code")

    def committed(self: BaseDatabaseWrapper) -> None:
        if left["working"]:
            at("before commit")
        commit(self)
        if left["working"]:
            left["working"] = False
            at("after commit")

    put_round(claimed, worked, committed)


def put_round(
    claim_runs: Callable[..., Any], work: Callable[..., Any], commit: Callable[..., Any]
) -> None:
    """Let this process claim, work and commit by these."""
    replaced: list[tuple[Any, str, Callable[..., Any]]] = [
        (sweep, "claim_runs", claim_runs),
        (Counted, "work", work),
        (BaseDatabaseWrapper, "_commit", commit),
    ]
    for owner, name, function in replaced:
        setattr(owner, name, function)


def tell_phases(said: mmap) -> None:
    """Let this process say, in the first byte of ``said``, in which phase it is."""
    claim_runs, work, commit = sweep.claim_runs, Counted.work, BaseDatabaseWrapper._commit

    def within(phase: str, after: int, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            said[0] = 1 + PHASES.index(phase)
            try:
                return function(*arguments)
            finally:
                said[0] = after

        return call

    def committed(self: BaseDatabaseWrapper) -> None:
        before = said[0]
        commit(self)
        if before >= BEFORE:
            said[0] = BEFORE + 1 if before == BEFORE else 0

    put_round(within("claim", 0, claim_runs), within("user code", BEFORE, work), committed)


def phase_of(said: mmap) -> str:
    """Return in which phase a process was last: "between" if in none of them."""
    return PHASES[said[0] - 1] if said[0] else "between"


def without_transactions() -> None:
    """Switch off, in this process, what holds a task together: its lock and its transaction."""

    def read(run_id: int, *, wait: bool) -> Any:
        run = in_step(AutomationModel.objects.filter(pk=run_id).first())
        return run, open_tasks_of(run) if run else []

    for module in (bursts, steps):
        module.lock_with_tasks = read
    for module in (attempts, steps):
        module.atomic = nullcontext  # type: ignore[assignment, attr-defined] # the measure, off
    attempts.in_shared = nullcontext  # type: ignore[assignment, attr-defined] # and this one
    tripwire.Tripwire.check = lambda self: None  # type: ignore[method-assign] # it would be missed
