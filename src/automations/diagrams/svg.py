"""
The picture of a process as SVG.

Nothing in it needs a script or a style attribute. As a part of a page it is coloured by the
stylesheet ``automations/diagram.css``; as a file of its own it carries that sheet with it. The
same picture has the same text.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from xml.sax.saxutils import escape, quoteattr

from django.utils.translation import gettext as _

from automations.definition.process import ProcessDefinition
from automations.definition.wording import readable
from automations.diagrams.elements import Element, Flow
from automations.diagrams.geometry import Box, Label, Picture, Point
from automations.diagrams.layout import lay_out
from automations.diagrams.markup import clean
from automations.diagrams.painting import NOTHING, SIGNS, TIMES, Paint, State, noted
from automations.diagrams.sizes import LINE, is_task, width_of
from automations.diagrams.symbols import circle, path, shape_of
from automations.diagrams.translation import graph_of
from automations.diagrams.ways import Ways

#: How far the sign of a state, or how often a node was passed, reaches, in pixels.
BADGE = 9
#: What is said of a picture names so many steps, where a run stands, and what takes much time.
NAMED, STANDING, WARM = 20, frozenset({State.HERE, State.WAITING, State.FAILED}), 3


def picture_of(definition: ProcessDefinition, paint: Paint = NOTHING) -> Picture:
    """Return the process with a place for everything, and for what is painted on it."""
    return lay_out(noted(graph_of(definition), paint))


def svg(
    definition: ProcessDefinition, paint: Paint = NOTHING, *, title: str = "", more: str = ""
) -> str:
    """
    Return the process as a file of its own, with a line break at the end.

    ``more`` is what is said of the picture besides what it shows.
    """
    picture, title = picture_of(definition, paint), title or name_of(definition)
    description = f"{said(picture, paint)} {more}" if more else ""
    return drawn(picture, paint, title=title, description=description, alone=True)


def name_of(definition: ProcessDefinition) -> str:
    """Return how the process is called in front of people."""
    return str(definition.owner.get_verbose_name())  # type: ignore[attr-defined] # an automation


def drawn(
    picture: Picture,
    paint: Paint = NOTHING,
    *,
    title: str,
    description: str = "",
    prefix: str = "atm",
    details: str = "",
    alone: bool = False,
) -> str:
    """
    Return the picture with what is painted on it.

    ``title`` and ``description`` are what screen readers say; ``prefix`` begins the ids of both
    and has to be another one for each picture of a page. ``details`` is the id of what says the
    same in words. ``alone`` makes it a file of its own.
    """
    links = any(mark.link for mark in paint.marks.values())
    described = description or said(picture, paint)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" '
        f'class="atm-diagram{" dashed" if paint.dashed else ""}" '
        f'width="{picture.width}" height="{picture.height}" '
        f'viewBox="0 0 {picture.width} {picture.height}" role="{"group" if links else "img"}" '
        f'aria-labelledby="{prefix}-title" aria-describedby="{prefix}-description"'
        f"{f' aria-details={quoted(details)}' if details else ''}>"
    )
    parts = [head, f'<title id="{prefix}-title">{escaped(title)}</title>']
    parts.append(f'<desc id="{prefix}-description">{escaped(described)}</desc>')
    if alone:
        parts.append(f"<style>{sheet()}</style>")
        parts.append(f'<rect class="page" width="{picture.width}" height="{picture.height}"/>')
    ways = Ways(picture.graph, paint)
    # What was taken lies above what was not, where lines meet.
    for taken in (False, True):
        parts += [
            flow(picture, each, taken=taken)
            for each in picture.graph.flows
            if ways.is_taken(each) is taken
        ]
    parts += [element(picture, each, paint) for each in picture.graph.elements.values()]
    return "\n".join([*parts, "</svg>", ""])


def said(picture: Picture, paint: Paint) -> str:
    """Return the picture in a sentence or two, for those who do not see it."""
    steps = [each.name for each in picture.graph.elements.values() if is_task(each)]
    named = ", ".join([*steps[:NAMED], *["..."] * (len(steps) > NAMED)])
    words = [_("A diagram of %(count)d steps: %(steps)s.") % {"count": len(steps), "steps": named}]
    for node, mark in paint.marks.items():
        if mark.state in STANDING or mark.heat >= WARM:
            words.append(f"{readable(node)}: {mark.words}.")
    return " ".join(words)


# Flows


def flow(picture: Picture, each: Flow, *, taken: bool) -> str:
    """Return an arrow with its label."""
    points = picture.lines[each.id]
    line = "M" + "L".join(f"{x} {y}" for x, y in points)
    parts = [path(line, "line"), path(arrow(points[-2], points[-1]), "arrow")]
    if each.default and len(picture.graph.outgoing[each.source]) > 1:
        parts.append(path(slash(points[0], points[1]), "line"))
    if each.id in picture.labels:
        parts.append(text(picture.labels[each.id], f"<title>{escaped(each.label)}</title>"))
    kind = "flow taken" if taken else "flow"
    return f'<g class="{kind}" data-flow={quoted(each.id)}>{"".join(parts)}</g>'


def direction(before: Point, after: Point) -> Point:
    """Return whether a line goes right or left, down or up."""
    return (after[0] > before[0]) - (after[0] < before[0]), (after[1] > before[1]) - (
        after[1] < before[1]
    )


def arrow(before: Point, end: Point) -> str:
    """Return the head of an arrow."""
    (x, y), (right, down) = end, direction(before, end)
    left = (x - 9 * right - 4 * down, y - 9 * down - 4 * right)
    other = (x - 9 * right + 4 * down, y - 9 * down + 4 * right)
    return f"M{x} {y}L{left[0]} {left[1]}L{other[0]} {other[1]}z"


def slash(start: Point, after: Point) -> str:
    """Return the mark of the way that is taken when no other is."""
    right, down = direction(start, after)
    x, y = start[0] + 7 * right, start[1] + 7 * down
    return f"M{x - 4} {y - 5}L{x + 4} {y + 5}" if right else f"M{x - 5} {y - 4}L{x + 5} {y + 4}"


# Elements


def element(picture: Picture, each: Element, paint: Paint) -> str:
    """Return a symbol with its texts and what is painted on it."""
    box = picture.boxes[each.id]
    mark = paint.at(each.node)
    main = each.id == each.node
    state = paint.stands(each, picture.graph)
    parts = [shape_of(each, box)]
    if each.id in picture.texts:
        parts.append(inside(picture.texts[each.id], each.note))
    if each.id in picture.labels:
        parts.append(text(picture.labels[each.id], small=len(each.note)))
    if main:
        parts += badges(each, box, SIGNS.get(state, "") if state else "", mark.count)
    words = ": ".join(filter(None, [each.name or each.id, mark.words if main else ""]))
    unknown = "unknown" if mark.state and not state else ""
    heat = f"heat-{mark.heat}" if main and mark.heat else ""
    kind = f"{each.kind} {state or unknown} {heat}"
    content = f"<title>{escaped(words)}</title>{''.join(parts)}"
    group = f'<g class="{" ".join(kind.split())}" data-node={quoted(each.node)}>{content}</g>'
    if main and mark.link:
        return f"<a href={quoted(mark.link)} aria-label={quoted(words)}>{group}</a>"
    return group


def badges(each: Element, box: Box, sign: str, count: int) -> list[str]:
    """Return the signs at the corners of a symbol: of a diamond below, where no line is."""
    parts = []
    right, y = box.right - 2, box.y + 2
    if each.is_gateway:
        right, y = box.right - BADGE, box.bottom - BADGE
    if sign:
        parts.append(circle(right, y, BADGE, "badge") + word(sign, right, y, "sign-text"))
    if count > 1:
        said = f"{count}{TIMES}" if count < 10_000 else f"{count // 1000}k{TIMES}"
        width = width_of(said) + 8
        left = right - BADGE - 3 - width
        if each.is_gateway or each.is_event:  # at the other side, to cover no sign inside
            left = box.x + BADGE - width
        place = f'x="{left}" y="{y - BADGE}" width="{width}" height="{2 * BADGE}"'
        parts.append(f'<rect class="badge" {place} rx="{BADGE}"/>')
        parts.append(word(said, left + width // 2, y, "count"))
    return parts


def inside(label: Label, note: tuple[str, ...]) -> str:
    """Return the text of a box, with a note below it."""
    return text(replace(label, lines=(*label.lines, *note)), small=len(note))


def text(label: Label, more: str = "", small: int = 0) -> str:
    """Return a text in its lines, so many of which at the end are a note in small letters."""
    x = {"middle": label.box.center[0], "start": label.box.x, "end": label.box.right}[label.anchor]
    top = label.box.center[1] - (len(label.lines) - 1) * LINE // 2
    large = len(label.lines) - small
    lines = "".join(
        word(
            line, x, top + number * LINE, label.anchor if number < large else f"{label.anchor} note"
        )
        for number, line in enumerate(label.lines)
    )
    return f"<g>{more}{lines}</g>" if more else lines


def word(line: str, x: int, y: int, kind: str = "middle") -> str:
    """Return a line of text whose middle is at ``y``."""
    return f'<text class="{kind}" x="{x}" y="{y + 4}">{escaped(line)}</text>'


def escaped(given: str) -> str:
    """Return a text as XML can hold it."""
    return escape(clean(given))


def quoted(given: str) -> str:
    """Return a text as the value of an attribute, in its quotes."""
    return quoteattr(clean(given))


@lru_cache(maxsize=1)
def sheet() -> str:
    """Return the stylesheet of pictures."""
    place = files("automations") / "static" / "automations" / "diagram.css"
    return "\n" + place.read_text(encoding="utf-8")
