"""
From a definition to the elements and flows of BPMN.

Every node becomes a chain: where ways meet, what it waits for, the activity or gateway itself.
What ends its waiting sits on its border; a wait without an activity that could have a border is a
race of events. Where several ways lead to one symbol, a gateway merges them first, before a Join
one for each branch, as engines of BPMN want to have it. Such a gateway waits for all ways that
lead to it, so a Join has one for each Split whose branches meet there.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from automations.definition.branches import branch_of, splits_of
from automations.definition.node import Node
from automations.definition.process import ProcessDefinition
from automations.definition.wording import readable
from automations.diagrams import wording
from automations.diagrams.beginnings import starts_of
from automations.diagrams.elements import Element, Flow, Graph
from automations.diagrams.waits import exits_of, waits_of

#: What a node can be that is neither event nor gateway.
TASKS = frozenset(
    {
        "businessRuleTask", "manualTask", "receiveTask", "scriptTask", "sendTask", "serviceTask",
        "task", "userTask",
    }
)  # fmt: skip


def graph_of(definition: ProcessDefinition) -> Graph:
    """Return the process as a graph of BPMN, with its texts in the active language."""
    return _graph(definition, get_language())


@lru_cache(maxsize=256)
def _graph(definition: ProcessDefinition, language: str | None) -> Graph:
    return Translation(definition).graph()


@dataclass
class Way:
    """An arrow that leads from an element to a node, whose first element is not known yet."""

    source: str
    target: str
    label: str = ""
    condition: Any = None
    default: bool = False
    #: The way out of which node this is; what leads to a Join is merged by branches.
    node: str = ""


class Translation:
    """The graph in the making."""

    def __init__(self, definition: ProcessDefinition) -> None:
        self.definition = definition
        self.elements: dict[str, Element] = {}
        self.flows: list[Flow] = []
        self.ways: list[Way] = []
        #: The first element of each node's chain.
        self.first: dict[str, str] = {}

    def graph(self) -> Graph:
        """Translate everything."""
        starts: dict[str, list[Element]] = defaultdict(list)
        for start in starts_of(self.definition):
            starts[start.node].append(start)
        for name, node in self.definition.nodes.items():
            for start in starts[name]:
                self.ways.append(Way(self.add(start).id, name))
            self.chain(name, node)
        for name in self.definition.nodes:
            self.meet(name)
        order = {name: at for at, name in enumerate(self.elements)}
        flows = sorted(self.flows, key=lambda flow: order[flow.source])
        return Graph(MappingProxyType(self.elements), tuple(flows))

    def add(self, element: Element) -> Element:
        """Keep the element."""
        self.elements[element.id] = element
        return element

    def connect(self, source: str, target: str, way: Way | None = None) -> None:
        """Draw an arrow between two elements."""
        name = f"{source}-to-{target}"
        taken = {flow.id for flow in self.flows}
        number = 1
        while (found := name if number == 1 else f"{name}-{number}") in taken:
            number += 1
        flow = Flow(found, source, target)
        if way:
            flow = replace(flow, label=way.label, condition=way.condition, default=way.default)
        self.flows.append(flow)

    # One node

    def chain(self, name: str, node: Node) -> None:
        """Add the elements of a node, and the ways that lead out of it."""
        exits = list(exits_of(node, self.definition.nodes))
        waits = list(waits_of(node))
        races = bool(waits and exits and not (node.asks or node.message))
        beside = bool(any(node.error_flows()) or node.reminders or (exits and not races))
        parts = [*waits]
        if waits and not (node.does_work or beside) and node.bpmn == "scriptTask":
            parts[-1] = replace(parts[-1], id=name)
        elif node.merges:
            # What each branch waits for is waited for once they are together.
            parts = [self.main(name, node), *waits]
            if len(splits_of(self.definition, name)) > 1:
                parts.insert(1, Element(f"{name}.joined", "exclusiveGateway", "", name))
        else:
            main = self.main(name, node)
            if main.kind == "exclusiveGateway" and beside:
                parts.append(Element(f"{name}.work", "scriptTask", readable(name), name))
            parts.append(main)
        last, self.first[name] = self.link(name, parts, exits if races else [])
        host = next((part.id for part in parts if part.kind in TASKS), "")
        if node.skippable and host:
            for event, target in [] if races else exits:
                self.exit(replace(event, kind="boundaryEvent", host=host), target)
            self.failures(name, node, host)
            self.reminders(name, node, host)
        self.out(name, node, last)

    def link(
        self, name: str, parts: list[Element], exits: list[tuple[Element, str]]
    ) -> tuple[str, str]:
        """
        Lead from each part of a chain to the next; return the last element and the first.

        With ``exits`` each event that is waited for has to come before those.
        """
        first, last, number = "", "", ""
        for part in parts:
            races = exits and part.kind == "intermediateCatchEvent"
            race = Element(f"{name}.race{number}", "eventBasedGateway", "", name)
            ahead = [race, part] if races else [part]
            for element in ahead:
                if last:
                    self.connect(last, element.id)
                first, last = first or self.add(element).id, self.add(element).id
            for event, target in exits if races else ():
                event = replace(event, id=f"{event.id}{number}")
                self.connect(race.id, event.id)
                self.exit(event, target)
            if races:
                number = str(int(number or 1) + 1)
        return last, first

    def main(self, name: str, node: Node) -> Element:
        """Return the symbol that stands for the node itself."""
        text = readable(name)
        if node.repeats:
            return Element(name, "intermediateCatchEvent", wording.rule(node), name, "timer", node)
        if node.ends:
            return Element(name, "endEvent", text, name, "terminate" if node.terminate else "")
        if node.forks or node.merges:
            return Element(name, "parallelGateway", "", name)
        if node.bpmn == "exclusiveGateway":
            return Element(name, node.bpmn, wording.question(node), name)
        does_it = node.does_work and node.bpmn in TASKS
        return Element(name, node.bpmn if does_it else "task", text, name)

    def exit(self, event: Element, target: str) -> None:
        """Add an event that ends the waiting of a node, and the way that it opens."""
        self.ways.append(Way(self.add(event).id, target, node=event.node))

    def failures(self, name: str, node: Node, host: str) -> None:
        """Add the events of errors."""
        for number, flow in enumerate(node.error_flows(), 1):
            if flow.target in self.definition.nodes:
                event = Element(
                    f"{name}.error{number if number > 1 else ''}",
                    "boundaryEvent",
                    wording.errors(flow.errors),
                    name,
                    "error",
                    flow.errors,
                    host,
                )
                self.add(event)
                self.ways.append(Way(event.id, flow.target, node=name))

    def reminders(self, name: str, node: Node, host: str) -> None:
        """Add the reminders, which go on beside the waiting and end by themselves."""
        for number, reminder in enumerate(node.reminders, 1):
            key = f"{name}.remind{number if number > 1 else ''}"
            text = wording.value(reminder.after) or _("a time")
            self.add(
                Element(
                    key, "boundaryEvent", text, name, "timer", reminder, host, interrupting=False
                )
            )
            done = wording.value(reminder.work) or _("Remind")
            self.add(Element(f"{key}.work", "scriptTask", done, name, detail=reminder.work))
            self.add(Element(f"{key}.end", "endEvent", _("Reminded"), name))
            self.connect(key, f"{key}.work")
            self.connect(f"{key}.work", f"{key}.end")

    def out(self, name: str, node: Node, last: str) -> None:
        """Add the ways by which the process goes on when the node is done."""
        errors = set(node.error_flows())
        flows = {
            (flow, repr(flow.condition)): flow
            for flow in node.sequence_flows()
            if flow not in errors and flow.target in self.definition.nodes
        }
        if len(flows) > 1 and not (node.forks or self.elements[last].is_gateway):
            # A node of the project's own that says itself by which way to go on.
            which = Element(f"{name}.way", "exclusiveGateway", wording.question(node), name)
            self.connect(last, self.add(which).id)
            last = which.id
        decides = self.elements[last].kind == "exclusiveGateway" and not node.merges
        default = [key for key, flow in flows.items() if decides and flow.condition is None][-1:]
        for key, flow in flows.items():
            label = wording.flow_label(flow.label) if decides else ""
            if decides and not label and len(flows) > 1:
                label = readable(flow.target)
            way = Way(last, flow.target, label, flow.condition, key in default, node=name)
            if flow.work is not None:
                key_of = f"{name}.{'then' if flow.condition is not None else 'else'}"
                text = wording.value(flow.work) or readable(name)
                self.add(Element(key_of, "scriptTask", text, name, detail=flow.work))
                self.connect(last, key_of, way)
                way = Way(key_of, flow.target, node=name)
            self.ways.append(way)

    # Where ways meet

    def meet(self, name: str) -> None:
        """Lead the ways to a node to its first element, merged where there are several."""
        ways = [way for way in self.ways if way.target == name]
        if self.definition.nodes[name].merges:
            self.join(name, ways)
        else:
            self.merge(name, self.first[name], f"{name}.merge", ways)

    def join(self, name: str, ways: list[Way]) -> None:
        """Lead the branches of each Split to a gateway that waits for all of them."""
        groups: dict[str, dict[str, list[Way]]] = {split: {} for split in self.splits(name)}
        for way in ways:
            branch = branch_of(self.definition, name, way.node)
            split = branch.split or next(iter(groups))
            groups[split].setdefault(branch.first, []).append(way)
        for number, (split, branches) in enumerate(groups.items()):
            end, prefix = name, f"{name}.merge"
            if number:
                end, prefix = f"{name}.join.{split}", f"{name}.merge.{split}"
                self.add(Element(end, "parallelGateway", "", name))
                self.connect(end, f"{name}.joined")
            for first, group in branches.items():
                self.merge(name, end, f"{prefix}.{first}" if first else prefix, group)

    def splits(self, join: str) -> tuple[str, ...]:
        """Return the Splits whose branches meet at ``join``; an unknown one if there is none."""
        return splits_of(self.definition, join) or ("",)

    def merge(self, name: str, end: str, key: str, ways: list[Way]) -> None:
        """Lead the ways to the element ``end``; several by an element ``key`` of the node."""
        if len(ways) > 1:
            self.add(Element(key, "exclusiveGateway", "", name))
            self.connect(key, end)
            end = key
        for way in ways:
            self.connect(way.source, end, way)
