"""
Which lines use the upper and lower corners of diamonds.

A line may leave or arrive there if nothing of the column is in its way, and no other line uses the
same corner the other way round or comes near from the next diamond. All others use the sides.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from automations.diagrams.layers import Item, Layers, Link
from automations.diagrams.sizes import GATEWAY

HALF = GATEWAY // 2
#: How far lines keep away from what else stands in the column, in pixels.
MARGIN = 10


@dataclass
class Corners:
    """The lines at corners: of links their first or last part, of loops the part at either end."""

    layers: Layers
    leaving: set[Link] = field(default_factory=set)
    arriving: set[Link] = field(default_factory=set)
    #: Flows that lead back, and that leave or arrive by the lower corner.
    loops_out: set[str] = field(default_factory=set)
    loops_in: set[str] = field(default_factory=set)
    #: What each corner is for: +1 is the lower one.
    _use: dict[tuple[Item, int], str] = field(default_factory=dict)
    #: Between which levels lines run up and down in the middle of a column, and whose they are.
    _taken: dict[int, list[tuple[Item, int, int]]] = field(default_factory=dict)

    def choose(self) -> None:
        """Find all lines that may use a corner: loops first."""
        graph = self.layers.graph
        for flow in sorted(self.layers.back, key=lambda flow: len(self.layers.paths[flow])):
            path = self.layers.paths[flow]
            host = graph.elements[graph.flow[flow].source].host
            if not host and self.turns(path[0], path[1], "out"):
                self.loops_out.add(flow)
            if self.turns(path[-1], path[-2], "in"):
                self.loops_in.add(flow)
        for link in self.layers.links:
            if link.back:
                continue
            splits = link.a.element and len(graph.outgoing[link.a.element.id]) > 1
            meets = link.b.element and len(graph.incoming[link.b.element.id]) > 1
            if splits and self.reaches(link.a, link.b.y, "out"):
                self.leaving.add(link)
            elif meets and self.reaches(link.b, link.a.y + link.port, "in"):
                self.arriving.add(link)

    def used(self, item: Item, side: int) -> bool:
        """Return whether a line is at the corner: -1 is the upper one."""
        return (item, side) in self._use

    def turns(self, end: Item, turn: Item, use: str) -> bool:
        """Take the lower corner of ``end`` for the loop that turns below it, if that can be."""
        if not end.is_gateway or turn.place < end.place:
            return False
        for between in self.layers.columns[end.rank][end.place + 1 : turn.place]:
            if between.flow is None:
                return False
            if between.turn:
                path = self.layers.paths[between.flow.id]
                if use not in between.turn.split():
                    return False
                if (path[0] if use == "out" else path[-1]) is not end:
                    return False
        return self.take(end, 1, use, turn.y)

    def reaches(self, item: Item, level: int, use: str) -> bool:
        """Take a corner of ``item`` for a line on ``level``, if nothing but lines is between."""
        side = 1 if level > item.y else -1
        if not item.is_gateway or abs(level - item.y) < HALF + 8:
            return False
        if use == "in" and side < 0 and level > item.y - item.up - MARGIN:
            return False  # there its text stands aside
        for other in self.layers.columns[item.rank]:
            top, bottom = other.y - other.up - MARGIN, other.y + other.down + MARGIN
            if other is item or (other.y - item.y) * side < 0:
                continue
            if top < level < bottom or (
                (other.element or other.turn) and (other.y - level) * side < 0
            ):
                return False
        return self.take(item, side, use, level)

    def take(self, item: Item, side: int, use: str, level: int) -> bool:
        """Take the corner and the way to ``level``, unless another line has them."""
        low, high = sorted((item.y + side * HALF, level))
        if self._use.get((item, side), use) != use:
            return False
        taken = self._taken.setdefault(item.rank, [])
        for other, lower, higher in taken:
            if other is not item and low - MARGIN < higher and lower - MARGIN < high:
                return False
        self._use[item, side] = use
        taken.append((item, low, high))
        return True
