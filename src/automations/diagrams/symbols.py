"""
The symbols of BPMN 2.0 (chapter 13 of the standard, "Notation"), as elements of SVG.

Each is drawn into a box. Colours and widths are the stylesheet's.
"""

from __future__ import annotations

from automations.diagrams.elements import Element
from automations.diagrams.geometry import Box


def circle(x: int, y: int, radius: int, kind: str = "shape") -> str:
    """Return a circle."""
    return f'<circle class="{kind}" cx="{x}" cy="{y}" r="{radius}"/>'


def path(points: str, kind: str = "icon") -> str:
    """Return a path."""
    return f'<path class="{kind}" d="{points}"/>'


def shape_of(element: Element, box: Box) -> str:
    """Return the outline of an element and the picture inside of it."""
    if element.is_event:
        return event(element, box)
    if element.is_gateway:
        return gateway(element, box)
    return task(element, box)


def event(element: Element, box: Box) -> str:
    """Return an event: one line at the start, two in between, a thick one at the end."""
    x, y = box.center
    outer = circle(x, y, box.width // 2, "shape" if element.interrupting else "shape aside")
    if element.kind == "endEvent":
        return outer + (circle(x, y, 11, "full") if element.event == "terminate" else "")
    inner = ""
    if element.kind != "startEvent":
        inner = circle(x, y, box.width // 2 - 4, "inner" if element.interrupting else "inner aside")
    sign = EVENTS.get(element.event)
    return outer + inner + (path(sign(x, y)) if sign else "")


def timer(x: int, y: int) -> str:
    """Return a clock."""
    ticks = f"M{x} {y - 9}v3M{x} {y + 9}v-3M{x - 9} {y}h3M{x + 9} {y}h-3"
    return f"{ticks}M{x} {y}l2 -6M{x} {y}h5"


def conditional(x: int, y: int) -> str:
    """Return a sheet with lines."""
    sheet = f"M{x - 6} {y - 8}h12v16h-12z"
    return sheet + "".join(f"M{x - 4} {y + line}h8" for line in (-5, -1, 3))


def envelope(x: int, y: int) -> str:
    """Return an envelope."""
    return f"M{x - 9} {y - 6}h18v12h-18zM{x - 9} {y - 6}l9 7l9 -7"


def signal(x: int, y: int) -> str:
    """Return a triangle."""
    return f"M{x} {y - 8}l8 14h-16z"


def error(x: int, y: int) -> str:
    """Return a bolt."""
    return f"M{x - 8} {y + 7}l4 -13l5 7l6 -9l-4 14l-5 -7z"


EVENTS = {
    "timer": timer,
    "conditional": conditional,
    "message": envelope,
    "signal": signal,
    "error": error,
}


def gateway(element: Element, box: Box) -> str:
    """Return a diamond with its sign: a cross, a plus, or a pentagon in a circle."""
    x, y = box.center
    outer = path(f"M{box.x} {y}L{x} {box.y}L{box.right} {y}L{x} {box.bottom}z", "shape")
    if element.kind == "parallelGateway":
        return outer + path(f"M{x} {y - 11}v22M{x - 11} {y}h22", "sign")
    if element.kind == "eventBasedGateway":
        five = f"M{x} {y - 7}l7 5l-3 8h-8l-3 -8z"
        return outer + circle(x, y, 14, "inner") + circle(x, y, 11, "inner") + path(five)
    return outer + path(f"M{x - 7} {y - 9}l14 18M{x + 7} {y - 9}l-14 18", "sign")


def task(element: Element, box: Box) -> str:
    """Return a box with the picture of its kind in the corner."""
    size = f'x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}"'
    outer = f'<rect class="shape" {size} rx="10"/>'
    x, y = box.x + 13, box.y + 13
    sign = TASKS.get(element.kind)
    if sign:
        return outer + path(sign(x, y), "icon full" if element.kind == "sendTask" else "icon")
    return outer


def person(x: int, y: int) -> str:
    """Return head and shoulders."""
    head = f"M{x} {y - 7}a3.5 3.5 0 1 1 -0.1 0z"
    return f"{head}M{x - 7} {y + 8}v-3a5 5 0 0 1 5 -4h4a5 5 0 0 1 5 4v3z"


def script(x: int, y: int) -> str:
    """Return a sheet that is curled, with lines."""
    sheet = f"M{x - 3} {y - 7}h9c-5 4 2 9 -3 14h-9c5 -5 -2 -10 3 -14z"
    return f"{sheet}M{x - 2} {y - 3.5}h4.5M{x - 1.5} {y}h4.5M{x - 1} {y + 3.5}h4.5"


def letter(x: int, y: int) -> str:
    """Return a small envelope."""
    return f"M{x - 7} {y - 5}h14v10h-14zM{x - 7} {y - 5}l7 6l7 -6"


TASKS = {"userTask": person, "scriptTask": script, "sendTask": letter, "receiveTask": letter}
