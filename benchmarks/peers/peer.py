"""What a peer has to be able to do, to be measured."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from benchmarks.importing import Kind

#: Does so many runs.
Work = Callable[[int], None]


@dataclass(frozen=True)
class Peer:
    """One peer: the same work as ours, as its own documentation would have it done."""

    #: Ten steps in a row, and three branches of two steps that join; each of so many runs.
    ten_steps: Work
    three_branches: Work
    #: Returns how many statements the work takes, and how many for its transactions.
    count: Callable[[Callable[[], object]], tuple[int, int]]
    #: What its processes run in that work off timers, by its kind; each a program of its own.
    workers: dict[str, list[str]]
    #: Makes so many timers for such workers, which are not due for long.
    make_timers: Callable[[str, int], None]
    #: Lets all of them be due at this moment.
    let_be_due: Callable[[datetime], None]
    #: Returns how many runs have not come to their end.
    left: Callable[[], int]
    #: What it takes while it is measured.
    running: Callable[[], AbstractContextManager[object]]
    #: What a project needs in every process that has processes of the peer's.
    imports: Kind
