"""How much is measured: by environment variables, so that a smoke run takes seconds."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any

QUICK = os.environ.get("ATM_BENCH_QUICK", "") not in ("", "0")


def number(name: str, usual: int, quick: int) -> int:
    """Return what the environment says, else the usual number, or that of a smoke run."""
    return int(os.environ.get(f"ATM_BENCH_{name}") or (quick if QUICK else usual))


def numbers(name: str, usual: tuple[int, ...], quick: tuple[int, ...]) -> tuple[int, ...]:
    """Return several numbers, which the environment gives with commas between them."""
    said = os.environ.get(f"ATM_BENCH_{name}")
    return tuple(map(int, said.split(","))) if said else (quick if QUICK else usual)


@dataclass(frozen=True)
class Sizes:
    """How much of each is done."""

    #: Rounds of floors and processes, and how often these take turns in each.
    rounds: int = number("ROUNDS", 7, 1)
    turns: int = number("TURNS", 6, 1)
    #: Steps of each in one turn.
    steps: int = number("STEPS", 30, 10)
    #: Open runs while nothing is due.
    open_runs: tuple[int, ...] = numbers("OPEN_RUNS", (1_000, 100_000, 1_000_000), (100,))
    #: Rows of the task table of which 95 % are history, while nothing is due.
    history: int = number("HISTORY", 1_000_000, 0)
    #: Idle sweeps that are measured.
    sweeps: int = number("SWEEPS", 100, 3)
    #: Open tasks of mine, and as many of others.
    inbox: int = number("INBOX", 10_000, 50)
    #: Requests for each page.
    requests: int = number("REQUESTS", 15, 2)
    #: Timers that are due at once, and the seconds in which rounds of them are begun.
    timers: int = number("TIMERS", 5_000, 20)
    timer_rounds: int = number("TIMER_ROUNDS", 5, 1)
    timer_seconds: int = number("TIMER_SECONDS", 120, 10)
    #: Seconds that schedulers have to begin, and to wait, until the timers are due.
    ahead: int = number("AHEAD", 4, 1)
    #: How often a run has looped.
    loops: int = number("LOOPS", 1_000, 30)
    #: Processes that import Django alone, and as many that import the package as well.
    imports: int = number("IMPORTS", 11, 1)

    def as_dict(self) -> dict[str, Any]:
        """Return the sizes for the record."""
        return {"quick": QUICK, **asdict(self)}
