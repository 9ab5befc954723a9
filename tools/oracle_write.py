"""
Write processes with our verdict of their soundness, as pm4py is to read them.

Runs in the main environment. Made from what is exported as BPMN, and not from our own net. Events
are tasks here, for pm4py loses ways at events in between. What may end the work of a task is a
choice behind it; reminders, which go on beside it, are left out.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import django

django.setup()

from automations.definition.nesting import unsound_branches
from automations.definition.soundness import flaw_of
from automations.diagrams.elements import Element, Graph
from automations.diagrams.translation import graph_of
from tests.diagrams.corpus import CORPUS, UNSOUND
from tests.diagrams.random_processes import random_process

START, WHICH = "(start)", "(which)"
KINDS = {"endEvent": "end", "parallelGateway": "and", "startEvent": "xor"}


def main(number: int, file: Path) -> None:
    """Write the processes of the corpus that can be compared, and so many random ones."""
    known = {**CORPUS, **UNSOUND}.items()
    told = [one for name, automation in known if (one := compared(name, automation))]
    made = (one for name, automation in processes() if (one := compared(name, automation)))
    told += islice(made, number)
    file.write_text(json.dumps(told), encoding="utf-8")


def processes() -> Iterator[tuple[str, Any]]:
    """Yield random processes, four of five of them wild."""
    for seed in count():
        yield f"random {seed}", random_process(seed, 8 + seed % 25, wild=seed % 5 * 0.08)


def compared(name: str, automation: Any) -> dict[str, Any] | None:
    """Return a process with our verdict; None if it is not to be compared."""
    definition = automation._meta
    ends = [node for node in definition.nodes.values() if node.ends]
    lonely = any(problem.code == "E121" for problem in unsound_branches(definition))
    if not ends or lonely or any(node.terminate for node in ends):
        return None
    flaw = flaw_of(definition)
    nodes, flows = told(graph_of(definition))
    return {"name": name, "ours": str(flaw.kind) if flaw else "", "nodes": nodes, "flows": flows}


def told(graph: Graph) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return the kinds of all nodes that can be reached, and the ways between them."""
    beside = set(aside(graph))
    shown = [element for element in graph.elements.values() if element.id not in beside]
    nodes = {element.id: kind_of(element) for element in shown if not element.host}
    nodes |= {START: "start", WHICH: "xor"}
    starts = [element.id for element in shown if element.kind == "startEvent"]
    flows = [(START, WHICH), *((WHICH, start) for start in starts)]
    choices = {e.host: f"{e.host} or" for e in shown if e.host and graph.outgoing[e.id]}
    nodes |= dict.fromkeys(choices.values(), "xor")
    flows += choices.items()
    for flow in graph.flows:
        if beside.isdisjoint((flow.source, flow.target)):
            source = graph.elements[flow.source].host or flow.source
            flows.append((choices.get(source, source), flow.target))
    seen, ahead = {START}, [START]
    while ahead:
        here = ahead.pop()
        new = [target for source, target in flows if source == here and target not in seen]
        seen.update(new)
        ahead += new
    kept = {name: kind for name, kind in nodes.items() if name in seen}
    return kept, [flow for flow in flows if flow[0] in seen]


def kind_of(element: Element) -> str:
    """Return what an element is to pm4py."""
    return KINDS.get(element.kind) or ("xor" if element.is_gateway else "task")


def aside(graph: Graph) -> Iterator[str]:
    """Yield what goes on beside a task and comes back nowhere."""
    ahead = [element.id for element in graph.elements.values() if not element.interrupting]
    while ahead:
        here = ahead.pop()
        yield here
        ahead += [flow.target for flow in graph.outgoing[here]]


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
