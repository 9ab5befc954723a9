"""What an event of BPMN is about."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from automations.definition.node import Node
from automations.diagrams import elements
from automations.diagrams.expressions import conditions, identifier, timer
from automations.diagrams.extensions import path
from automations.diagrams.markup import clean
from automations.diagrams.roots import Roots


def add_definition(parent: Element, event: elements.Element, node: Node, roots: Roots) -> None:
    """Write what the event waits for, catches or does."""
    found = SubElement(
        parent, f"bpmn:{event.event}EventDefinition", id=f"{identifier(event.id)}-event"
    )
    if event.event == "timer":
        word, text = timer(event.detail, f"{event.id}")
        add_expression(found, word, text)
    elif event.event == "conditional":
        # All that is waited for has to hold; of what skips a step one is enough.
        word = "or" if event.detail is node.skip_conditions else "and"
        add_expression(found, "condition", conditions(event.detail, word, event.id))
    elif event.event == "error":
        classes = [each for each in event.detail if each is not Exception]
        if classes:  # without an error it catches all
            names = ", ".join(getattr(each, "__name__", repr(each)) for each in classes)
            codes = ", ".join(path(each) if isinstance(each, type) else "" for each in classes)
            found.set("errorRef", roots.error(event.id, names, codes))
    elif event.event == "signal":
        name = f"{event.detail._meta.label} saved" if event.detail else f"{event.node} signal"
        found.set("signalRef", roots.signal(event.id, name))


def add_expression(parent: Element, word: str, text: str) -> None:
    """Write something that an engine is to find out."""
    found = SubElement(parent, f"bpmn:{word}")
    found.set("xsi:type", "bpmn:tFormalExpression")
    found.text = clean(text)
