"""What a node waits for before its work, and what ends its waiting, as events."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

from django.utils.translation import gettext as _

from automations.definition.node import Node
from automations.diagrams import wording
from automations.diagrams.elements import Element


def waits_of(node: Node) -> Iterator[Element]:
    """Yield the events that the process waits for before the work of a node."""
    kind = "intermediateCatchEvent"
    if node.wait:
        yield Element(f"{node.name}.wait", kind, wording.wait(node), node.name, "timer", node.wait)
    if node.conditions:
        text = wording.conditions(node.conditions)
        yield Element(
            f"{node.name}.condition", kind, text, node.name, "conditional", node.conditions
        )


def exits_of(node: Node, nodes: Container[str]) -> Iterator[tuple[Element, str]]:
    """Yield what ends the waiting of a node, each with that of the ``nodes`` to go on at."""
    if not node.skippable:
        return
    onward = node.default_target or ""
    given: list[tuple[str, str, Any, str, str]] = []
    if node.timeout:
        delay = node.timeout.delay
        text = wording.value(delay) or _("timeout")
        given.append(("timeout", "timer", delay, text, node.timeout.target))
    if node.skip_after is not None:
        text = wording.value(node.skip_after) or _("a time")
        given.append(("skip", "timer", node.skip_after, text, onward))
    if node.skip_conditions:
        text = wording.conditions(node.skip_conditions)
        given.append(("skip-if", "conditional", node.skip_conditions, text, onward))
    for key, event, detail, text, target in given:
        if target in nodes:
            kind = "intermediateCatchEvent"
            yield Element(f"{node.name}.{key}", kind, text, node.name, event, detail), target
