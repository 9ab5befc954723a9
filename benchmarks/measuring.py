"""Measuring: in turn, so that what disturbs the machine disturbs all alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from unittest import mock

from django.db import connection
from django.test.utils import CaptureQueriesContext

#: The longest that a burst is while statements are counted, in seconds: how fast the machine is
#: would show in them else.
ANY = 3600.0
#: What opens and closes transactions, and parts of them, is counted apart.
CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


@dataclass(frozen=True)
class Measure:
    """One figure: the median of what was measured, and all that it is the median of."""

    work: str
    name: str
    unit: str
    value: float
    taken: list[float] = field(default_factory=list)
    remark: str = ""

    @classmethod
    def of(
        cls, work: str, name: str, unit: str, taken: Iterable[float], remark: str = ""
    ) -> Measure:
        """Return the median of what was taken."""
        taken = list(taken)
        return cls(work, name, unit, statistics.median(taken), taken, remark)

    def as_dict(self) -> dict[str, Any]:
        """Return it for the record, with the least and the most."""
        least, most = min(self.taken, default=self.value), max(self.taken, default=self.value)
        return {**asdict(self), "least": least, "most": most}


def seconds(work: Callable[[], object]) -> float:
    """Return how long the work takes; no garbage of others is collected meanwhile."""
    gc.collect()
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def settle_down() -> None:
    """Let what is there now, the code above all, not be looked through for garbage again."""
    gc.collect()
    gc.freeze()


def in_turn(
    contenders: Mapping[str, Callable[[], object]], rounds: int, turns: int
) -> dict[str, list[float]]:
    """
    Let each do its work in each round, in several short turns; return the seconds of the rounds.

    One more turn comes first and does not count. Every other turn goes backwards, so that what
    becomes slower by and by favours nobody.
    """
    for work in contenders.values():
        work()
    settle_down()
    taken: dict[str, list[float]] = {name: [0.0] * rounds for name in contenders}
    for at in range(rounds):
        for turn in range(turns):
            names = list(contenders)
            for name in reversed(names) if turn % 2 else names:
                taken[name][at] += seconds(contenders[name])
    return taken


def count(work: Callable[[], object]) -> tuple[int, int]:
    """Return how many statements the work takes, and how many for its transactions."""
    from automations.engine import bursts  # once Django is set up

    at_leisure = mock.patch.object(bursts, "longest", return_value=ANY)
    with at_leisure, CaptureQueriesContext(connection) as queries:
        work()
    told = [query["sql"] or "" for query in queries]
    control = sum(1 for sql in told if sql.startswith(CONTROL))
    return len(told) - control, control
