"""
In which order due runs are taken: by class in turn, so that a crowd of one class keeps no other.

As long as all that is due fits into one block, one query finds it. If there is more, each class
with runs has a lane of its own, and a round takes one block from every lane.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from automations import settings
from automations.dispatch.claims import claimable
from automations.engine.locking import runs
from automations.models import AutomationModel


def classes() -> Iterator[str]:
    """
    Yield the classes that the rows of runs name, whether the code knows them or not.

    One look into an index for each, however many runs it has.
    """
    rows = runs().order_by("automation_class").values_list("automation_class", flat=True)
    label = rows.first()
    while label is not None:
        yield label
        label = rows.filter(automation_class__gt=label).first()


class Lane:
    """The runs of one class that are due until a moment, longest due first, each of them once."""

    def __init__(self, label: str, until: datetime) -> None:
        self.until = until
        self.ended = False
        self._label = label
        self._last: AutomationModel | None = None
        self._seen: set[int] = set()

    def block(self) -> Iterator[list[AutomationModel]]:
        """Yield the next block, if there is one; the lane moves on when it has been worked."""
        size = settings.get("ATM_BLOCK")
        found = self._ahead(size)
        # What was run and is due again comes later, so that every lane ends.
        block = [run for run in found if run.pk not in self._seen]
        if block:
            yield block
        self._seen.update(run.pk for run in found)
        self._last = found[-1] if found else None
        self.ended = len(found) < size

    def _ahead(self, size: int) -> list[AutomationModel]:
        due = claimable(self.until).filter(automation_class=self._label)
        last = self._last
        if last is None:
            return list(due[:size])
        # One after the other: an index has a beginning for each, but none for their "or".
        found = list(due.filter(due=last.due, pk__gt=last.pk)[:size])
        if len(found) < size:
            found += due.filter(due__gt=last.due)[: size - len(found)]
        return found


class Lanes:
    """
    The lanes that sweeps have come to: what is left over is where the next sweep goes on.

    A lane that ends begins anew when it is looked for again. With ``one_round`` a sweep takes one
    block from each lane; what has become due meanwhile is found by the next sweep, which need not
    wait for the end of a backlog.
    """

    def __init__(self, *, one_round: bool = False) -> None:
        self._one_round = one_round
        self._open: dict[str, Lane] = {}

    def left(self) -> bool:
        """Return whether more may be due than has been taken."""
        return bool(self._open)

    def blocks(self, now: datetime) -> Iterator[list[AutomationModel]]:
        """Yield the runs that are due, in blocks: until ``now``, each once; or one round of it."""
        if not self._open:
            size = settings.get("ATM_BLOCK")
            found = list(claimable(now)[:size])
            if len(found) < size:
                if found:
                    yield found
                return
        self._open = {label: self._open.get(label) or Lane(label, now) for label in classes()}
        while self._open:
            for label, lane in list(self._open.items()):
                yield from lane.block()
                if lane.ended:
                    del self._open[label]
            if self._one_round:
                return
