"""How far each symbol reaches with all that belongs to it: texts, events on its border, exits."""

from __future__ import annotations

from automations.diagrams.elements import Element, Graph
from automations.diagrams.geometry import Box
from automations.diagrams.layers import Item, Layers
from automations.diagrams.sizes import (
    BOUNDARY,
    EVENT,
    FLOW_WIDEST,
    LINE,
    MOST_LINES,
    WIDEST,
    size_of,
    width_of,
    wrapped,
)

#: How far below its event on the border the first exit is, and each further one below that.
FIRST_EXIT, EXIT = EVENT // 2 + LINE + 4, LINE + 6
#: How far texts are from their symbol.
APART = 4
#: And where a line leaves above it, with the mark of the default.
ASIDE = 9


def measure(layers: Layers) -> None:
    """Set the reach of every item, and where the exits of borders leave."""
    graph = layers.graph
    for name, item in layers.items.items():
        reach_of(item, graph.elements[name], graph)
    for link in layers.links:
        flow = link.flow
        if graph.elements[flow.source].host and link.a.element:
            link.port = exit_of(graph, flow.source)
        if flow.label and is_labelled(layers, link.a, link.b):
            link.b.up = max(link.b.up, LINE + APART + 2)
    for flow_id in layers.back:
        flow = graph.flow[flow_id]
        if flow.label:
            layers.paths[flow_id][1].up = LINE + APART + 2


def is_labelled(layers: Layers, a: Item, b: Item) -> bool:
    """Return whether the label of a flow stands between these two."""
    return a.element is not None and not b.turn


def reach_of(item: Item, element: Element, graph: Graph) -> None:
    """Set how far the symbol and its texts reach."""
    borders = graph.boundary[element.id]
    width, height = size_of(element, len(borders))
    item.up = item.down = height // 2
    item.left = item.right = width // 2
    lines = text_of(element)
    if element.is_gateway and lines:
        item.up += APART + len(lines) * LINE
    elif element.is_event and lines:
        item.down += APART + len(lines) * LINE
    if lines:
        half = -(-max(map(width_of, lines)) // 2)
        item.left, item.right = max(item.left, half), max(item.right, half)
    if borders:
        item.down += FIRST_EXIT + (len(borders) - 1) * EXIT + 4
    for border in borders:
        text = wrapped(border.name, FLOW_WIDEST, 1)
        middle = border_x(graph, border) - size_of(element, len(borders))[0] // 2
        item.right = max(item.right, middle + APART + max(map(width_of, text), default=0) + 4)


def text_of(element: Element) -> tuple[str, ...]:
    """Return the lines that stand beside the symbol; none if the text stands inside of it."""
    if element.is_gateway or (element.is_event and not element.host):
        return (*wrapped(element.name, WIDEST, MOST_LINES), *element.note)
    return ()


def border_place(graph: Graph, border: Element) -> int:
    """Return the how manieth an event on a border is, from the right."""
    return len(graph.boundary[border.host]) - 1 - graph.boundary[border.host].index(border)


def border_x(graph: Graph, border: Element) -> int:
    """Return how far right of the left side of its host the middle of an event is."""
    borders = graph.boundary[border.host]
    width, _ = size_of(graph.elements[border.host], len(borders))
    return width - 6 - BOUNDARY // 2 - border_place(graph, border) * BOUNDARY


def exit_of(graph: Graph, name: str) -> int:
    """Return how far below the middle of its host the exit of an event on the border is."""
    border = graph.elements[name]
    _, height = size_of(graph.elements[border.host], len(graph.boundary[border.host]))
    return height // 2 + FIRST_EXIT + border_place(graph, border) * EXIT


def box_of(graph: Graph, name: str, x: int, y: int) -> Box:
    """Return the place of the symbol whose middle is at ``x`` and ``y``."""
    width, height = size_of(graph.elements[name], len(graph.boundary[name]))
    return Box(x - width // 2, y - height // 2, width, height)
