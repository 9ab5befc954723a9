"""
A process as BPMN 2.0, for bpmn.io and other tools and engines.

The elements are those of the picture, at the same places. What BPMN has no words for is kept in
extension elements, so that nothing is lost.
"""

from __future__ import annotations

import inspect
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from automations import __version__
from automations.definition.node import Node
from automations.definition.process import ProcessDefinition
from automations.definition.wording import readable
from automations.diagrams import elements, extensions
from automations.diagrams.events import add_definition
from automations.diagrams.expressions import LANGUAGE, comparison, expression, identifier
from automations.diagrams.interchange import add_diagram, add_lanes
from automations.diagrams.lanes import lanes_of
from automations.diagrams.layout import lay_out
from automations.diagrams.markup import clean
from automations.diagrams.roots import Roots
from automations.diagrams.translation import graph_of

NAMESPACES = {
    "bpmn": "http://www.omg.org/spec/BPMN/20100524/MODEL",
    "bpmndi": "http://www.omg.org/spec/BPMN/20100524/DI",
    "dc": "http://www.omg.org/spec/DD/20100524/DC",
    "di": "http://www.omg.org/spec/DD/20100524/DI",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
    extensions.PREFIX: extensions.NAMESPACE,
}


def bpmn(definition: ProcessDefinition) -> str:
    """
    Return the process as a document of BPMN 2.0, with its texts in the active language.

    The same process has the same text.
    """
    return Document(definition).text()


class Document:
    """The document in the making."""

    def __init__(self, definition: ProcessDefinition) -> None:
        self.definition = definition
        self.graph = graph_of(definition)
        self.process_id = identifier(definition.label)
        while self.process_id in self.graph.elements:
            self.process_id += "-process"
        self.root = Element(
            "bpmn:definitions",
            {f"xmlns:{prefix}": address for prefix, address in NAMESPACES.items()}
            | {
                "id": f"{self.process_id}-definitions",
                "targetNamespace": extensions.NAMESPACE,
                "expressionLanguage": LANGUAGE,
                "exporter": "Django Automations",
                "exporterVersion": __version__,
            },
        )
        self.roots = Roots(self.root)
        #: Who does what, by the name of the lane.
        self.lanes = lanes_of(definition, self.graph)

    def text(self) -> str:
        """Write everything."""
        process = Element("bpmn:process", id=self.process_id)
        process.set("name", clean(self.definition.owner.__name__))
        process.set("isExecutable", "true")
        about = vars(self.definition.owner).get("__doc__")
        self.explain(process, inspect.cleandoc(about) if about else "")
        extensions.add_process(SubElement(process, "bpmn:extensionElements"), self.definition)
        self.lane_set(process)
        for element in self.graph.elements.values():
            self.element(process, element)
        for flow in self.graph.flows:
            self.flow(process, flow)
        # What events refer to stands before the process.
        self.root.append(process)
        add_diagram(self.root, lay_out(self.graph), self.process_id)
        if self.lanes:
            bands = enumerate(self.lanes.values())
            band = {element.id: lane for lane, members in bands for element in members}
            ids = [lane_id(members) for members in self.lanes.values()]
            add_lanes(self.root, lay_out(self.graph, band), self.process_id, ids)
        indent(self.root)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(self.root, "unicode")}\n'

    def explain(self, parent: Element, text: str) -> None:
        """Write what something is for."""
        if text:
            SubElement(parent, "bpmn:documentation").text = clean(text)

    def lane_set(self, process: Element) -> None:
        """Write who does what."""
        if not self.lanes:
            return
        lane_set = SubElement(process, "bpmn:laneSet", id=f"{self.process_id}-lanes")
        for name, members in self.lanes.items():
            lane = SubElement(lane_set, "bpmn:lane", id=lane_id(members))
            lane.set("name", clean(name))
            for member in members:
                SubElement(lane, "bpmn:flowNodeRef").text = identifier(member.id)

    def element(self, process: Element, element: elements.Element) -> None:
        """Write one event, gateway or activity."""
        node = self.definition.nodes[element.node]
        found = SubElement(process, f"bpmn:{element.kind}", id=identifier(element.id))
        if element.name:
            found.set("name", clean(element.name))
        if element.id == element.node:
            self.explain(found, str(node.description))
            extensions.add_node(SubElement(found, "bpmn:extensionElements"), node)
        else:
            found.set(f"{extensions.PREFIX}:node", clean(node.name))
        if element.host:
            found.set("attachedToRef", identifier(element.host))
            found.set("cancelActivity", str(element.interrupting).lower())
        ways_in, ways_out = self.graph.incoming[element.id], self.graph.outgoing[element.id]
        for word, ways in (("incoming", ways_in), ("outgoing", ways_out)):
            for way in ways:
                SubElement(found, f"bpmn:{word}").text = identifier(way.id)
        if element.is_gateway and max(len(ways_in), len(ways_out)) > 1:
            found.set("gatewayDirection", "Converging" if len(ways_in) > 1 else "Diverging")
        for way in ways_out:
            if way.default:
                found.set("default", identifier(way.id))
        if element.event:
            add_definition(found, element, node, self.roots)
        elif element.kind == "scriptTask":
            self.script(found, element, node)
        elif element.kind in ("sendTask", "receiveTask"):
            message = node.sends if element.kind == "sendTask" else node.message
            if message:
                found.set("messageRef", self.roots.message(element.id, str(message)))
        elif element.kind == "userTask":
            self.performers(found, node)

    def script(self, task: Element, element: elements.Element, node: Node) -> None:
        """Write what is called."""
        work = element.detail
        if work is None:
            work = node.calls if element.id == node.name else node.asked
        task.set("scriptFormat", "python")
        script = element.id if work is None else expression(work, element.id)
        SubElement(task, "bpmn:script").text = clean(script.replace(".", "_"))

    def performers(self, task: Element, node: Node) -> None:
        """Write whom a form asks."""
        for number, (kind, name) in enumerate(node.performers(), 1):
            owner = SubElement(task, "bpmn:potentialOwner")
            owner.set("id", f"{identifier(node.name)}-owner-{number}")
            owner.set("name", clean(name) or kind)
            assigned = SubElement(owner, "bpmn:resourceAssignmentExpression")
            SubElement(assigned, "bpmn:formalExpression").text = clean(f"{kind}({name})")

    def flow(self, process: Element, flow: elements.Flow) -> None:
        """Write one arrow."""
        found = SubElement(
            process,
            "bpmn:sequenceFlow",
            id=identifier(flow.id),
            sourceRef=identifier(flow.source),
            targetRef=identifier(flow.target),
        )
        source = self.graph.elements[flow.source]
        ways = self.graph.outgoing[flow.source]
        label = flow.label
        if source.kind != "exclusiveGateway" or (len(ways) == 1 and flow.condition is None):
            return
        if label or len(ways) > 1:
            found.set("name", clean(label or readable(flow.target)))
        if not flow.default:
            condition = comparison(self.definition.nodes[source.node], flow.condition, label)
            expressed = SubElement(found, "bpmn:conditionExpression")
            expressed.set("xsi:type", "bpmn:tFormalExpression")
            expressed.text = clean(condition)


def lane_id(members: list[elements.Element]) -> str:
    """Return the id of a lane: that of the first element in it, and what it is."""
    return f"{identifier(members[0].id)}-lane"
