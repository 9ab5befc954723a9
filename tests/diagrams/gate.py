"""What is wrong with a picture: everything that would make it hard to read, by its geometry."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise

from automations.diagrams.elements import Graph
from automations.diagrams.geometry import Box, Picture, Point

Segment = tuple[Point, Point]


def defects(picture: Picture) -> list[str]:
    """Return everything that is wrong, in words."""
    if found := list(missing(picture)):
        return found
    return [*on_each_other(picture), *wrong_lines(picture), *wrong_labels(picture)]


def missing(picture: Picture) -> Iterator[str]:
    """Yield what is not there, or outside."""
    graph = picture.graph
    if set(picture.boxes) != set(graph.elements):
        yield f"not drawn: {set(graph.elements) ^ set(picture.boxes)}"
    if set(picture.lines) != {flow.id for flow in graph.flows}:
        yield "flows are not drawn"
    for name, element in graph.elements.items():
        if element.name and name not in {**picture.labels, **picture.texts}:
            yield f"{name} has no text"
    for flow in graph.flows:
        if flow.label and flow.id not in picture.labels:
            yield f"{flow.id} has no label"
    everything = [
        *picture.boxes.items(),
        *((name, one.box) for name, one in picture.labels.items()),
    ]
    points = [(name, Box(*point, 0, 0)) for name, line in picture.lines.items() for point in line]
    for name, box in [*everything, *points]:
        if box.x < 0 or box.y < 0 or box.right > picture.width or box.bottom > picture.height:
            yield f"{name} is outside of the picture: {box}"


def on_each_other(picture: Picture) -> Iterator[str]:
    """Yield symbols that lie on symbols; an event may lie on the border of its host alone."""
    for (name, box), (other, another) in combinations(picture.boxes.items(), 2):
        hosts = picture.graph.elements[name].host, picture.graph.elements[other].host
        if box.meets(another) and other != hosts[0] and name != hosts[1]:
            yield f"{name} lies on {other}"


def segments(picture: Picture, name: str) -> Iterator[Segment]:
    """Yield the parts of a line."""
    yield from pairwise(picture.lines[name])


def wrong_lines(picture: Picture) -> Iterator[str]:
    """Yield lines that are slanted, end beside their symbol, go through one, or lie on another."""
    graph = picture.graph
    for flow in graph.flows:
        line = picture.lines[flow.id]
        if len(line) < 2:
            yield f"{flow.id} is no line"
            continue
        for (x, y), (x2, y2) in segments(picture, flow.id):
            if (x == x2) == (y == y2):
                yield f"{flow.id} is slanted, or does not move, at {x}, {y}"
        for name, point in ((flow.source, line[0]), (flow.target, line[-1])):
            if not on_border(graph, name, picture.boxes[name], point):
                yield f"{flow.id} does not end at the border of {name}"
        for name, box in picture.boxes.items():
            for segment in segments(picture, flow.id):
                if through(segment, box):
                    yield f"{flow.id} goes through {name}"
    for one, other in combinations(graph.flows, 2):
        if one.source == other.source or one.target == other.target:
            continue
        for first in segments(picture, one.id):
            for second in segments(picture, other.id):
                if overlay(first, second):
                    yield f"{one.id} lies on {other.id} at {first} and {second}"


def on_border(graph: Graph, name: str, box: Box, point: Point) -> bool:
    """Return whether the point is where a line may touch the symbol."""
    x, y = point
    middle_x, middle_y = box.center
    if graph.elements[name].is_gateway or graph.elements[name].is_event:
        corners = {
            (box.x, middle_y), (box.right, middle_y), (middle_x, box.y), (middle_x, box.bottom)
        }  # fmt: skip
        return point in corners
    return (x in (box.x, box.right) and box.y < y < box.bottom) or (
        y in (box.y, box.bottom) and box.x < x < box.right
    )


def span(segment: Segment) -> tuple[int, int, int, int]:
    """Return from where to where a part of a line goes."""
    (x, y), (x2, y2) = segment
    return min(x, x2), max(x, x2), min(y, y2), max(y, y2)


def through(segment: Segment, box: Box, room: int = 0) -> bool:
    """Return whether a part of a line goes through the inside of a box, or nearer than ``room``."""
    left, right, top, bottom = span(segment)
    return (
        left < box.right + room
        and right > box.x - room
        and top < box.bottom + room
        and bottom > box.y - room
    )


def overlay(one: Segment, other: Segment) -> bool:
    """Return whether two parts of lines lie on each other, or so near that they look like one."""
    left, right, top, bottom = span(one)
    left2, right2, top2, bottom2 = span(other)
    if top == bottom and top2 == bottom2:
        return abs(top - top2) < 4 and left < right2 and left2 < right
    if left == right and left2 == right2:
        return abs(left - left2) < 4 and top < bottom2 and top2 < bottom
    return False


def wrong_labels(picture: Picture) -> Iterator[str]:
    """Yield texts that lie on anything."""
    for name, label in picture.labels.items():
        for other, box in picture.boxes.items():
            if label.box.meets(box):
                yield f"the label of {name} lies on {other}"
        for flow in picture.graph.flows:
            if any(through(segment, label.box) for segment in segments(picture, flow.id)):
                yield f"the label of {name} lies on the line {flow.id}"
    for (name, one), (other, two) in combinations(picture.labels.items(), 2):
        if one.box.meets(two.box):
            yield f"the label of {name} lies on that of {other}"
