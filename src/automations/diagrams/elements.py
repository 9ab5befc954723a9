"""
What a picture of a process is made of: the elements of BPMN 2.0 and the flows between them.

A node of an automation may need several: a timer to wait at, a gateway where ways meet, the
activity itself, and events on its border.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Element:
    """
    One symbol.

    ``id`` is made from the names of attributes and stays the same as long as they do. ``kind`` is
    the name of the BPMN element, ``node`` that of the node it belongs to. ``event`` says what an
    event is about: timer, conditional, message, signal, error or terminate; ``detail`` what the
    author gave for it. ``host`` is the activity on whose border it sits. ``note`` is what is
    painted at it, in its lines, for which it gets room.
    """

    id: str
    kind: str
    name: str = ""
    node: str = ""
    event: str = ""
    detail: Any = None
    host: str = ""
    interrupting: bool = True
    note: tuple[str, ...] = ()

    @property
    def is_event(self) -> bool:
        """Whether it is a circle."""
        return self.kind.endswith("Event")

    @property
    def is_gateway(self) -> bool:
        """Whether it is a diamond."""
        return self.kind.endswith("Gateway")

    @property
    def is_merge(self) -> bool:
        """Whether ways only meet here."""
        return self.kind == "exclusiveGateway" and not self.name and self.id != self.node


@dataclass(frozen=True)
class Flow:
    """
    One arrow between two elements.

    ``condition`` is what the author gave for this way out of a deciding gateway; ``default`` says
    that it is taken when no other is.
    """

    id: str
    source: str
    target: str
    label: str = ""
    condition: Any = None
    default: bool = False


@dataclass(frozen=True)
class Graph:
    """All elements by their id, and all flows, in the order of declaration."""

    elements: Mapping[str, Element]
    flows: tuple[Flow, ...]

    @cached_property
    def flow(self) -> Mapping[str, Flow]:
        """All flows by their id."""
        return {flow.id: flow for flow in self.flows}

    @cached_property
    def outgoing(self) -> Mapping[str, tuple[Flow, ...]]:
        """The flows out of each element."""
        return self._by("source")

    @cached_property
    def incoming(self) -> Mapping[str, tuple[Flow, ...]]:
        """The flows into each element."""
        return self._by("target")

    @cached_property
    def boundary(self) -> Mapping[str, tuple[Element, ...]]:
        """The events on the border of each element."""
        found: dict[str, list[Element]] = {name: [] for name in self.elements}
        for element in self.elements.values():
            if element.host:
                found[element.host].append(element)
        return {name: tuple(each) for name, each in found.items()}

    def of(self, node: str) -> Iterator[Element]:
        """Yield the elements that belong to the node."""
        return (element for element in self.elements.values() if element.node == node)

    def _by(self, end: str) -> Mapping[str, tuple[Flow, ...]]:
        found: dict[str, list[Flow]] = {name: [] for name in self.elements}
        for flow in self.flows:
            found[getattr(flow, end)].append(flow)
        return {name: tuple(flows) for name, flows in found.items()}
