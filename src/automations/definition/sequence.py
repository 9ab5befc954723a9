"""The arrows between nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class SequenceFlow:
    """
    An arrow from the node ``source`` to the node ``target``, perhaps with a label.

    ``condition`` is what decides that this way is taken, as the author gave it: of several ways
    out of a node one may have none, which is taken if no other is. ``work`` is what is called on
    the way. ``errors`` are the classes of errors that take it.
    """

    source: str
    target: str
    label: str = ""
    condition: Any = field(default=None, compare=False)
    work: Any = field(default=None, compare=False)
    errors: tuple[Any, ...] = field(default=(), compare=False)

    def __repr__(self) -> str:
        label = f" ({self.label})" if self.label else ""
        return f"<SequenceFlow {self.source} -> {self.target}{label}>"
