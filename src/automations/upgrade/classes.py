"""What today's code says about an old run: asked only if it has the class, and never an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.module_loading import import_string

from automations.definition import known
from automations.definition.node import Node
from automations.definition.process import ProcessDefinition
from automations.engine.bindings import bindings
from automations.engine.starting import make_unique_key


class Classes:
    """The automations of the project by dotted path, each imported once."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def get(self, path: str) -> Any:
        """Return the class; None if it cannot be imported or is no automation."""
        if path not in self._known:
            self._known[path] = _find(path)
        return self._known[path]


def _find(path: str) -> Any:
    try:
        found = import_string(path)
    except Exception:  # noqa: BLE001 - whatever the module of a project raises
        renamed = known.current(path)
        return renamed.owner if renamed else None
    return found if isinstance(getattr(found, "_meta", None), ProcessDefinition) else None


def node_of(automation: Any, name: str) -> Node | None:
    """Return the node; None if the code has no such class or no such node."""
    if automation is None:
        return None
    node: Node | None = automation._meta.nodes.get(name)
    return node


def next_of(automation: Any, name: str) -> str | None:
    """Return where the node leads if it is skipped; None if that is not known."""
    node = node_of(automation, name)
    return node.default_target if node else None


def unique_key(automation: Any, label: str, data: Any) -> str | None:
    """Return what only one running run of the class may have; None if any number may run."""
    try:
        return make_unique_key(label, data, automation.unique)
    except Exception:  # noqa: BLE001 - no such class, other names in the data, or no list of names
        return None


def bound_keys(automation: Any, data: Any) -> Iterator[tuple[str, str, str]]:
    """Yield what a run with this ``data`` is bound to: attribute, label of the model, key."""
    if automation is None or not isinstance(data, dict):
        return
    for name, (label, key) in bindings(automation._meta, data).items():
        if not isinstance(data[name], bool) and len(key) <= 255:
            yield name, label, key
