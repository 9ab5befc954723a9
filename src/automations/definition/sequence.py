"""The arrows between nodes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SequenceFlow:
    """An arrow from the node ``source`` to the node ``target``, perhaps with a label."""

    source: str
    target: str
    label: str = ""
