"""A process in words: its nodes in the order of declaration, what each is, and where it leads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from automations.definition.node import Node
from automations.definition.process import ProcessDefinition
from automations.definition.wording import readable
from automations.diagrams import wording
from automations.diagrams.elements import Element, Graph
from automations.diagrams.lanes import asked_by
from automations.diagrams.painting import Mark, Paint, is_before, starts
from automations.diagrams.translation import graph_of
from automations.diagrams.ways import Ways

#: The part of an element's id that says how the waiting of its node ends early.
EXIT = re.compile(r"\.(timeout|skip-if|skip|error|remind)\d*$")


@dataclass(frozen=True)
class Way:
    """Where one goes on: "no" to "Moderate"; what is done on the way; whether it was taken."""

    label: str
    target: str
    work: str = ""
    taken: bool = False


@dataclass(frozen=True)
class Line:
    """One node: what it is called, what there is to know of it, how it stands, where it leads."""

    name: str
    facts: tuple[str, ...]
    description: str
    mark: Mark
    ways: tuple[Way, ...]


def outline(definition: ProcessDefinition, paint: Paint) -> list[Line]:
    """Return the process in words."""
    graph = graph_of(definition)
    ways = Ways(graph, paint)
    return [
        Line(
            readable(name),
            tuple(facts(node, graph)),
            node.description,
            paint.at(name),
            tuple(dict.fromkeys([*onward(definition, node, ways), *exits(node, ways)])),
        )
        for name, node in definition.nodes.items()
    ]


def facts(node: Node, graph: Graph) -> Iterator[str]:
    """Yield what there is to know of a node beside its name: all that its symbols say."""
    begins = list(starts(graph, node.name))
    if len(begins) == 1 and not begins[0].event:
        yield _("begins here")
    elif begins:
        yield _("begins here: %s") % ", ".join(element.name for element in begins)
    if node.wait:
        yield _("waits for: %s") % wording.wait(node)
    if node.conditions:
        yield _("waits for: %s") % wording.conditions(node.conditions)
    if node.repeats:
        yield _("waits for: %s") % wording.rule(node)
    if node.asks:
        yield _("a form for: %s") % asked_by(node)
    symbol = graph.elements[node.name]
    if symbol.kind == "exclusiveGateway":
        yield _("asks: %s") % wording.question(node)
    kinds = {
        "sendTask": _("sends a message"),
        "receiveTask": _("waits for a message"),
        "parallelGateway": _("waits for all branches") if node.merges else _("all ways at once"),
    }
    if symbol.kind in kinds:
        yield kinds[symbol.kind]
    if symbol.event == "terminate":
        yield _("ends all branches")


def onward(definition: ProcessDefinition, node: Node, ways: Ways) -> Iterator[Way]:
    """Yield where a node leads when it is done."""
    for flow in definition.outgoing(node.name):
        early = flow.errors or flow.label in ("timeout", "skipped")
        if not (early or flow.label.startswith("error")):
            label = wording.flow_label(flow.label)
            arrows = ways.between[node.name, flow.target]
            by = [each for each in arrows if ways.label(each) in ("", label)]
            taken = any(ways.is_taken(each) and not ways.ends_early(each) for each in by)
            work = wording.value(flow.work) if flow.work is not None else ""
            yield Way(label, readable(flow.target), work, taken)


def exits(node: Node, ways: Ways) -> Iterator[Way]:
    """Yield what ends the waiting of a node early, or happens beside it, with where it leads."""
    for element in ways.graph.of(node.name):
        if found := EXIT.search(element.id):
            target = after(element, ways.graph)
            beside = target.id != node.name and target.node == node.name
            onto = target.name if beside and not is_before(target) else readable(target.node)
            (arrow,) = ways.graph.outgoing[element.id]
            yield Way(called(found[1], element.name), onto, taken=ways.is_taken(arrow))


def called(kind: str, name: str) -> str:
    """Return in words when something on the border of a node happens."""
    if kind == "error":
        return _("on error: %s") % name if name != _("error") else name
    if kind == "remind":
        return _("reminder after %s") % name
    return (_("if %s") if kind == "skip-if" else _("after %s")) % name


def after(element: Element, graph: Graph) -> Element:
    """Return what an event leads to: the first symbol in which something is done."""
    (way,) = graph.outgoing[element.id]
    target = graph.elements[way.target]
    return after(target, graph) if target.is_merge else target
