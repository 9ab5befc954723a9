"""
Which arrows of a picture were taken.

What is painted knows nodes, and which was visited after which. But a node may be drawn as several
symbols, and several arrows may lead from one node to another: what is not known is not claimed.
"""

from __future__ import annotations

from collections import defaultdict

from automations.diagrams import wording
from automations.diagrams.elements import Element, Flow, Graph
from automations.diagrams.painting import NO_MARK, Paint, State, is_before, merges, starts


class Ways:
    """The arrows of a graph, as what is painted on it has gone along them."""

    def __init__(self, graph: Graph, paint: Paint) -> None:
        self.graph, self.paint = graph, paint
        self.known: dict[str, bool] = {}
        #: The nodes that were visited, if it is not painted how they stand.
        self.visited = {node for way in paint.taken for node in way}
        self.visited |= {node for node, mark in paint.marks.items() if mark is not NO_MARK}
        #: The arrows from one node to another, which are one to those who visit nodes.
        self.between: dict[tuple[str, str], list[Flow]] = defaultdict(list)
        for flow in graph.flows:
            source, target = self.ends(flow)
            if leads_on(source, target, graph):
                self.between[source.node, target.node].append(flow)

    def ends(self, flow: Flow) -> tuple[Element, Element]:
        """Return what the arrow leads from, and what to."""
        return self.graph.elements[flow.source], self.graph.elements[flow.target]

    def is_taken(self, flow: Flow) -> bool:
        """Return whether the arrow was taken, as far as that is known."""
        if flow.id not in self.known:
            self.known[flow.id] = self.found(flow)
        return self.known[flow.id]

    def found(self, flow: Flow) -> bool:
        """Find out whether the arrow was taken."""
        source, target = self.ends(flow)
        if leads_on(source, target, self.graph):
            nodes = source.node, target.node
            return nodes in self.paint.taken and flow in self.likely(*nodes)
        if is_before(source) or (source.id == source.node and is_before(target)):
            return self.is_passed(source, target)
        # Beside the node, as work on one of the ways out of it: only the way on tells.
        return any(self.is_taken(each) for each in self.graph.outgoing[target.id])

    def likely(self, source: str, target: str) -> list[Flow]:
        """Return by which of the arrows from one node to another one has gone."""
        flows = self.between[source, target]
        given = self.paint.answers.get((source, target))
        if given:
            labels = {wording.flow_label(answer) for answer in given}
            flows = [flow for flow in flows if self.label(flow) in labels] or flows
        early = self.paint.at(source).state is State.SKIPPED
        return [each for each in flows if self.ends_early(each) == early] or flows

    def label(self, flow: Flow) -> str:
        """Return the label of an arrow, or that of the one before it if work stands between."""
        before = self.graph.incoming[flow.source]
        source = self.graph.elements[flow.source]
        beside = source.id != source.node and not source.host and len(before) == 1
        return flow.label or (before[0].label if beside else "")

    def ends_early(self, flow: Flow) -> bool:
        """Return whether the waiting of a node is ended by this arrow, or its work by an error."""
        source, _ = self.ends(flow)
        name = source.id.removeprefix(f"{source.node}.")
        return source.id != source.node and name.startswith(("timeout", "skip", "error"))

    def is_passed(self, source: Element, target: Element) -> bool:
        """Return whether one has gone from a symbol to the next on the way to a node's work."""
        node = source.node
        state = self.paint.at(node).state or (State.DONE if node in self.visited else None)
        if state in (None, State.NEVER) or not self.is_come_to(source):
            return False
        if source.kind == "startEvent":
            return len([*starts(self.graph, node)]) == 1
        if source.kind == "parallelGateway" or source.id == f"{node}.work":
            return state is State.DONE
        if source.kind == "eventBasedGateway":
            source = target  # one stands at the race until one of its events has happened
        if source.kind == "intermediateCatchEvent":
            joins = state is State.WAITING and merges(source, self.graph)
            return state in (State.DONE, State.FAILED, State.WAITING) and not joins
        return True

    def is_come_to(self, element: Element) -> bool:
        """Return whether a way to the element was taken, or a run has begun there."""
        return element.kind == "startEvent" or any(
            self.ends(way)[0].kind == "startEvent" or self.is_taken(way)
            for way in self.graph.incoming[element.id]
        )


def leads_on(source: Element, target: Element, graph: Graph) -> bool:
    """Return whether an arrow leads out of a node: to another one, or to the same one again."""
    if source.node != target.node:
        return True
    if is_before(source) or (source.id == source.node and merges(source, graph)):
        return False
    return target.id == target.node or is_before(target)
