"""Where everything is, as BPMN writes it down (diagram interchange)."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from automations.diagrams.expressions import identifier
from automations.diagrams.geometry import Box, Label, Picture


def add_diagram(root: Element, picture: Picture, process: str) -> None:
    """Write the places of all shapes and lines; ``process`` is the id of what is drawn."""
    diagram = SubElement(root, "bpmndi:BPMNDiagram", id=f"{process}-diagram")
    plane = SubElement(diagram, "bpmndi:BPMNPlane", id=f"{process}-plane", bpmnElement=process)
    for name, box in picture.boxes.items():
        found = identifier(name)
        shape = SubElement(plane, "bpmndi:BPMNShape", id=f"{found}-shape", bpmnElement=found)
        if picture.graph.elements[name].kind == "exclusiveGateway":
            shape.set("isMarkerVisible", "true")
        add_bounds(shape, box)
        add_label(shape, picture.labels.get(name))
    for name, points in picture.lines.items():
        found = identifier(name)
        edge = SubElement(plane, "bpmndi:BPMNEdge", id=f"{found}-edge", bpmnElement=found)
        for x, y in points:
            SubElement(edge, "di:waypoint", x=str(x), y=str(y))
        add_label(edge, picture.labels.get(name))


def add_bounds(parent: Element, box: Box) -> None:
    """Write a rectangle."""
    SubElement(
        parent,
        "dc:Bounds",
        x=str(box.x),
        y=str(box.y),
        width=str(box.width),
        height=str(box.height),
    )


def add_label(parent: Element, label: Label | None) -> None:
    """Write where the text is that stands beside a symbol or a line, if there is one."""
    if label:
        add_bounds(SubElement(parent, "bpmndi:BPMNLabel"), label.box)
