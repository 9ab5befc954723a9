"""The layout: nothing lies on anything, whatever the process, and the picture reads well."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automations.diagrams.elements import Element, Flow, Graph
from automations.diagrams.geometry import Box, Label, Picture
from automations.diagrams.layout import lay_out
from automations.diagrams.sizes import width_of, wrapped
from automations.diagrams.translation import graph_of
from tests.diagrams.corpus import CORPUS, UNSOUND
from tests.diagrams.gate import defects
from tests.diagrams.random_processes import random_process

KINDS = (
    "scriptTask", "userTask", "exclusiveGateway", "parallelGateway", "eventBasedGateway",
    "intermediateCatchEvent", "startEvent", "endEvent",
)  # fmt: skip
TEXTS = st.sampled_from(
    (
        "",
        "a",
        "Approve the request",
        "Donaudampfschifffahrtsgesellschaftskapitänsmütze",
        "審査を行う",
    )
)


@st.composite
def graphs(draw: Any) -> Graph:
    """Any graph: several flows between the same two, loops onto oneself, what nothing leads to."""
    elements: dict[str, Element] = {}
    for number in range(draw(st.integers(1, 14))):
        name = f"e{number}"
        kind = draw(st.sampled_from(KINDS))
        elements[name] = Element(name, kind, draw(TEXTS), name)
        if kind.endswith("Task"):
            for border in range(draw(st.sampled_from((0, 0, 0, 1, 2, 5)))):
                key = f"{name}.{border}"
                elements[key] = Element(key, "boundaryEvent", draw(TEXTS), name, "timer", host=name)
    sources = st.sampled_from(list(elements))
    targets = st.sampled_from([name for name, element in elements.items() if not element.host])
    ends = draw(st.lists(st.tuples(sources, targets, TEXTS), max_size=24))
    flows = tuple(Flow(f"f{number}", *end) for number, end in enumerate(ends))
    return Graph(MappingProxyType(elements), flows)


def picture_of(automation: Any) -> Picture:
    return lay_out(graph_of(automation._meta))


@pytest.mark.parametrize("name", [*CORPUS, *UNSOUND])
def test_nothing_lies_on_anything(name: str) -> None:
    assert defects(picture_of({**CORPUS, **UNSOUND}[name])) == []


@pytest.mark.parametrize("seed", range(40))
def test_nothing_lies_on_anything_in_a_random_process(seed: int) -> None:
    assert defects(picture_of(random_process(seed, 15 + seed, wild=seed % 4 / 10))) == []


@given(graphs())
def test_nothing_lies_on_anything_in_any_graph(graph: Graph) -> None:
    picture = lay_out(graph)
    assert defects(picture) == []
    assert lay_out(graph) == picture


def flows_right(picture: Picture, source: str, target: str) -> bool:
    return picture.boxes[source].right < picture.boxes[target].x


def test_the_longest_way_stays_on_one_line_and_goes_to_the_right() -> None:
    picture = picture_of(CORPUS["Chain"])
    assert len({picture.boxes[name].center[1] for name in picture.boxes}) == 1
    for flow in picture.graph.flows:
        assert flows_right(picture, flow.source, flow.target)
        assert len(picture.lines[flow.id]) == 2


def test_the_branches_of_a_split_are_above_and_below_its_line() -> None:
    picture = picture_of(CORPUS["Wide"])
    (split,) = (n for n, e in picture.graph.elements.items() if len(picture.graph.outgoing[n]) == 8)
    level = picture.boxes[split].center[1]
    targets = [flow.target for flow in picture.graph.outgoing[split]]
    levels = [picture.boxes[target].center[1] for target in targets]
    assert len([one for one in levels if one < level]) in (3, 4)
    assert len([one for one in levels if one > level]) in (3, 4)
    assert level in levels


def test_loops_run_below_what_they_go_round() -> None:
    picture = picture_of(CORPUS["LoopsInLoops"])
    loops = [
        flow
        for flow in picture.graph.flows
        if picture.boxes[flow.target].right <= picture.boxes[flow.source].x
    ]
    assert len(loops) == 3
    for flow in loops:
        source, target = picture.boxes[flow.source], picture.boxes[flow.target]
        low = max(y for _, y in picture.lines[flow.id])
        between = [
            box for box in picture.boxes.values() if target.x <= box.x and box.right <= source.right
        ]
        assert len(between) > 2
        assert all(box.bottom < low for box in between)


@pytest.mark.parametrize("name", ["ExpenseApproval", "Order", "Escalation"])
def test_what_an_error_or_a_timeout_takes_goes_on_below(name: str) -> None:
    picture = picture_of(CORPUS[name])
    borders = [element for element in picture.graph.elements.values() if element.host]
    assert borders
    for element in borders:
        (flow,) = picture.graph.outgoing[element.id]
        _, second, *_ = picture.lines[flow.id]
        assert second[1] > picture.boxes[element.id].bottom


def test_the_picture_of_a_process_of_many_nodes_is_made_by_few_crossings() -> None:
    """Of the order process, whose picture was looked at."""
    assert crossings(picture_of(CORPUS["Order"])) <= 6
    assert crossings(picture_of(CORPUS["FiveWays"])) <= 8


def crossings(picture: Picture) -> int:
    level, upright = [], []
    for name, line in picture.lines.items():
        for (x, y), (x2, y2) in pairwise(line):
            if y == y2:
                level.append((name, min(x, x2), max(x, x2), y))
            else:
                upright.append((name, x, min(y, y2), max(y, y2)))
    return sum(
        one != other and left < x < right and top < y < bottom
        for one, left, right, y in level
        for other, x, top, bottom in upright
    )


def test_texts_are_broken_into_lines_that_fit() -> None:
    lines = wrapped("Ask the customer for the missing papers and the signature of both", 100, 3)
    assert len(lines) == 3
    assert all(width_of(line) <= 100 for line in lines)
    assert lines[-1].endswith("…")
    assert wrapped("Donaudampfschifffahrt", 60, 3)[0] == "Donauda"
    assert wrapped("", 100, 3) == ()


# The gate finds what it looks for.


def changed(picture: Picture, part: str, name: str, value: Any) -> Picture:
    return replace(picture, **{part: {**getattr(picture, part), name: value}})


def test_the_gate_finds_a_symbol_on_another() -> None:
    picture = picture_of(CORPUS["Order"])
    moved = changed(picture, "boxes", "answer", picture.boxes["ship"])
    assert any("lies on" in one for one in defects(moved))


def test_the_gate_finds_lines_that_are_wrong() -> None:
    picture = picture_of(CORPUS["IssueDiscussion"])
    first, other = picture.graph.flows[0], picture.graph.flows[-1]
    on_another = changed(picture, "lines", first.id, picture.lines[other.id])
    assert any("does not end at the border" in one for one in defects(on_another))
    assert any("lies on" in one for one in defects(on_another))
    (x, y), *_, (x2, y2) = picture.lines[first.id]
    assert any(
        "slanted" in one
        for one in defects(changed(picture, "lines", first.id, ((x, y), (x2, y2 + 5))))
    )
    around = changed(picture, "lines", first.id, ((x, y), (x2 + 400, y), (x2, y2)))
    assert any("goes through" in one for one in defects(around))


def test_the_gate_finds_a_label_on_anything() -> None:
    picture = picture_of(CORPUS["IssueDiscussion"])
    name, other = list(picture.labels)[:2]
    x, y = picture.lines[picture.graph.flows[2].id][0]
    label = picture.labels[name]
    for box in (
        picture.labels[other].box,
        next(iter(picture.boxes.values())),
        Box(x, y - 4, 9, 9),
    ):
        moved = changed(picture, "labels", name, Label(label.lines, box))
        assert any(one.startswith(f"the label of {name} lies on") for one in defects(moved)) or any(
            one.endswith(f"lies on that of {name}") for one in defects(moved)
        )


def test_the_gate_finds_what_is_missing_or_outside() -> None:
    picture = picture_of(CORPUS["Approval"])
    assert "flows are not drawn" in defects(replace(picture, lines={}))
    assert any("outside" in one for one in defects(replace(picture, width=50)))
    assert any("no text" in one for one in defects(replace(picture, texts={})))
