"""
What ends in a block is written in one go: the last tasks of its runs, their Ends, and their rows.

Where several runs share a transaction, those of them that end do so alike, and what each would
write by itself is kept until the block has come to its end. Nobody else sees a difference: it is
one transaction. Nor does the work of a run that comes later in it: before a statement of that work
which is about the tables of the package, or which may end the transaction, all is written. What is
written so early may be undone with a savepoint: so it is looked at whenever the work has gone back
to one, and behind the work, and kept again if it is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from automations.engine.locking import runs
from automations.engine.statements import insert_tasks, update_all
from automations.models import AutomationModel, AutomationTaskModel


class NotAsRead(Exception):
    """A row is not as it was read under the lock: nothing of this transaction can stay."""


@dataclass
class Ending:
    """How a run ends: its last task is closed, its End is opened and done, its row is written."""

    task: int
    state: str
    changes: dict[str, Any]
    opened: Sequence[AutomationTaskModel]
    run: int = 0
    about_run: dict[str, Any] = field(default_factory=dict)


class Together:
    """The runs of one block that have ended, as far as that is not written yet."""

    def __init__(self) -> None:
        self._kept: list[Ending] = []
        #: What was written in the midst of a work, in one go each.
        self._early: list[list[Ending]] = []
        #: Whether it is just being written.
        self.writes = False

    def keep(self, ending: Ending) -> None:
        """Keep what is to be written."""
        self._kept.append(ending)

    def write(self) -> None:
        """Write all that is kept. Raise `NotAsRead` if it cannot be written."""
        if self._kept:
            write(self._kept)
            self._kept = []

    def write_early(self) -> None:
        """Write all that is kept, in the midst of a work that may undo it."""
        kept = self._kept
        if not kept:
            return
        with self._writing():
            self.write()
            self._early.append(kept)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self.writes = True
        try:
            # No error of that work: it is found again behind it.
            with suppress(NotAsRead):
                yield
        finally:
            self.writes = False

    def look(self) -> None:
        """Keep again what was written in the midst of a work and has been undone since."""
        for some in list(self._early):
            ids = [ending.run for ending in some]
            # Work may also have deleted one, which is the end of it.
            there = dict(runs().filter(pk__in=ids).values_list("pk", "finished"))
            undone = {key for key, finished in there.items() if not finished}
            if undone and undone != set(there):
                raise NotAsRead
            if undone:
                self._early.remove(some)
                self._kept += [ending for ending in some if ending.run in undone]

    def look_early(self) -> None:
        """Do what `look` does, in the midst of a work."""
        with self._writing():
            self.look()

    def forget(self) -> None:
        """Behind a work: what is written now stays, or all is undone."""
        self.look()
        self._early = []


def write(endings: Sequence[Ending]) -> None:
    """Write how these runs end, in as few statements as they differ in."""
    about_tasks = ((each.task, each.state, each.changes) for each in endings)
    for (state, changes), keys in alike(about_tasks):
        if update_all(AutomationTaskModel, keys, ("state", state), changes) != len(keys):
            raise NotAsRead
    insert_tasks([task for ending in endings for task in ending.opened])
    about_runs = ((each.run, False, each.about_run) for each in endings)
    for (finished, changes), keys in alike(about_runs):
        if update_all(AutomationModel, keys, ("finished", finished), changes) != len(keys):
            raise NotAsRead


def alike(
    rows: Iterable[tuple[int, Any, dict[str, Any]]],
) -> list[tuple[tuple[Any, dict[str, Any]], list[int]]]:
    """Return, of keys with a guard and changes, those that have the same ones together."""
    found: dict[str, tuple[tuple[Any, dict[str, Any]], list[int]]] = {}
    for key, guard, changes in rows:
        # JSON tells 1 from True and from 1.0, as repr() does and == does not.
        same = repr((guard, changes))
        found.setdefault(same, ((guard, changes), []))[1].append(key)
    return list(found.values())
