"""The figures as a picture: what a step costs in floors, with the goals, and the peers beside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.databases import DATABASES
from benchmarks.goals import goal_of

#: What is drawn of what is measured, with the words for people.
WORKS = {
    ("W1", "bursts"): "Ten steps in a row",
    ("W2", "bursts"): "Three branches, which join",
}
#: Whose bars are drawn, ours first.
WHO = {"ours": "Django Automations", "viewflow": "Viewflow", "dbos": "DBOS"}

#: Pixels: the picture, what stands left of the bars and right of them, one bar, and between groups.
WIDTH, LEFT, RIGHT, BAR, GAP = 760, 170, 60, 15, 12

#: Readable on a light page and on a dark one: the colours follow what the reader has chosen.
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 15px; }
.quiet { fill: #59636e; font-size: 12px; }
.right { text-anchor: end; }
.page { fill: #ffffff; stroke: #d1d9e0; } .under { fill: #ffffff; }
.ours { fill: #1a6f5c; } .viewflow { fill: #8a5a9e; } .dbos { fill: #b06a1f; }
.floor { stroke: #59636e; stroke-dasharray: 4 3; }
.goal { stroke: #c2293e; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; } .quiet { fill: #9198a1; }
.page { fill: #0d1117; stroke: #3d444d; } .under { fill: #0d1117; }
.ours { fill: #3fb095; } .viewflow { fill: #b58bc8; } .dbos { fill: #d99a55; }
.floor { stroke: #9198a1; } .goal { stroke: #ff7b88; }
}
"""


@dataclass(frozen=True)
class Bar:
    """One bar: whose, how long, and where it should end at the most."""

    who: str
    value: float
    goal: float | None = None


Group = tuple[str, list[Bar]]


def write(folder: Path) -> None:
    """Draw what is in the folder: ``bench.json``, and ``peers.json`` if that is there."""
    records = [
        json.loads((folder / name).read_text())
        for name in ("bench.json", "peers.json")
        if (folder / name).exists()
    ]
    (folder / "bench.svg").write_text(picture(records))


def picture(records: list[dict[str, Any]]) -> str:
    """Return the drawing."""
    panels = [(title, list(groups(records, work))) for work, title in WORKS.items()]
    values = [bar.value for _, found in panels for _, bars in found for bar in bars]
    goals = [bar.goal or 0 for _, found in panels for _, bars in found for bar in bars]
    scale = (WIDTH - LEFT - RIGHT) / (max([1.0, *values, *goals]) * 1.02)
    drawn: list[str] = []
    top = 34.0
    for title, found in panels:
        drawn.append(text(16, top, title, "title"))
        about = "time of a step, F1 = 1; less is better"
        drawn.append(text(WIDTH - 16, top, about, "quiet right"))
        top += 14
        begun, before = top, len(drawn)
        for name, bars in found:
            middle = top + BAR * len(bars) / 2 + 4
            drawn.append(text(16, middle, name))
            for bar in bars:
                drawn += draw(bar, top, scale)
                top += BAR
            top += GAP
        # Behind the bars and the numbers.
        floor = LEFT + scale
        drawn.insert(before, line(floor, begun - 2, floor, top - GAP + 2, "floor"))
        top += 22
    drawn += legend(top, {bar.who for _, found in panels for _, bars in found for bar in bars})
    about = "Measured {when} UTC with Python {python}, Django {django}, {processors} processors."
    about = about.format(when=when(records[0]), **records[0])
    if others := [when(record) for record in records[1:]]:
        about += f" The others: {others[0]}."
    drawn.append(text(16, top + 42, about, "quiet"))
    height = top + 58
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img">'
    about = "<title>What a step costs, beside one transaction written by hand</title>"
    page = (
        f'<rect class="page" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1:.0f}" rx="6"/>'
    )
    return "\n".join([head, about, f"<style>{STYLE}</style>", page, *drawn, "</svg>", ""])


def when(record: dict[str, Any]) -> str:
    """Return day and minute: on one day a machine is not always as quick."""
    return str(record["measured"])[:16].replace("T", " ")


def groups(records: list[dict[str, Any]], work: tuple[str, str]) -> Iterator[Group]:
    """Yield the bars for each database."""
    for database, name in DATABASES.items():
        bars: dict[str, Bar] = {}
        for record in records:
            for found in record["databases"]:
                if found["database"] == database:
                    for measure in found["measures"]:
                        bars |= bar_of(measure, work, database, found.get("peer", "ours"))
        if bars:
            yield name, [bars[who] for who in WHO if who in bars]


def bar_of(
    measure: dict[str, Any], work: tuple[str, str], database: str, who: str
) -> dict[str, Bar]:
    """Return the bar of a measure, if it is one of those that are drawn."""
    if (measure["work"], measure["unit"]) != (work[0], "x F1"):
        return {}
    if measure["name"] != (work[1] if who == "ours" else who):
        return {}
    goal = goal_of(measure, database) if who == "ours" else None
    return {who: Bar(who, measure["value"], goal)}


def draw(bar: Bar, top: float, scale: float) -> Iterator[str]:
    """Yield a bar, its number, and its goal."""
    width = max(1.0, bar.value * scale)
    yield (
        f'<rect class="{bar.who}" x="{LEFT}" y="{top:.1f}" width="{width:.1f}" '
        f'height="{BAR - 2}" rx="2"/>'
    )
    mark = (bar.goal or 0) * scale
    past = mark if width - 2 < mark < width + 36 else width  # the number is not struck through
    number, at = f"{bar.value:.2f}", LEFT + past + 6
    room = 7 * len(number)
    yield f'<rect class="under" x="{at:.1f}" y="{top:.1f}" width="{room}" height="{BAR - 2}"/>'
    yield text(at, top + BAR - 4, number, "quiet")
    if bar.goal is not None:
        at = LEFT + bar.goal * scale
        yield line(at, top - 2, at, top + BAR, "goal")


def legend(top: float, drawn: set[str]) -> Iterator[str]:
    """Yield what the colours and lines mean."""
    at = 16.0
    for who, name in WHO.items():
        if who in drawn:
            place = f'x="{at:.0f}" y="{top - 10:.0f}"'
            yield f'<rect class="{who}" {place} width="12" height="12" rx="2"/>'
            yield text(at + 18, top, name)
            at += 40 + 7.5 * len(name)
    yield line(at + 6, top - 11, at + 6, top + 3, "floor")
    yield text(at + 14, top, "F1")
    yield line(at + 48, top - 11, at + 48, top + 3, "goal")
    yield text(at + 56, top, "goal")
    about = "F1: one transaction for each step, written by hand: an INSERT and an UPDATE."
    yield text(16, top + 24, about, "quiet")


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """Return words at a place."""
    kind = f' class="{kind}"' if kind else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a line."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
