"""How what an author wrote reads to people: names of nodes, methods and classes as words."""

from __future__ import annotations

from typing import Any

from automations.definition.references import Reference

__all__ = ["called", "readable"]


def readable(name: str) -> str:
    """Return the name of a node as words."""
    return name.replace("_", " ").strip().capitalize() or name


def called(value: Any) -> str:
    """Return how ``value`` is called: the name of what it refers to; "" if it has none."""
    if isinstance(value, Reference):
        return value.name
    if callable(value):
        name = getattr(value, "__name__", type(value).__name__)
        return "" if name == "<lambda>" else str(name)
    return "" if value is None else str(value)
