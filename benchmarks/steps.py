"""W1 and W2: steps that follow each other at once, beside the floors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from unittest import mock

from django.test import override_settings

from automations.engine import bursts
from benchmarks import filling, floors
from benchmarks.automations import TenSteps, ThreeBranches
from benchmarks.measuring import Measure, count, in_turn
from benchmarks.sizes import Sizes

#: What the processes do, in steps: each that does work, and not those that only lead on. So many
#: floors is a run compared with, ours or a peer's.
W1_STEPS, W2_STEPS = 10, 6
#: The tasks that a run of ours has: also the Split, three arrivals at the Join, and the End.
TASKS = {"W1": 11, "W2": 11}
ENDED = TASKS["W1"]


def start(automation: Any, times: int, commit_every: int | None = None) -> None:
    """Start so many runs, each of which goes to its end."""
    settings = {} if commit_every is None else {"ATM_COMMIT_EVERY": commit_every}
    with override_settings(**settings):
        for _ in range(times):
            run = automation()
            if not run._db.finished:
                raise RuntimeError(f"Run {run.id} has not come to its end.")


def measure(sizes: Sizes) -> Iterator[Measure]:
    """Yield what steps cost in floors and in statements."""
    yield from in_floors(sizes)
    if sizes.history:
        filling.multiply(filling.run_of(TenSteps()), sizes.history // ENDED)
        filling.look_at_tables()
        yield from in_floors(sizes, f", beside {sizes.history:,} ended tasks")
        filling.emptied()
    for name, commit_every in (("bursts", None), ("commit per task", 1)):
        yield from in_statements("W1", name, TenSteps, W1_STEPS, commit_every)
        yield from in_statements("W2", name, ThreeBranches, W2_STEPS, commit_every)


def in_floors(sizes: Sizes, beside: str = "") -> Iterator[Measure]:
    """
    Yield the times of a step of each, and how they compare with F1 in the same round.

    ``beside`` says what else is in the tables.
    """
    ten, three = max(1, sizes.steps // W1_STEPS), max(1, sizes.steps // W2_STEPS)
    steps: dict[tuple[str, str], tuple[Callable[[], object], int]] = {
        ("F1", "transaction per task"): (partial(floors.f1, sizes.steps), sizes.steps),
        ("F1b", "ten tasks a transaction"): (partial(floors.f1b, sizes.steps), sizes.steps),
        ("F2", "raw driver"): (partial(floors.f2, sizes.steps), sizes.steps),
        ("W1", "bursts"): (partial(start, TenSteps, ten), ten * W1_STEPS),
        ("W1", "commit per task"): (partial(start, TenSteps, ten, 1), ten * W1_STEPS),
        ("W2", "bursts"): (partial(start, ThreeBranches, three), three * W2_STEPS),
        ("W2", "commit per task"): (partial(start, ThreeBranches, three, 1), three * W2_STEPS),
    }
    if beside:
        steps = {(work, name + beside): how for (work, name), how in steps.items()}
    for measure in compare(steps, sizes):
        yield measure
        if measure.unit == "x F1" and measure.work in TASKS:
            each = (W1_STEPS if measure.work == "W1" else W2_STEPS) / TASKS[measure.work]
            by_task = [ratio * each for ratio in measure.taken]
            yield Measure.of(measure.work, measure.name, "x F1, by tasks", by_task)


def compare(
    steps: dict[tuple[str, str], tuple[Callable[[], object], int]], sizes: Sizes
) -> Iterator[Measure]:
    """Yield how long a step of each takes, and how often F1's time that is in the same round."""
    keys = {"/".join(key): key for key in steps}
    contenders = {name: steps[key][0] for name, key in keys.items()}
    taken = in_turn(contenders, sizes.rounds, sizes.turns)
    each = {
        key: [time / steps[key][1] / sizes.turns for time in taken[name]]
        for name, key in keys.items()
    }
    floor = next(times for (work, _), times in each.items() if work == "F1")
    for (work, name), times in each.items():
        yield Measure.of(work, name, "ms a step", [1000 * time for time in times])
        if times is not floor:
            ratios = [time / least for time, least in zip(times, floor, strict=True)]
            yield Measure.of(work, name, "x F1", ratios)


def in_statements(
    work: str, name: str, automation: Any, steps: int, commit_every: int | None
) -> Iterator[Measure]:
    """
    Yield how many statements a step takes, and how many for its transactions.

    However long it takes on this machine, so that it is the same on each.
    """
    start(automation, 1, commit_every)
    with mock.patch.object(bursts, "longest", return_value=math.inf):
        told, control = count(partial(start, automation, 1, commit_every))
    yield Measure(work, name, "statements a step", told / steps)
    yield Measure(work, name, "BEGIN, COMMIT, savepoints a step", control / steps)
