"""
From a definition to the elements and flows of BPMN.

Every node becomes a chain: where ways meet, what it waits for, the activity or gateway itself.
What ends its waiting sits on its border; a wait without an activity that could have a border is a
race of events. Where several ways lead to one symbol, a gateway merges them first, before a Join
one for each branch, as engines of BPMN want to have it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from automations.definition.node import Node
from automations.definition.process import ProcessDefinition
from automations.definition.wording import readable
from automations.diagrams import wording
from automations.diagrams.branches import branch_of
from automations.diagrams.elements import Element, Flow, Graph


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
        entries = self.starts()
        for name, node in self.definition.nodes.items():
            for start, way in entries.get(name, ()):
                self.add(start)
                self.ways.append(way)
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

    # Where runs begin

    def starts(self) -> Mapping[str, list[tuple[Element, Way]]]:
        """Return the start events before each node: by hand at the first, and by signals."""
        found: dict[str, list[tuple[Element, Way]]] = defaultdict(list)
        nodes = self.definition.nodes
        for first in list(nodes)[:1]:
            start = Element(f"{first}.start", "startEvent", _("Start"), first)
            found[first].append((start, Way(start.id, first)))
        for trigger in getattr(self.definition.owner, "_triggers", ()):
            name = trigger.start or next(iter(nodes), "")
            if name not in nodes:
                continue
            number = len(found[name])
            model = trigger.model._meta.verbose_name if trigger.model else ""
            text = _("%(what)s saved") % {"what": model} if model else _("Signal")
            start = Element(
                f"{name}.signal{number or ''}", "startEvent", text, name, "signal", trigger.model
            )
            found[name].append((start, Way(start.id, name)))
        return found

    # One node

    def chain(self, name: str, node: Node) -> None:
        """Add the elements of a node, and the ways that lead out of it."""
        waits = list(waits_of(node))
        races = bool(waits and ends_wait(node) and not (node.asks or node.message))
        alone = bool(waits) and not (node.does_work or node.reminders or any(node.error_flows()))
        decides = node.bpmn == "exclusiveGateway"
        parts = list(waits)
        if alone and (races or not ends_wait(node)) and node.bpmn == "scriptTask":
            parts[-1] = replace(parts[-1], id=name)
        else:
            beside = any(node.error_flows()) or node.reminders or (ends_wait(node) and not races)
            if decides and beside:
                parts.append(Element(f"{name}.work", "scriptTask", readable(name), name))
            parts.append(self.main(name, node))
        if races:
            parts.insert(0, Element(f"{name}.race", "eventBasedGateway", "", name))
        for part in parts:
            self.add(part)
        for before, after in pairwise(parts):
            self.connect(before.id, after.id)
        self.first[name] = parts[0].id
        if node.skippable:
            host = next((part.id for part in parts if part.kind.lower().endswith("task")), "")
            race = parts[0].id if races else ""
            self.beside(name, node, host, race)
        self.out(name, node, parts[-1].id)

    def main(self, name: str, node: Node) -> Element:
        """Return the symbol that stands for the node itself."""
        text = readable(name)
        if node.repeats:
            return Element(name, node.bpmn, wording.rule(node), name, "timer", node)
        if node.ends:
            return Element(name, node.bpmn, text, name, "terminate" if node.terminate else "")
        if node.forks or node.merges:
            return Element(name, node.bpmn, "", name)
        if node.bpmn == "exclusiveGateway":
            return Element(name, node.bpmn, wording.question(node), name)
        if not node.does_work:
            return Element(name, "task", text, name)
        return Element(name, node.bpmn, text, name)

    def beside(self, name: str, node: Node, host: str, race: str) -> None:
        """Add what ends the waiting of a node, what an error takes, and reminders."""
        kind, at = ("intermediateCatchEvent", "") if race else ("boundaryEvent", host)
        onward = node.default_target
        exits: list[tuple[Element, str | None]] = []
        if node.timeout:
            text = wording.value(node.timeout.delay) or _("timeout")
            event = Element(
                f"{name}.timeout", kind, text, name, "timer", node.timeout.delay, host=at
            )
            exits.append((event, node.timeout.target))
        if node.skip_after is not None:
            text = wording.value(node.skip_after) or _("a time")
            event = Element(f"{name}.skip", kind, text, name, "timer", node.skip_after, host=at)
            exits.append((event, onward))
        if node.skip_conditions:
            text = wording.conditions(node.skip_conditions)
            event = Element(
                f"{name}.skip-if", kind, text, name, "conditional", node.skip_conditions, host=at
            )
            exits.append((event, onward))
        for event, target in exits:
            if (race or host) and target in self.definition.nodes:
                self.add(event)
                if race:
                    self.connect(race, event.id)
                self.ways.append(Way(event.id, str(target), node=name))
        if host:
            self.failures(name, node, host)
            self.reminders(name, node, host)

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
        flows = [
            flow
            for flow in dict.fromkeys(node.sequence_flows())
            if flow not in errors and flow.target in self.definition.nodes
        ]
        decides = self.elements[last].kind == "exclusiveGateway"
        for flow in flows:
            label = wording.flow_label(flow.label) if decides else ""
            default = decides and flow.condition is None
            way = Way(last, flow.target, label, flow.condition, default, node=name)
            if flow.work is not None:
                key = f"{name}.{'then' if flow.condition is not None else 'else'}"
                text = wording.value(flow.work) or readable(name)
                self.add(Element(key, "scriptTask", text, name, detail=flow.work))
                self.connect(last, key, way)
                way = Way(key, flow.target, node=name)
            self.ways.append(way)

    # Where ways meet

    def meet(self, name: str) -> None:
        """Lead the ways to a node to its first element, merged where there are several."""
        first = self.first[name]
        ways = [way for way in self.ways if way.target == name]
        groups: dict[str, list[Way]] = {"": ways}
        if self.definition.nodes[name].merges:
            groups = defaultdict(list)
            for way in ways:
                groups[branch_of(self.definition, name, way.node)].append(way)
        for branch, group in groups.items():
            end = first
            if len(group) > 1:
                key = f"{name}.merge.{branch}" if branch else f"{name}.merge"
                end = self.add(Element(key, "exclusiveGateway", "", name)).id
                self.connect(end, first)
            for way in group:
                self.connect(way.source, end, way)


def waits_of(node: Node) -> Iterator[Element]:
    """Yield the events that the process waits for before the work of a node."""
    kind = "intermediateCatchEvent"
    if node.wait:
        yield Element(f"{node.name}.wait", kind, wording.wait(node), node.name, "timer", node.wait)
    if node.conditions:
        text = wording.conditions(node.conditions)
        yield Element(
            f"{node.name}.condition", kind, text, node.name, "conditional", node.conditions
        )


def ends_wait(node: Node) -> bool:
    """Return whether something beside its work ends the waiting of a node."""
    if not node.skippable:
        return False
    return bool(node.timeout or node.skip_conditions or node.skip_after is not None)
