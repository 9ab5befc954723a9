"""What today's code says about an old run: asked only if it has the class, and never an error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.module_loading import import_string

from automations.definition.node import Node
from automations.definition.process import ProcessDefinition
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
        return None
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


def bound_keys(models: Mapping[str, Any], data: Any) -> Iterator[tuple[str, str, str]]:
    """
    Yield what a run with this ``data`` is bound to: attribute, label of the model, primary key.

    ``models`` are those that the class declares, by attribute. The label is in lower case, the
    key is text: as they are kept in `AutomationObjectModel`.
    """
    for name, model in models.items():
        key = data.get(name) if isinstance(data, dict) else None
        if isinstance(key, int | str) and not isinstance(key, bool) and len(str(key)) <= 255:
            yield name, model._meta.label_lower, str(key)
