"""How the history of an endless run is kept bounded."""

from __future__ import annotations

from automations.engine.context import TaskContext
from automations.engine.locking import tasks
from automations.models.tasks import OPEN, TaskState

#: How many tasks one step deletes at the most, so that no step gets long.
AT_ONCE = 500


def limit_history(context: TaskContext) -> None:
    """
    Delete the oldest closed tasks of a run that has come to a node that repeats.

    ``Meta.keep_history`` says how many are kept. What a Join still counts is never deleted: the
    Splits whose branches are open, the first task of each of their branches, and the arrivals.
    """
    kept = context.definition.options.keep_history
    node = context.definition.nodes.get(context.task.status)
    if kept is None or node is None or not node.repeats or context.task.is_open:
        return
    closed = tasks().filter(automation=context.run.pk).exclude(state__in=OPEN)
    newest = closed.order_by("-pk").values_list("pk", flat=True)[kept : kept + 1]
    oldest_kept = next(iter(newest), None)
    if oldest_kept is None:
        return
    forks = open_forks(context)
    old = closed.filter(pk__lte=oldest_kept).exclude(pk__in=forks).exclude(previous__in=forks)
    if forks:
        old = old.exclude(fork__in=forks, state=TaskState.MERGED)
    doomed = list(old.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    if doomed:
        tasks().filter(previous__in=doomed).update(previous=None)
        tasks().filter(fork__in=doomed).update(fork=None)
        tasks().filter(pk__in=doomed).delete()


def open_forks(context: TaskContext) -> set[int]:
    """Return the Splits whose branches are open, from the inside to the outside."""
    found: set[int] = set()
    ahead = {task.fork_id for task in (*context.open_tasks, *context.opened) if task.fork_id}
    while ahead:
        found |= ahead
        outer = tasks().filter(pk__in=ahead, fork__isnull=False).values_list("fork", flat=True)
        ahead = {fork for fork in outer if fork} - found
    return found
