"""
The columns of a picture: which symbol stands in which, and by which places lines pass through.

Ways that lead back are found by a search in the order of declaration; without them each symbol
stands right of all that lead to it (longest path). A line over several columns has a place of its
own in each, so that nothing else stands there; one that leads back has one in each column from its
source to its target.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from automations.diagrams.elements import Element, Flow, Graph


@dataclass(eq=False)
class Item:
    """
    What takes a place in a column: a symbol with all that belongs to it, or a line.

    ``up`` and ``down`` say how far it reaches from its middle line, ``left`` and ``right`` from
    the middle of the column. ``turn`` marks the ends of a line that leads back: "out" in the
    column of its source, "in" in that of its target. ``lane`` is the band that it stands in,
    counted from the top.
    """

    rank: int
    element: Element | None = None
    flow: Flow | None = None
    turn: str = ""
    up: int = 10
    down: int = 10
    left: int = 0
    right: int = 0
    place: int = 0
    y: int = 0
    lane: int = 0

    @property
    def is_gateway(self) -> bool:
        """Whether it is a diamond, whose upper and lower corners lines may use."""
        return self.element is not None and self.element.is_gateway


@dataclass(eq=False)
class Link:
    """
    A part of a flow between two neighbouring columns.

    ``port`` is how far below the middle line of ``a`` it begins.
    """

    flow: Flow
    a: Item
    b: Item
    port: int = 0
    back: bool = False


@dataclass
class Layers:
    """All columns from left to right, each from the top to the bottom, and what links them."""

    graph: Graph
    items: dict[str, Item]
    columns: list[list[Item]]
    links: list[Link] = field(default_factory=list)
    #: For each flow its items, from its source to its target.
    paths: dict[str, list[Item]] = field(default_factory=dict)
    back: set[str] = field(default_factory=set)

    def owner(self, element: str) -> Item:
        """Return the item that the element belongs to: of an event on a border, its host."""
        return self.items[owner_of(self.graph, element)]


def owner_of(graph: Graph, element: str) -> str:
    """Return the element itself, or the one on whose border it is."""
    return graph.elements[element].host or element


def layers_of(graph: Graph, lanes: Mapping[str, int]) -> Layers:
    """Return the columns of the graph, in the order of declaration from the top."""
    names = [name for name, element in graph.elements.items() if not element.host]
    ends = {flow.id: (owner_of(graph, flow.source), flow.target) for flow in graph.flows}
    back = leading_back(graph, names, ends)
    ranks = ranks_of(graph, names, ends, back)
    items = {name: Item(ranks[name], graph.elements[name]) for name in names}
    for name, item in items.items():
        item.lane = lanes.get(name, 0)
    width = max(ranks.values(), default=-1) + 1
    columns: list[list[Item]] = [[] for _ in range(width)]
    for item in items.values():
        columns[item.rank].append(item)
    found = Layers(graph, items, columns, back=back)
    for flow in graph.flows:
        source, target = (items[name] for name in ends[flow.id])
        if flow.id in back:
            lead_back(found, flow, source, target)
        else:
            lead_on(found, flow, source, target)
    return found


def lead_on(layers: Layers, flow: Flow, source: Item, target: Item) -> None:
    """Give a flow to the right its place in each column between."""
    path = [source]
    for rank in range(source.rank + 1, target.rank):
        path.append(Item(rank, flow=flow, lane=source.lane))
        layers.columns[rank].append(path[-1])
    path.append(target)
    layers.paths[flow.id] = path
    layers.links += [Link(flow, a, b) for a, b in pairwise(path)]


def lead_back(layers: Layers, flow: Flow, source: Item, target: Item) -> None:
    """Give a flow to the left its place in each column from its source to its target."""
    lane = []
    for rank in range(source.rank, target.rank - 1, -1):
        lane.append(Item(rank, flow=flow, lane=source.lane))
        layers.columns[rank].append(lane[-1])
    lane[0].turn, lane[-1].turn = "out", "in"
    if len(lane) == 1:
        lane[0].turn = "out in"
    layers.paths[flow.id] = [source, *lane, target]
    layers.links += [Link(flow, b, a, back=True) for a, b in pairwise(lane)]


def leading_back(graph: Graph, names: list[str], ends: dict[str, tuple[str, str]]) -> set[str]:
    """Return the flows that lead to where one has come from."""
    ways: dict[str, list[tuple[str, str]]] = {name: [] for name in names}
    for flow, (source, target) in ends.items():
        ways[source].append((flow, target))
    back: set[str] = set()
    state: dict[str, int] = {}
    starts = [name for name in names if graph.elements[name].kind == "startEvent"]
    for first in [*starts, *names]:
        if first in state:
            continue
        state[first] = 1
        stack = [(first, iter(ways[first]))]
        while stack:
            name, rest = stack[-1]
            for flow, target in rest:
                if state.get(target) == 1:
                    back.add(flow)
                elif target not in state:
                    state[target] = 1
                    stack.append((target, iter(ways[target])))
                    break
            else:
                state[name] = 2
                stack.pop()
    return back


def ranks_of(
    graph: Graph, names: list[str], ends: dict[str, tuple[str, str]], back: set[str]
) -> dict[str, int]:
    """Return the column of each symbol: right of all that lead to it."""
    often = Counter(ends.values())
    ahead: dict[str, list[tuple[str, int]]] = {name: [] for name in names}
    behind = dict.fromkeys(names, 0)
    for flow in graph.flows:
        source, target = ends[flow.id]
        if flow.id in back:
            continue
        # A label, and each of several flows between the same two, needs a line of its own.
        crowded = len(graph.incoming[target]) > 1 and flow.label
        ahead[source].append((target, 2 if crowded or often[source, target] > 1 else 1))
        behind[target] += 1
    ranks = dict.fromkeys(names, 0)
    starts = [name for name in names if not behind[name]]
    ready = list(starts)
    while ready:
        name = ready.pop()
        for target, span in ahead[name]:
            ranks[target] = max(ranks[target], ranks[name] + span)
            behind[target] -= 1
            if not behind[target]:
                ready.append(target)
    for name in starts:  # as near to what comes next as can be
        if ahead[name]:
            ranks[name] = min(ranks[target] - span for target, span in ahead[name])
    least = min(ranks.values(), default=0)
    return {name: rank - least for name, rank in ranks.items()}
