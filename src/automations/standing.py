"""Where runs stand that have not ended, held against the code: before it is deployed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count, Q

from automations.definition.node import Node
from automations.engine.locking import tasks
from automations.exceptions import AutomationNotFound, NodeNotFound
from automations.models import AutomationModel
from automations.models.runs import ALIVE, RunState
from automations.models.tasks import OPEN, TaskState

COLUMNS = ("automation__automation_class", "status", "state", "requires_interaction")
#: Tasks that are still to be done, and those that have failed and can be retried.
STANDING = Q(state__in=OPEN, automation__state__in=[*ALIVE, RunState.FAILED.value]) | Q(
    state=TaskState.FAILED, automation__state=RunState.FAILED
)


@dataclass(frozen=True)
class Stray:
    """Tasks that the code cannot go on with: where they stand, how many, and why."""

    automation: str
    node: str
    tasks: int
    runs: int
    reason: str

    def __str__(self) -> str:
        tasks = "1 task" if self.tasks == 1 else f"{self.tasks} tasks"
        runs = "1 run" if self.runs == 1 else f"{self.runs} runs"
        return f"{self.automation}.{self.node}: {tasks} of {runs}: {self.reason}"


def strays() -> Iterator[Stray]:
    """
    Yield what the code has no place for: an unknown process or node, or one of another kind.

    Runs that have not ended are looked at, failed ones among them, in one query that groups their
    tasks. It changes nothing, and may be asked while workers are at work: what it finds may have
    moved on meanwhile.
    """
    rows = (
        tasks()
        .filter(STANDING, outbox__isnull=True)
        .order_by(*COLUMNS)
        .values_list(*COLUMNS)
        .annotate(Count("pk"), Count("automation", distinct=True))
    )
    for automation, name, state, asks, number, of_runs in rows:
        if reason := why(automation, name, state, asks=asks):
            yield Stray(automation, name, number, of_runs, reason)


def why(automation: str, name: str, state: str, *, asks: bool) -> str:
    """Return why a task like this cannot go on, or "" if it can."""
    try:
        node = AutomationModel(automation_class=automation).definition.node(name)
    except AutomationNotFound:
        return "the code has no such automation"
    except NodeNotFound:
        return "the code has no such node"
    if state != TaskState.WAITING or node.does_nothing:
        return ""  # it is looked at anew, as whatever the node is now
    if asks:
        return "" if node.asks else f"people are asked, and the node is {a_kind(node)} now"
    if node.message or node.works_outside:
        return ""
    return f"a message or work outside is waited for, and the node is {a_kind(node)} now"


def a_kind(node: Node) -> str:
    """Return what the node is, as one says it."""
    return f"{'an' if node.node_name[0] in 'AEIOU' else 'a'} {node.node_name}"
