"""
Where everything is in the picture of a process.

From left to right along the longest way through it, on one line; other branches above and below,
what an error or a timeout takes below, loops in lanes of their own below what they go round. Lines
are level or upright. The same graph has the same picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from automations.diagrams.corners import Corners
from automations.diagrams.elements import Element, Graph
from automations.diagrams.geometry import Box, Label, Picture
from automations.diagrams.layers import Layers, layers_of
from automations.diagrams.ordering import put_in_order
from automations.diagrams.placing import BETWEEN_LANES, place
from automations.diagrams.reach import APART, ASIDE, border_x, box_of, exit_of, measure, text_of
from automations.diagrams.routing import BORDER, Routes, label_of
from automations.diagrams.sizes import (
    COVERED,
    EVENT,
    FLOW_WIDEST,
    INSIDE,
    LINE,
    MOST_LINES,
    is_task,
    width_of,
    wrapped,
)

NO_LANES: Mapping[str, int] = MappingProxyType({})


def lay_out(graph: Graph, lanes: Mapping[str, int] = NO_LANES) -> Picture:
    """
    Return the graph with a place for everything.

    ``lanes`` says in which band from the top each element is to stand.
    """
    layers = layers_of(graph, lanes)
    measure(layers)
    put_in_order(layers)
    place(layers)
    for column in layers.columns:
        for item in column:
            item.y += BORDER
    corners = Corners(layers)
    corners.choose()
    routes = Routes(layers, corners)
    routes.plan()
    boxes: dict[str, Box] = {}
    labels: dict[str, Label] = {}
    texts: dict[str, Label] = {}
    for name, item in layers.items.items():
        element = graph.elements[name]
        box = boxes[name] = box_of(graph, name, routes.middle[item.rank], item.y)
        if is_task(element):
            free = box.height - (COVERED if graph.boundary[name] else 0)
            inside = Box(box.x, box.y, box.width, free)
            texts[element.id] = Label(wrapped(element.name, INSIDE, MOST_LINES), inside)
        elif words := text_of(element):
            labels[element.id] = beside(element, words, box, aside=corners.used(item, -1))
        for border in graph.boundary[element.id]:
            x = box.x + border_x(graph, border)
            boxes[border.id] = Box(x - EVENT // 2, box.bottom - EVENT // 2, EVENT, EVENT)
            if said := wrapped(border.name, FLOW_WIDEST, 1):
                level = item.y + exit_of(graph, border.id)
                labels[border.id] = in_line(said[0], x + APART, level)
    for flow in graph.flows:
        if text := label_of(flow):
            x = routes.channels[routes.label_rank(flow)].label_x
            labels[flow.id] = in_line(text, x + APART, routes.label_level(flow))
    bottom = max((item.y + item.down for column in layers.columns for item in column), default=0)
    order = [name for name in graph.elements if name in boxes]
    return Picture(
        graph,
        MappingProxyType({name: boxes[name] for name in order}),
        MappingProxyType({flow.id: routes.line(flow) for flow in graph.flows}),
        MappingProxyType(labels),
        MappingProxyType(texts),
        routes.width,
        bottom + BORDER,
        tuple(bands(layers)) if lanes else (),
    )


def bands(layers: Layers) -> Iterator[tuple[int, int]]:
    """Yield from which height to which each lane reaches."""
    items = [item for column in layers.columns for item in column]
    for lane in sorted({item.lane for item in items}):
        members = [item for item in items if item.lane == lane]
        top = min(item.y - item.up for item in members)
        bottom = max(item.y + item.down for item in members)
        yield top - BETWEEN_LANES // 2, bottom + BETWEEN_LANES // 2


def in_line(text: str, x: int, level: int) -> Label:
    """Return a text above a line."""
    return Label((text,), Box(x, level - LINE - 2, width_of(text), LINE), "start")


def beside(element: Element, lines: tuple[str, ...], box: Box, *, aside: bool) -> Label:
    """Return the text of a symbol: of an event below it, of a gateway above it."""
    width, height = max(map(width_of, lines)), len(lines) * LINE
    x, _ = box.center
    if element.is_event:
        return Label(lines, Box(x - width // 2, box.bottom + APART, width, height))
    y = box.y - APART - height
    if aside:
        return Label(lines, Box(x - ASIDE - width, y, width, height), "end")
    return Label(lines, Box(x - width // 2, y, width, height))
