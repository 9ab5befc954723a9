"""
Places at which a worker of a test ends itself, as if it had been killed there.

Nothing of this is in the package: a process that a test starts puts it round what it calls.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from automations.dispatch import sweep
from automations.engine import steps
from automations.engine.locking import in_step
from automations.models import AutomationModel
from tests.testapp.proof_processes import Counted

#: After a claim is committed; inside a task's work; after a task is written and before it is
#: committed; after that, before anything else is done.
PHASES = ("claim", "user code", "before commit", "after commit")


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

    replaced: list[tuple[Any, str, Callable[..., Any]]] = [
        (sweep, "claim_runs", claimed),
        (Counted, "work", worked),
        (BaseDatabaseWrapper, "_commit", committed),
    ]
    for owner, name, function in replaced:
        setattr(owner, name, function)


def without_transactions() -> None:
    """Switch off, in this process, what holds a task together: its lock and its transaction."""

    def read(run_id: int, *, wait: bool) -> AutomationModel | None:
        return in_step(AutomationModel.objects.filter(pk=run_id).first())

    for name, function in {"lock_run": read, "atomic": nullcontext}.items():
        setattr(steps, name, function)
