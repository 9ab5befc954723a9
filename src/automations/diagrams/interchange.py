"""
Where everything is, as BPMN writes it down (diagram interchange).

A document has one diagram, with everything at the place that it has in our own picture. If people
are asked, it has a second one, in which each of them has a lane.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from automations.diagrams.expressions import identifier
from automations.diagrams.geometry import Box, Label, Picture

#: How much of a lane its name takes, at its left side.
NAME = 30
#: How much wider than its text the place of a label is at either side: the letters of other tools
#: may be wider than ours, and a word too wide for its place would be broken.
ROOM = 6


def add_diagram(root: Element, picture: Picture, process: str) -> None:
    """Write the places of all shapes and lines; ``process`` is the id of what is drawn."""
    add_places(add_plane(root, process, process), picture, "")


def add_lanes(root: Element, picture: Picture, process: str, lanes: list[str]) -> None:
    """Write the places of everything in its lane; ``lanes`` are the ids of those from the top."""
    plane = add_plane(root, process, f"{process}-lanes")
    for lane, (top, bottom) in zip(lanes, picture.lanes, strict=True):
        shape = SubElement(plane, "bpmndi:BPMNShape", id=f"{lane}-shape", bpmnElement=lane)
        shape.set("isHorizontal", "true")
        add_bounds(shape, Box(0, top, picture.width + NAME, bottom - top))
    add_places(plane, picture, "-in-lane", NAME)


def add_plane(root: Element, process: str, name: str) -> Element:
    """Add a diagram with nothing in it."""
    diagram = SubElement(root, "bpmndi:BPMNDiagram", id=f"{name}-diagram")
    return SubElement(diagram, "bpmndi:BPMNPlane", id=f"{name}-plane", bpmnElement=process)


def add_places(plane: Element, picture: Picture, ending: str, right: int = 0) -> None:
    """Write the places of shapes and lines, so much farther to the right."""
    for name, box in picture.boxes.items():
        found = identifier(name)
        shape = SubElement(plane, "bpmndi:BPMNShape", id=f"{found}-shape{ending}")
        shape.set("bpmnElement", found)
        if picture.graph.elements[name].kind == "exclusiveGateway":
            shape.set("isMarkerVisible", "true")
        add_bounds(shape, box, right)
        add_label(shape, picture.labels.get(name), right)
    for name, points in picture.lines.items():
        found = identifier(name)
        edge = SubElement(plane, "bpmndi:BPMNEdge", id=f"{found}-edge{ending}")
        edge.set("bpmnElement", found)
        for x, y in points:
            SubElement(edge, "di:waypoint", x=str(x + right), y=str(y))
        add_label(edge, picture.labels.get(name), right)


def add_bounds(parent: Element, box: Box, right: int = 0) -> None:
    """Write a rectangle."""
    bounds = SubElement(parent, "dc:Bounds", x=str(box.x + right), y=str(box.y))
    bounds.set("width", str(box.width))
    bounds.set("height", str(box.height))


def add_label(parent: Element, label: Label | None, right: int = 0) -> None:
    """Write where the text is that stands beside a symbol or a line, if there is one."""
    if label:
        box = label.box
        wider = Box(box.x - ROOM, box.y, box.width + 2 * ROOM, box.height)
        add_bounds(SubElement(parent, "bpmndi:BPMNLabel"), wider, right)
