"""The lines of a picture, and how wide everything becomes by them."""

from __future__ import annotations

from dataclasses import dataclass, field

from automations.diagrams.channels import Channel, Unit
from automations.diagrams.corners import HALF, Corners
from automations.diagrams.elements import Flow
from automations.diagrams.geometry import Box, Point
from automations.diagrams.layers import Item, Layers, Link
from automations.diagrams.reach import ASIDE, border_x, box_of, exit_of
from automations.diagrams.sizes import EVENT, FLOW_WIDEST, width_of, wrapped

#: How far the picture is from its border, in pixels.
BORDER = 20


@dataclass
class Routes:
    """Which units lines belong to in the channels, and where columns and channels are."""

    layers: Layers
    corners: Corners
    #: Left of each column, and one right of the last.
    channels: list[Channel] = field(default_factory=list)
    unit: dict[Link, Unit] = field(default_factory=dict)
    #: The units of loops that turn at a side: of their source, and of their target.
    out: dict[str, Unit] = field(default_factory=dict)
    into: dict[str, Unit] = field(default_factory=dict)
    #: The links of each flow, from left to right.
    links: dict[str, list[Link]] = field(default_factory=dict)
    #: The middle of each column.
    middle: list[int] = field(default_factory=list)
    width: int = 0

    def plan(self) -> None:
        """Give all lines their tracks, then all columns their places."""
        self.channels = [Channel() for _ in range(len(self.layers.columns) + 1)]
        ports: dict[tuple[Item, int], Unit] = {}
        for link in self.layers.links:
            self.links.setdefault(link.flow.id, []).append(link)
            channel = self.channels[link.b.rank]
            start, end = link.a.y + link.port, link.b.y
            if link in self.corners.leaving or link in self.corners.arriving:
                channel.levels.add(end if link in self.corners.leaving else start)
                continue
            unit = channel.unit() if link.back else self.at(link.a, link.port, ports)
            unit.left.add(start)
            unit.right.add(end)
            self.unit[link] = unit
        for name in sorted(self.layers.back, key=list(self.layers.paths).index):
            self.turn(name, ports)
        for flow in self.layers.graph.flows:
            if flow.label:
                channel = self.channels[self.label_rank(flow)]
                channel.labels = max(channel.labels, width_of(label_of(flow)))
        for channel in self.channels:
            channel.arrange()
        self.spread()

    def turn(self, name: str, ports: dict[tuple[Item, int], Unit]) -> None:
        """Let a loop that does not turn at corners do so in the channels beside its ends."""
        path, flow = self.layers.paths[name], self.layers.graph.flow[name]
        if name not in self.corners.loops_out:
            port = self.port(flow)
            unit = self.at(path[0], port, ports)
            unit.left.update((path[0].y + port, path[1].y))
            self.out[name] = unit
        if name not in self.corners.loops_in:
            self.into[name] = self.channels[path[-1].rank].unit()
            self.into[name].right.update((path[-1].y, path[-2].y))

    def at(self, item: Item, port: int, ports: dict[tuple[Item, int], Unit]) -> Unit:
        """Return the unit of all lines that leave an item to the right at one place."""
        if (item, port) not in ports:
            ports[item, port] = self.channels[item.rank + 1].unit()
        return ports[item, port]

    def spread(self) -> None:
        """Put columns and channels beside each other."""
        x = BORDER
        for rank, channel in enumerate(self.channels):
            channel.x = x
            outer = rank in (0, len(self.layers.columns))
            x += channel.width if not outer or channel.units or channel.labels else 0
            if rank < len(self.layers.columns):
                column = self.layers.columns[rank]
                left = max((self.left(item) for item in column), default=0)
                right = max((item.right for item in column), default=0)
                self.middle.append(x + left)
                x += left + right
        self.width = x + BORDER

    def left(self, item: Item) -> int:
        """Return how far an item reaches to the left: also if its text has to stand aside."""
        if item.is_gateway and item.element and self.corners.used(item, -1):
            return max(item.left, 2 * item.left + ASIDE)
        return item.left

    def port(self, flow: Flow) -> int:
        """Return how far below the middle of its first item a flow leaves."""
        graph = self.layers.graph
        return exit_of(graph, flow.source) if graph.elements[flow.source].host else 0

    def label_rank(self, flow: Flow) -> int:
        """Return which channel the label of a flow stands in."""
        path = self.layers.paths[flow.id]
        return path[0].rank if flow.id in self.layers.back else path[0].rank + 1

    def label_level(self, flow: Flow) -> int:
        """Return on which level the label of a flow stands."""
        path = self.layers.paths[flow.id]
        if flow.id in self.layers.back:
            return path[1].y
        first = self.links[flow.id][0]
        return first.a.y + first.port if first in self.corners.arriving else first.b.y

    # The points of a line

    def line(self, flow: Flow) -> tuple[Point, ...]:
        """Return the points of a flow, from the border of one symbol to that of another."""
        path = self.layers.paths[flow.id]
        links = self.links.get(flow.id, [])
        leads = self.back if flow.id in self.layers.back else self.onward
        return simplified(leads(flow, path, links))

    def onward(self, flow: Flow, path: list[Item], links: list[Link]) -> list[Point]:
        """Return the points of a line to the right."""
        first, last = links[0], links[-1]
        if first in self.corners.leaving:
            side = 1 if first.b.y > path[0].y else -1
            x = self.middle[path[0].rank]
            points = [(x, path[0].y + side * HALF), (x, first.b.y)]
        else:
            points = self.start(flow, path[0])
        for link in links:
            points += self.between(link)
        return points + self.end(last, path[-1])

    def end(self, last: Link, item: Item) -> list[Point]:
        """Return the points at which a line to the right arrives."""
        if last in self.corners.arriving:
            level = last.a.y + last.port
            side = 1 if level > item.y else -1
            x = self.middle[item.rank]
            return [(x, level), (x, item.y + side * HALF)]
        return [(self.box(last.flow.target).x, item.y)]

    def start(self, flow: Flow, item: Item) -> list[Point]:
        """Return the points at which a line leaves its symbol at the right, or at a border."""
        graph = self.layers.graph
        source = graph.elements[flow.source]
        if not source.host:
            return [(self.box(source.id).right, item.y)]
        box = self.box(source.host)
        x = box.x + border_x(graph, source)
        return [(x, box.bottom + EVENT // 2), (x, item.y + exit_of(graph, flow.source))]

    def between(self, link: Link) -> list[Point]:
        """Return the points at which a link turns, from left to right."""
        start, end = link.a.y + link.port, link.b.y
        if link not in self.unit or start == end:
            return []
        return self.turns(self.unit[link], link.b.rank, start, end)

    def turns(self, unit: Unit, rank: int, start: int, end: int) -> list[Point]:
        """Return the points at which a unit's line from the level ``start`` to ``end`` turns."""
        channel = self.channels[rank]
        levels = [start, *(min(turn.right) for turn in unit.turns[:-1]), end]
        points = []
        for turn, before, after in zip(unit.turns, levels, levels[1:], strict=False):
            x = channel.track_x(turn)
            points += [(x, before), (x, after)]
        return points

    def back(self, flow: Flow, path: list[Item], links: list[Link]) -> list[Point]:
        """Return the points of a line that leads back."""
        source, out, into, target = path[0], path[1], path[-2], path[-1]
        if flow.id in self.corners.loops_out:
            x = self.middle[source.rank]
            points = [(x, source.y + HALF), (x, out.y)]
        else:
            x = self.channels[source.rank + 1].track_x(self.out[flow.id].turns[0])
            points = self.start(flow, source)
            points += [(x, source.y + self.port(flow)), (x, out.y)]
        for link in links:
            points += reversed(self.between(link))
        if flow.id in self.corners.loops_in:
            x = self.middle[target.rank]
            return [*points, (x, into.y), (x, target.y + HALF)]
        x = self.channels[target.rank].track_x(self.into[flow.id].turns[-1])
        points += [(x, into.y), (x, target.y)]
        return [*points, (self.box(flow.target).x, target.y)]

    def box(self, name: str) -> Box:
        """Return the place of a symbol."""
        item = self.layers.items[name]
        return box_of(self.layers.graph, name, self.middle[item.rank], item.y)


def label_of(flow: Flow) -> str:
    """Return the label of a flow, in one line."""
    return "".join(wrapped(flow.label, FLOW_WIDEST, 1))


def simplified(points: list[Point]) -> tuple[Point, ...]:
    """Return the points without those on a straight line."""
    found: list[Point] = []
    for point in points:
        if found and found[-1] == point:
            continue
        if len(found) > 1 and (
            found[-2][0] == found[-1][0] == point[0] or found[-2][1] == found[-1][1] == point[1]
        ):
            found.pop()
        found.append(point)
    return tuple(found)
