"""What must hold in every story, whatever the process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from automations.definition.receivers import received
from automations.engine.locking import tasks
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.runs import RunState
from automations.models.tasks import TaskState
from automations.testing.telling import asked, local, name_of

if TYPE_CHECKING:
    from automations.testing.stories import Story


class Broken(AssertionError):
    """Something does not hold; ``law`` is what, in a word or two."""

    def __init__(self, text: str, law: str) -> None:
        super().__init__(text)
        self.law = law


def refuse_broken(row: AutomationModel, story: Story) -> None:
    """Raise `Broken` if tasks are lost or doubled, or if the run can never end."""
    found = story.open_tasks
    if row.state != RunState.RUNNING:
        if found and row.finished and row.state != RunState.FAILED:
            raise Broken(f"{name_of(row)} has ended with open tasks.", "tasks left")
        return
    if not found:
        raise Broken(f"{name_of(row)} goes on, but has no open task any more.", "tasks lost")
    for text in wrong_branches(row):
        raise Broken(text, "branches")
    if not any(moves(task, story) for task in found) and not received(story.plan.automation):
        standing = "; ".join(f"{task.status} {waits(task)}" for task in found)
        raise Broken(f"{name_of(row)} can never end: {standing}.", "stuck")


def moves(task: AutomationTaskModel, story: Story) -> bool:
    """Return whether anything can move the task: time, a condition, or one of the people."""
    if task.due is not None:
        return True
    return task.status in story.offered and bool(story.offered[task.status][1])


def waits(task: AutomationTaskModel) -> str:
    """Say what the task waits for in vain."""
    if task.requires_interaction:
        return f"waits for {asked(task)}, and none of the people may do it"
    return "waits for nothing"


def wrong_branches(row: AutomationModel) -> Iterator[str]:
    """Yield what is wrong with the branches of each Split: some are lost, or doubled."""
    nodes = row.definition.nodes
    splits = {name: node for name, node in nodes.items() if node.forks}
    if not splits or any(node.repeats for node in nodes.values()):  # whose history is bounded
        return
    own = tasks().filter(automation=row.pk)
    for split in own.filter(status__in=splits, state=TaskState.COMPLETED):
        wanted = Counter(flow.target for flow in splits[split.status].sequence_flows())
        there = Counter(own.filter(previous=split.pk).values_list("status", flat=True))
        if there != wanted:
            yield (
                f"{split.status} of {name_of(row)} has opened {', '.join(there.elements())}, "
                f"not {', '.join(wanted.elements())}."
            )


def refuse_late(row: AutomationModel, limit: datetime, now: datetime) -> None:
    """Raise `Broken` if the run has not ended by ``limit``; one that has failed stands still."""
    over = row.ended or now
    if row.state == RunState.FAILED or over < limit or (row.finished and over == limit):
        return
    text = "has not ended" if row.state == RunState.RUNNING else f"has ended {local(over)}, not"
    raise Broken(f"{name_of(row)} {text} by {local(limit)}, as within= says.", "within")
