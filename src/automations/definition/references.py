"""Forward references: ``this.name`` stands for an attribute that is declared further down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reference:
    """The attribute ``name`` of the automation, looked up when the process runs."""

    name: str

    def __repr__(self) -> str:
        return f"this.{self.name}"


class This:
    """
    Stands for the automation while its class is being declared.

    ``this.publish`` is the same as the text ``"self.publish"``: as work to call it is the method
    of that name, as a place to go it is the node.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Reference(name)

    def __repr__(self) -> str:
        return "this"


this = This()


def as_reference(value: Any) -> Any:
    """Return ``value`` with the text ``"self.x"`` turned into the reference it stands for."""
    if isinstance(value, str) and value.startswith("self.") and value[5:].isidentifier():
        return Reference(value[5:])
    return value


def as_work(work: Any) -> Any:
    """Return ``work``, with the plain name of a method turned into a reference."""
    return (
        as_reference(f"self.{work}")
        if isinstance(work, str) and "." not in work
        else (as_reference(work))
    )


def target_name(node: Any) -> str | None:
    """
    Return the name of the node that ``node`` points to, or None if it is no pointer at all.

    ``this.name``, ``"self.name"`` and ``"name"`` all point to the node called ``name``.
    """
    node = as_reference(node)
    if isinstance(node, Reference):
        return node.name
    if isinstance(node, str) and node.isidentifier():
        return node
    return None
