"""W5: many timers that are due at the same moment, worked off by real schedulers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db.models import Count
from django.utils import timezone

from automations.models import AutomationModel, AutomationTaskModel
from benchmarks import filling
from benchmarks.automations import Ringing, TenSteps
from benchmarks.idle import ENDED
from benchmarks.measuring import Measure
from benchmarks.models import Effect
from benchmarks.sizes import Sizes

#: Seconds after which it is given up.
GIVEN_UP = 400.0
#: Seconds between two looks whether any is left.
LOOK = 0.1


def measure(sizes: Sizes) -> Iterator[Measure]:
    """Yield the seconds until all have ended, with one process and with two in turn."""
    taken: dict[int, list[float]] = {1: [], 2: []}
    wrong = {1: 0, 2: 0}
    begun = time.monotonic()
    for at in range(sizes.timer_rounds):
        if at and time.monotonic() - begun > sizes.timer_seconds:
            break
        for processes in (1, 2) if at % 2 == 0 else (2, 1):
            filling.emptied()
            took, not_once = ring(sizes, processes)
            taken[processes].append(took)
            wrong[processes] += not_once
    for processes, times in taken.items():
        name = named(processes, sizes)
        yield Measure.of("W5", name, "s", times)
        yield Measure("W5", name, "not once", wrong[processes])
    if sizes.history:
        filling.emptied()
        filling.multiply(filling.run_of(TenSteps()), sizes.history // ENDED)
        for processes in taken:
            took, not_once = ring(sizes, processes)
            name = f"{named(processes, sizes)}, beside {sizes.history:,} ended tasks"
            yield Measure("W5", name, "s", took)
            yield Measure("W5", name, "not once", not_once)


def named(processes: int, sizes: Sizes) -> str:
    """Return what to call a measure."""
    return f"{processes} process{'es' if processes > 1 else ''}, {sizes.timers:,} timers"


def ring(sizes: Sizes, processes: int) -> tuple[float, int]:
    """Return how long the timers take, and how many of them have not fired exactly once."""
    Effect.objects.all().delete()
    filling.multiply(filling.run_of(Ringing()), sizes.timers - 1)
    filling.look_at_tables()
    waiting = AutomationModel.objects.filter(finished=False)
    with schedulers(processes):
        due = timezone.now() + timedelta(seconds=sizes.ahead)
        begun = due - timedelta(minutes=1)
        AutomationTaskModel.objects.filter(finished=None).update(due=due, created=begun)
        waiting.update(due=due)
        took = until_none_is_left(waiting.count, due)
    fired = Effect.objects.values("run").annotate(times=Count("pk"))
    return took, sizes.timers - fired.filter(times=1).count()


def until_none_is_left(left: Callable[[], int], due: datetime) -> float:
    """Return how many seconds after ``due`` nothing is left."""
    time.sleep(max(0.0, (due - timezone.now()).total_seconds()))
    begun = time.perf_counter()
    while number := left():
        if time.perf_counter() - begun > GIVEN_UP:
            raise RuntimeError(f"After {GIVEN_UP:.0f} s {number} timers have not fired.")
        time.sleep(LOOK)
    return time.perf_counter() - begun


@contextmanager
def schedulers(processes: int) -> Iterator[None]:
    """Let so many schedulers run, as a project runs them, and end them in good order."""
    command = [sys.executable, "-m", "django", "automation_step", "--every", "1", "--nice", "0"]
    running = [
        subprocess.Popen([*command, "--verbosity", "0"], env=os.environ) for _ in range(processes)
    ]
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(timeout=60)
