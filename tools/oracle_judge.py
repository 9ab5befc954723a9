"""
Have pm4py judge whether processes are sound, and hold that against what we have said.

Runs in an environment with nothing but pm4py. A process that takes it longer than a minute is left
undecided, and counted.
"""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import sys
import warnings
from pathlib import Path
from typing import Any

PATIENCE = 60


def main(file: Path) -> int:
    """Judge all; return 1 if a verdict differs."""
    told = json.loads(file.read_text(encoding="utf-8"))
    differ, undecided = 0, []
    pool = fresh()
    for one in told:
        try:
            sound = pool.apply_async(is_sound, (one,)).get(PATIENCE)
        except multiprocessing.TimeoutError:
            undecided.append(one["name"])
            pool.terminate()
            pool = fresh()
            continue
        if sound == bool(one["ours"]):
            differ += 1
            print(f"  {one['name']}: we say {one['ours'] or 'sound'}, pm4py says sound: {sound}")
    pool.terminate()
    sound = sum(not one["ours"] for one in told)
    print(
        f"{len(told)} processes, {sound} sound and {len(told) - sound} not: {differ} verdicts "
        f"differ. pm4py did not decide {len(undecided)} in {PATIENCE} s: {', '.join(undecided)}"
    )
    return 1 if differ else 0


def fresh() -> Any:
    """Return a process to judge in, which can be ended."""
    return multiprocessing.get_context("spawn").Pool(1)


def is_sound(one: dict[str, Any]) -> bool:
    """Return whether pm4py's Woflan calls the workflow net of a process sound."""
    warnings.simplefilter("ignore")  # of a solver that it could use
    with contextlib.redirect_stdout(io.StringIO()):
        from pm4py.algo.analysis.woflan import algorithm
        from pm4py.objects.bpmn.obj import BPMN
        from pm4py.objects.conversion.bpmn import converter

        kinds = {
            "start": BPMN.StartEvent,
            "end": BPMN.EndEvent,
            "task": BPMN.Task,
            "and": BPMN.ParallelGateway,
            "xor": BPMN.ExclusiveGateway,
        }
        graph = BPMN()
        made = {name: kinds[kind](name=name) for name, kind in one["nodes"].items()}
        for node in made.values():
            graph.add_node(node)
        for source, target in one["flows"]:
            graph.add_flow(BPMN.SequenceFlow(made[source], made[target]))
        wanted = {"return_asap_when_not_sound": True, "print_diagnostics": False}
        return bool(algorithm.apply(*converter.apply(graph), parameters=wanted))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
