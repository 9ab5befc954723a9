"""
Measure one peer on one database, which is there already, beside ours and the floors.

``python -m benchmarks.peers.one PEER FILE`` measures, ``python -m benchmarks.peers.one work
MODULE`` is one of the peer's own processes.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
from django.core.management import call_command

if TYPE_CHECKING:
    from benchmarks.measuring import Measure
    from benchmarks.peers.peer import Peer
    from benchmarks.sizes import Sizes

PACKAGES = {"viewflow": "django-viewflow", "dbos": "dbos"}
#: How often statements are counted.
COUNTS = 5


def main() -> None:
    """Measure, or work."""
    django.setup()
    if sys.argv[1] == "work":
        importlib.import_module(sys.argv[2]).main()
        return
    from benchmarks.goals import judged
    from benchmarks.one import version as version_of
    from benchmarks.sizes import Sizes

    name, file = sys.argv[1], Path(sys.argv[2])
    database = os.environ["ATM_BENCH_DATABASE"]
    call_command("migrate", verbosity=0, run_syncdb=True)
    from django.db import connection

    peer: Peer = importlib.import_module(f"benchmarks.peers.{name}_peer").PEER
    sizes = Sizes()
    with peer.running():
        measures = [judged(found.as_dict(), database) for found in steps(name, peer, sizes)]
    if database == "sqlite-normal":  # to begin takes as long with any database
        from benchmarks import importing

        kinds = {f"import of {name}": peer.imports}
        found = importing.measure(sizes, kinds)
        measures += [judged(measure.as_dict(), database) for measure in found]
    if connection.vendor == "postgresql":
        measures += [judged(found.as_dict(), database) for found in timers(name, peer, sizes)]
    about = {
        "database": database,
        "version": version_of(connection),
        "peer": name,
        "peer_version": version(PACKAGES[name]),
        "measures": measures,
    }
    file.write_text(json.dumps(about))


def steps(name: str, peer: Peer, sizes: Sizes) -> Iterator[Measure]:
    """Yield W1 and W2 of the peer, of ours, and the floors, in turn."""
    from benchmarks import floors
    from benchmarks.automations import TenSteps, ThreeBranches
    from benchmarks.measuring import Measure
    from benchmarks.steps import W1_STEPS, W2_STEPS, compare, start

    ten, three = max(1, sizes.steps // W1_STEPS), max(1, sizes.steps // W2_STEPS)
    yield from compare(
        {
            ("F1", "transaction per task"): (partial(floors.f1, sizes.steps), sizes.steps),
            ("F2", "raw driver"): (partial(floors.f2, sizes.steps), sizes.steps),
            ("W1", "bursts"): (partial(start, TenSteps, ten), ten * W1_STEPS),
            ("W1", name): (partial(peer.ten_steps, ten), ten * W1_STEPS),
            ("W2", "bursts"): (partial(start, ThreeBranches, three), three * W2_STEPS),
            ("W2", name): (partial(peer.three_branches, three), three * W2_STEPS),
        },
        sizes,
    )
    for work, done, number in (
        ("W1", peer.ten_steps, W1_STEPS),
        ("W2", peer.three_branches, W2_STEPS),
    ):
        # The fewest: threads of the peer's own may say something meanwhile.
        told, control = min(peer.count(partial(done, 1)) for _ in range(COUNTS))
        yield Measure(work, name, "statements a step", told / number)
        yield Measure(work, name, "BEGIN, COMMIT, savepoints a step", control / number)
    if unfinished := peer.left():
        raise RuntimeError(f"{unfinished} runs of {name} have not come to their end.")


def timers(name: str, peer: Peer, sizes: Sizes) -> Iterator[Measure]:
    """Yield W5 of the peer and of ours, once each with one process and with two."""
    from benchmarks import filling
    from benchmarks.measuring import Measure
    from benchmarks.timers import named, ring

    for processes in (1, 2):
        about = named(processes, sizes)
        filling.emptied()
        took, not_once = ring(sizes, processes)
        yield Measure("W5", about, "s", took)
        yield Measure("W5", about, "not once", not_once)
        for kind, worker in peer.workers.items():
            took, not_once = ring_at(peer, kind, worker, sizes, processes)
            yield Measure("W5", f"{name} {kind}, {about}", "s", took)
            yield Measure("W5", f"{name} {kind}, {about}", "not once", not_once)


def ring_at(
    peer: Peer, kind: str, worker: list[str], sizes: Sizes, processes: int
) -> tuple[float, int]:
    """Return how long the peer's timers take, and how many have not fired exactly once."""
    from django.db.models import Count
    from django.utils import timezone

    from benchmarks.models import Effect
    from benchmarks.timers import until_none_is_left

    Effect.objects.all().delete()
    peer.make_timers(kind, sizes.timers)
    with workers(worker, processes):
        due = timezone.now() + timedelta(seconds=sizes.ahead)
        peer.let_be_due(due)
        took = until_none_is_left(peer.left, due)
    fired = Effect.objects.values("run").annotate(times=Count("pk"))
    return took, sizes.timers - fired.filter(times=1).count()


@contextmanager
def workers(worker: list[str], number: int) -> Iterator[None]:
    """Let so many of the peer's processes run, and end them."""
    command = [sys.executable, "-m", "benchmarks.peers.one", "work", *worker]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running = [subprocess.Popen(command, env=os.environ, **quiet) for _ in range(number)]
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(timeout=60)


if __name__ == "__main__":
    main()
