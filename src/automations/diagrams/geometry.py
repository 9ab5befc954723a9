"""Where things are in a picture: whole numbers, in pixels of an SVG and in units of BPMN alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from automations.diagrams.elements import Graph

Point = tuple[int, int]


@dataclass(frozen=True)
class Box:
    """A rectangle; ``x`` and ``y`` are its upper left corner."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The x of its right side."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The y of its lower side."""
        return self.y + self.height

    @property
    def center(self) -> Point:
        """Its middle."""
        return self.x + self.width // 2, self.y + self.height // 2

    def meets(self, other: Box) -> bool:
        """Return whether the two have more than a border in common."""
        return (
            self.x < other.right
            and other.x < self.right
            and self.y < other.bottom
            and other.y < self.bottom
        )


@dataclass(frozen=True)
class Label:
    """A text in its lines, each centred in ``box`` unless it is to begin at its left side."""

    lines: tuple[str, ...]
    box: Box
    #: "middle", or "start" or "end" for the side of the box that the lines keep to.
    anchor: str = "middle"


@dataclass(frozen=True)
class Picture:
    """
    A graph with its places.

    ``boxes`` are those of the symbols, by element. ``lines`` are the points of the flows, from
    the border of one symbol to that of another, each part level or upright. ``labels`` are the
    texts of elements that stand beside their symbol, and those of flows, by their ids; ``texts``
    those that stand inside of their symbol. Nothing is left of 0 or above it.
    """

    graph: Graph
    boxes: Mapping[str, Box]
    lines: Mapping[str, tuple[Point, ...]]
    labels: Mapping[str, Label]
    texts: Mapping[str, Label]
    width: int
    height: int
    #: From which height to which each lane reaches, from the top.
    lanes: tuple[tuple[int, int], ...] = ()
