"""Which paths of the processes the tests of a project have taken."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.apps import apps

from automations import registry
from automations.definition.process import ProcessDefinition
from automations.diagrams.painting import Mark, Paint, State
from automations.diagrams.svg import name_of, svg

#: A module of tests, or below one: its processes are there to test something else.
TESTS = re.compile(r"(^|\.)(tests?|conftest|test_\w*|\w*_tests?)(\.|$)")
#: How much of what is missing is named in one line.
NAMED = 12


@dataclass(frozen=True)
class Covered:
    """How many nodes and arrows of a process there are, how many were taken, which were not."""

    label: str
    there: int
    taken: int
    missing: list[str] = field(default_factory=list)
    definition: ProcessDefinition | None = None

    @property
    def percent(self) -> float:
        """How much was taken; all of it, where there is nothing."""
        return 100 * self.taken / self.there if self.there else 100.0


def covered(
    nodes: Collection[tuple[str, str]], flows: Collection[tuple[str, str, str]]
) -> list[Covered]:
    """
    Return what was taken of each process of the installed apps, those of test modules left out.

    ``nodes`` were done (label of the process, name), ``flows`` taken (label, source, target).
    """
    return [
        coverage_of(automation._meta, nodes, flows)
        for automation in registry.automations()
        if apps.get_containing_app_config(automation.__module__)
        and not TESTS.search(automation.__module__)
    ]


def coverage_of(
    definition: ProcessDefinition,
    nodes: Collection[tuple[str, str]],
    flows: Collection[tuple[str, str, str]],
) -> Covered:
    """Return what was taken of one process; several arrows from node to node count as one."""
    arrows = dict.fromkeys(
        (flow.source, flow.target) for flow in definition.flows if flow.target in definition.nodes
    )
    labels = definition.labels
    missing = [
        name for name in definition.nodes if not any((label, name) in nodes for label in labels)
    ]
    missing += [
        f"{source} -> {target}"
        for source, target in arrows
        if not any((label, source, target) in flows for label in labels)
    ]
    there = len(definition.nodes) + len(arrows)
    return Covered(definition.label, there, there - len(missing), missing, definition)


def total(found: Iterable[Covered]) -> Covered:
    """Return what was taken of all of them together."""
    each = list(found)
    return Covered("TOTAL", sum(one.there for one in each), sum(one.taken for one in each))


def report(found: list[Covered]) -> Iterator[str]:
    """Yield the lines of the report: a process each, and the whole."""
    width = max([len(one.label) for one in found], default=0)
    for one in [*found, total(found)]:
        named = one.missing[:NAMED] + ["..."] * (len(one.missing) > NAMED)
        missing = f"   missing: {', '.join(named)}" if named else ""
        count = f"{one.taken} of {one.there}"
        yield f"{one.label:{width}}  {count:>12}  {one.percent:4.0f} %{missing}"


def draw(found: Iterable[Covered], directory: Path) -> int:
    """
    Write a picture of each process into the directory, as SVG; return how many there are.

    What was taken is painted as in the picture of a run, what was not is dashed; in words it is
    said as well.
    """
    directory.mkdir(parents=True, exist_ok=True)
    drawn = [one for one in found if one.definition is not None]
    for one in drawn:
        (directory / f"{one.label}.svg").write_text(picture(one), encoding="utf-8")
    return len(drawn)


def picture(one: Covered) -> str:
    """Return the picture of one process, with what was taken of it."""
    if one.definition is None:
        raise LookupError(f"{one.label} is no process.")
    missing = set(one.missing)
    marks = {
        name: Mark(State.NEVER if name in missing else State.DONE) for name in one.definition.nodes
    }
    taken = frozenset(
        (flow.source, flow.target)
        for flow in one.definition.flows
        if flow.target in one.definition.nodes and f"{flow.source} -> {flow.target}" not in missing
    )
    words = f"The tests have taken {one.taken} of {one.there} nodes and arrows"
    words += f", not: {', '.join(one.missing)}." if missing else "."
    title = f"{name_of(one.definition)}: {one.percent:.0f} % taken by tests"
    return svg(one.definition, Paint(marks, taken, dashed=True), title=title, more=words)
