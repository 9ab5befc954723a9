"""A process in words: its nodes in the order of declaration, and where each leads."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from automations.definition.process import ProcessDefinition
from automations.definition.wording import readable
from automations.diagrams import wording
from automations.diagrams.painting import Mark, Paint


@dataclass(frozen=True)
class Way:
    """Where one goes on: "no" to "Moderate"."""

    label: str
    target: str


@dataclass(frozen=True)
class Line:
    """One node: what it is called, what it waits for and is for, how it stands, where it leads."""

    name: str
    waits: str
    description: str
    mark: Mark
    ways: tuple[Way, ...]


def outline(definition: ProcessDefinition, paint: Paint) -> list[Line]:
    """Return the process in words."""
    found = []
    for name, node in definition.nodes.items():
        waits = [wording.wait(node)] if node.wait else []
        waits += [wording.conditions(node.conditions)] if node.conditions else []
        waits += [wording.rule(node)] if node.repeats else []
        ways = [
            Way(label_of(flow.label), readable(flow.target))
            for flow in dict.fromkeys(definition.outgoing(name))
        ]
        found.append(
            Line(readable(name), ", ".join(waits), node.description, paint.at(name), tuple(ways))
        )
    return found


def label_of(label: str) -> str:
    """Return the label of a way in words."""
    if label in ("timeout", "skipped"):
        return {"timeout": _("timeout"), "skipped": _("skipped")}[label]
    if label.startswith("error"):
        return f"{_('error')} {label[5:].strip()}".strip()
    return wording.flow_label(label)
