"""
What is painted on a picture: how far a run is, where time goes, or the way to a flaw.

Plain values, which know nothing of rows: who paints a run looks at them (`automations.pictured`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from django.utils.translation import gettext_lazy as _

from automations.diagrams.elements import Element, Graph
from automations.diagrams.sizes import TASK_WIDTH, wrapped


class State(StrEnum):
    """How a node stands in a run."""

    DONE = "done"
    HERE = "here"
    WAITING = "waiting"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    NEVER = "never"


#: In words, and as a sign, so that the colour is never all that tells.
WORDS = {
    State.DONE: _("done"),
    State.HERE: _("here now"),
    State.WAITING: _("waiting"),
    State.FAILED: _("failed"),
    State.SKIPPED: _("skipped"),
    State.CANCELLED: _("cancelled"),
    State.NEVER: _("never reached"),
}
TIMES = "\N{MULTIPLICATION SIGN}"
SIGNS = {
    State.DONE: "✓",
    State.HERE: "▶",
    State.WAITING: "…",
    State.FAILED: "!",
    State.SKIPPED: "»",
    State.CANCELLED: TIMES,
}
#: How wide a note inside of a box may be, in pixels of the larger letters, and in how many lines.
NOTE, NOTE_LINES = TASK_WIDTH, 3
#: A node that stands so has been come to and is not waited at any more.
PASSED = frozenset({State.DONE, State.FAILED})


@dataclass(frozen=True)
class Mark:
    """
    What is painted on one node.

    ``note`` stands at it in lines of its own, such as whom it waits for, and ``said`` is what is
    said of it in words, if that is something else. ``count`` is how often
    it was passed; ``heat`` from 1 to 5 how much of the time goes there, 0 for none; ``link`` where
    a click on it leads.
    """

    state: State | None = None
    note: str = ""
    count: int = 0
    heat: int = 0
    link: str = ""
    said: str = ""

    @property
    def words(self) -> str:
        """The mark in words: "done, 3 times"."""
        parts = [str(WORDS[self.state])] if self.state else []
        if self.note:
            parts.append(self.said or ", ".join(self.note.split("\n")))
        if self.count > 1:
            parts.append(_("%d times") % self.count)
        return ", ".join(parts)


NO_MARK = Mark()


@dataclass(frozen=True)
class Paint:
    """
    Everything that is painted: marks by the names of nodes, and the ways that were taken.

    A way is the names of two nodes that were visited one after the other. Where several arrows
    lead from one to the other, ``answers`` may say by which: their labels, untranslated. With
    ``dashed`` the lines of what was never come to are, so that it is told from the rest at once.
    """

    marks: Mapping[str, Mark] = field(default_factory=lambda: MappingProxyType({}))
    taken: frozenset[tuple[str, str]] = frozenset()
    answers: Mapping[tuple[str, str], frozenset[str]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    dashed: bool = False

    def at(self, node: str) -> Mark:
        """Return the mark of a node."""
        return self.marks.get(node, NO_MARK)

    def stands(self, element: Element, graph: Graph) -> State | None:
        """
        Return how an element stands: as its node does, if that can be known.

        What leads to a node was passed when it was come to. Whether an event on its border has
        happened, or work beside it was done, only the way on tells.
        """
        state = self.at(element.node).state
        if element.id == element.node or state in (None, State.NEVER):
            return state
        if element.host or not is_before(element):
            return None
        if element.kind == "startEvent" and len([*starts(graph, element.node)]) > 1:
            return None  # by which of them the run has begun is not known
        if element.id == f"{element.node}.work":
            return state
        if element.kind == "intermediateCatchEvent":
            if state is State.WAITING:  # for a person or a message, which comes after
                return None if merges(element, graph) else State.DONE
            return State.DONE if state in PASSED else state
        return State.DONE


NOTHING = Paint()


def starts(graph: Graph, node: str) -> Iterator[Element]:
    """Yield the start events before a node."""
    return (element for element in graph.of(node) if element.kind == "startEvent")


def merges(element: Element, graph: Graph) -> bool:
    """Return whether the element belongs to a Join, which waits once all branches are there."""
    symbol = graph.elements.get(element.node)
    return symbol is not None and symbol.kind == "parallelGateway"


def is_before(element: Element) -> bool:
    """Return whether one passes the element on the way to the symbol of its node."""
    before = ("start", "signal", "schedule", "merge", "race", "wait", "condition", "join", "work")
    return element.id != element.node and element.id.removeprefix(f"{element.node}.").startswith(
        before
    )


def lines_of(note: str) -> tuple[str, ...]:
    """Return the lines in which a note stands."""
    lines: list[str] = []
    for part in note.split("\n"):
        lines += wrapped(part, NOTE, max(1, NOTE_LINES - len(lines)))
    return tuple(lines[:NOTE_LINES])


def noted(graph: Graph, paint: Paint) -> Graph:
    """Return the graph with the notes, so that the layout leaves room for them."""
    elements = {
        name: replace(element, note=lines_of(note)) if (note := paint.at(name).note) else element
        for name, element in graph.elements.items()
    }
    return Graph(MappingProxyType(elements), graph.flows)
