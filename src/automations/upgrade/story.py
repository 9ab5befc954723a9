"""
The old rows of one run, read as a story: what led to what, in which branch.

Only the rows are asked, for the code may have changed. Release 0.9.4.1 wrote down what a reader
needs: the message of a Split is "Split", that of a Join "Joined" (with the tasks that it joined
as its result) or, of a branch that has arrived and waits there, "Open Join".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

SPLIT, JOINED, ARRIVED, SKIPPED = "Split", "Joined", "Open Join", "skipped"


@dataclass
class OldTask:
    """One row of the old table of tasks, and what is found out about it."""

    pk: int
    previous: int | None
    status: str
    created: datetime
    finished: datetime | None
    message: str
    requires_interaction: bool
    user: Any
    group: Any
    permissions: Any
    result: Any = None
    children: list[OldTask] = field(default_factory=list)
    fork: int | None = None
    #: A second visit that never should have been: the old release could double tasks.
    is_double: bool = False

    def __post_init__(self) -> None:
        self.was_after = self.previous

    @property
    def is_open(self) -> bool:
        """Whether it was still to be done."""
        return self.finished is None

    @property
    def has_joined(self) -> bool:
        """Whether it is the last one that arrived at its Join."""
        return self.message == JOINED and bool(self.result)

    @property
    def has_arrived(self) -> bool:
        """Whether it is a branch that ended at its Join, with others to follow."""
        return self.message == ARRIVED or (self.message == JOINED and not self.result)

    @property
    def is_loose(self) -> bool:
        """Whether it was done and nothing followed."""
        return not (self.is_open or self.children or self.has_arrived or self.is_double)


#: Says where a node leads that was skipped: its name, or None if that is not known.
NextOf = Callable[[str], str | None]


def tell(tasks: Iterable[OldTask], next_of: NextOf) -> list[OldTask]:
    """Return the tasks of one run, oldest first, with all that can be found out about them."""
    told = sorted(tasks, key=lambda task: task.pk)
    known = {task.pk: task for task in told}
    for task in told:
        if task.previous not in known:
            task.previous = None
    link_skipped(told, next_of)
    for task in told:
        if task.previous is not None:
            known[task.previous].children.append(task)
    find_forks(told, known)
    part_doubles(told)
    return told


def link_skipped(told: list[OldTask], next_of: NextOf) -> None:
    """
    Say again what came after a skipped task.

    The old release forgot it: what follows a skipped task has no previous one. It was made at
    once, so it is the next such row.
    """
    followed = {task.previous for task in told}
    orphans = [task for task in told[1:] if task.previous is None]
    for skipped in told:
        if skipped.message != SKIPPED or skipped.finished is None or skipped.pk in followed:
            continue
        wanted = next_of(skipped.status)
        for orphan in orphans:
            if (
                orphan.pk > skipped.pk
                and orphan.created >= skipped.finished
                and wanted in (None, orphan.status)
            ):
                orphan.previous = skipped.pk
                orphans.remove(orphan)
                break


def find_forks(told: list[OldTask], known: dict[int, OldTask]) -> None:
    """Find for each task the Split whose branch it belongs to; parents come before children."""
    for task in told:
        parent = known.get(task.previous) if task.previous is not None else None
        if parent is None:
            continue
        if is_split(parent):
            task.fork = parent.pk
        elif parent.has_joined:
            split = known.get(parent.fork) if parent.fork is not None else None
            task.fork = split.fork if split else None
        else:
            task.fork = parent.fork


def is_split(task: OldTask) -> bool:
    """Return whether the task has opened branches; one that was interrupted doing so is open."""
    return task.message == SPLIT or (task.is_open and bool(task.children))


def part_doubles(told: list[OldTask]) -> None:
    """
    Keep one of several visits to a node from the same task: the one that got furthest.

    What followed from another is a double as well. A double is no part of any branch.
    """
    visits: dict[tuple[int, str], list[OldTask]] = defaultdict(list)
    for task in told:
        if task.previous is not None:
            # Without case, as some databases compare.
            visits[task.previous, task.status.casefold()].append(task)
    for same in visits.values():
        if len(same) > 1:
            kept = max(same, key=lambda task: (_reach(task), -task.pk))
            for task in same:
                if task is not kept:
                    task.previous = None
                    _mark(task)


def _reach(task: OldTask) -> tuple[int, bool]:
    """How many tasks came of it, and whether it was done itself."""
    return len(_offspring(task)), not task.is_open


def _mark(task: OldTask) -> None:
    for each in _offspring(task):
        each.is_double = True
        each.fork = None


def _offspring(task: OldTask) -> list[OldTask]:
    found = [task]
    for each in found:
        found.extend(each.children)
    return found
