"""
The text of a process for Mermaid, which draws it in READMEs on GitHub, GitLab and elsewhere.

The syntax is that of the flowcharts of https://mermaid.js.org.
"""

from __future__ import annotations

from automations.definition.process import ProcessDefinition
from automations.diagrams.markup import clean

#: What stands around the name of a node, by its BPMN element: tasks are boxes, those of people
#: round ones, gateways diamonds and hexagons, events circles.
SHAPES = {
    "userTask": ("(", ")"),
    "exclusiveGateway": ("{", "}"),
    "parallelGateway": ("{{", "}}"),
    "intermediateCatchEvent": ("((", "))"),
    "endEvent": ("(((", ")))"),
}
BOX = ("[", "]")
#: Characters that mean something to Mermaid or to HTML, as it wants to have them written.
CODES = str.maketrans({character: f"#{ord(character)};" for character in '"#<>&`;|\\\n\r'})


def mermaid(definition: ProcessDefinition) -> str:
    """
    Return the process as a flowchart from left to right, with a line break at the end.

    Nodes have the names that the author wrote, arrows their labels. Where an error or a timeout
    leads, the line is dotted. The same process has the same text.
    """
    names = {name: f"n{number}" for number, name in enumerate(definition.nodes)}
    lines = ["flowchart LR"]
    for name, node in definition.nodes.items():
        left, right = SHAPES.get(node.bpmn, BOX)
        lines.append(f"  {names[name]}{left}{quoted(name)}{right}")
    for number, name in enumerate(definition.entries):
        lines += [f'  start{number}((" "))', f"  start{number} --> {names[name]}"]
    for name, node in definition.nodes.items():
        beside = {*node.boundary_flows(), *node.error_flows()}
        for flow in dict.fromkeys(definition.outgoing(name)):
            line = "-.->" if flow in beside else "-->"
            label = f"|{quoted(flow.label)}|" if flow.label else ""
            lines.append(f"  {names[flow.source]} {line}{label} {names[flow.target]}")
    return "\n".join([*lines, ""])


def quoted(text: str) -> str:
    """Return the text as a string of Mermaid."""
    return f'"{clean(text).translate(CODES)}"'
