"""Who does what: a lane for each group, user or permission that forms ask, and one for the rest."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _

from automations.definition.node import Node
from automations.definition.process import ProcessDefinition
from automations.diagrams.elements import Element, Graph


def lanes_of(definition: ProcessDefinition, graph: Graph) -> Mapping[str, list[Element]]:
    """
    Return the elements in each lane, by its name, in the order of declaration; none without forms.

    A form stands in the lane of those whom it asks, with the events on its border.
    """
    if not any(node.asks for node in definition.nodes.values()):
        return {}
    automatic = _("Automatic")
    found: dict[str, list[Element]] = {}
    for element in graph.elements.values():
        node = definition.nodes[element.node]
        asks = node.asks and node.name in (element.id, element.host)
        found.setdefault(asked_by(node) if asks else automatic, []).append(element)
    return found


def asked_by(node: Node) -> str:
    """Return whom a form asks: its groups and users, else those who have a permission."""
    performers = list(node.performers())
    names = [name for kind, name in performers if kind != "permission"]
    return ", ".join(filter(None, names or [name for _kind, name in performers])) or _("Somebody")
