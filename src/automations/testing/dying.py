"""A worker that dies at its work: what it has done in the database is undone, and done again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from automations import settings
from automations.engine.context import RunContext
from automations.engine.locking import atomic, runs, tasks
from automations.engine.witnesses import Witness, seen_by
from automations.testing.failures import surfacing
from automations.testing.idling import settle

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class WorkerDied(BaseException):
    """No error, which somebody would take care of: nothing more is done by this worker."""


class Death(Witness):
    """
    Comes when a task is done and nothing of that is committed.

    ``at`` is the name of a node, or how many tasks are done before it; None: never. ``labels`` are
    the names of the process that it comes to. ``node`` is where it has come.
    """

    def __init__(self, at: str | int | None, labels: tuple[str, ...] = ()) -> None:
        self.at = at
        self.labels = labels
        self.left = at if isinstance(at, int) else 0
        self.node = ""

    def settled(self, context: RunContext) -> None:
        task = getattr(context, "task", None)
        if task is None or task.is_open or self.node or self.at is None:
            return
        if self.labels and context.run.automation_class not in self.labels:
            return
        ended = [one.status for one in context.opened if not one.is_open]  # an End, done at once
        if isinstance(self.at, str) and self.at not in (task.status, *ended):
            return
        if self.left:
            self.left -= 1
            return
        self.node = self.at if isinstance(self.at, str) else task.status
        raise WorkerDied

    def during(self, work: Callable[[], object]) -> bool:
        """Do the work, in a transaction; return whether the worker has died meanwhile."""
        try:
            with seen_by(self):
                work()
        except WorkerDied:
            free()
            return True
        return False


def free() -> None:
    """Let all claims be over, as they are some time after their worker has died."""
    now = settings.now()
    left = tasks().exclude(claimed_by="")
    runs().filter(pk__in=left.values("automation"), due__gt=now).update(due=now)
    left.update(claimed_until=LONG_AGO, due=now)
    runs().exclude(claimed_by="").update(claimed_until=LONG_AGO)


@contextmanager
def worker_dies(node: str, *, incidents: bool = False) -> Iterator[None]:
    """
    Let a worker die at ``node``, the first time that a task is done there in the block.

    It has done its work, but nothing of that is committed: what it has written to the database is
    undone, what it has done elsewhere is not. The rest of the block is left out, and at its end
    another worker takes up what is due. If it was a person's form, he or she has to send it again.
    The block is one transaction. Raise `AssertionError` if no task was done at ``node``.
    """
    death = Death(node)
    with surfacing(incidents=incidents), atomic():
        try:
            with seen_by(death):
                yield
        except WorkerDied:
            free()
            settle()
        if not death.node:
            raise AssertionError(f"No task was done at {node!r} here, so no worker has died there.")
