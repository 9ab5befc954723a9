"""W3: a sweep when nothing is due, beside many runs that wait."""

from __future__ import annotations

from collections.abc import Iterator

from automations.models import AutomationModel
from benchmarks import filling
from benchmarks.automations import Asking, LongWait, TenSteps
from benchmarks.measuring import Measure, count, seconds, settle_down
from benchmarks.sizes import Sizes

#: Tasks of an ended run: ten steps and the end.
ENDED = 11


def measure(sizes: Sizes) -> Iterator[Measure]:
    """Yield what an idle sweep costs with so many open runs, and with much history."""
    filling.emptied()
    waiting = [filling.run_of(Asking()), filling.run_of(LongWait())]
    there = len(waiting)
    if sizes.history:
        ended = filling.run_of(TenSteps())
        yield from idle_sweep(sizes, "nothing else")
        open_runs = sizes.history // 20
        there = wait(waiting, there, open_runs)
        filling.multiply(ended, (sizes.history - open_runs) // ENDED)
        filling.look_at_tables()
        yield from idle_sweep(sizes, f"{open_runs:,} open runs in {sizes.history:,} tasks")
        filling.emptied()
        waiting = [filling.run_of(Asking()), filling.run_of(LongWait())]
        there = len(waiting)
    for number in sizes.open_runs:
        there = wait(waiting, there, number)
        filling.look_at_tables()
        yield from idle_sweep(sizes, f"{number:,} open runs")


def wait(waiting: list[AutomationModel], there: int, number: int) -> int:
    """Let there be so many runs that wait, half of them for a form, half for a timer."""
    for run in waiting:
        filling.multiply(run, (number - there) // 2)
    return max(there, number)


def idle_sweep(sizes: Sizes, beside: str) -> Iterator[Measure]:
    """Yield statements and milliseconds of one sweep."""

    def sweep() -> None:
        report = AutomationModel.run()
        if report.looked_at:
            raise RuntimeError(f"The sweep was not idle: {report}.")

    sweep()
    told, control = count(sweep)
    yield Measure("W3", f"idle sweep, {beside}", "statements", told + control)
    settle_down()
    taken = [1000 * seconds(sweep) for _ in range(sizes.sweeps)]
    yield Measure.of("W3", f"idle sweep, {beside}", "ms", taken)
