"""How large symbols and texts are."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from automations.diagrams.elements import Element

#: The height of a line of text, in pixels; letters are 12 pixels high.
LINE = 14
TASK_WIDTH, TASK_HEIGHT = 120, 64
GATEWAY = 50
EVENT = 36
#: How much of a task each event on its border takes.
BOUNDARY = EVENT + 6
#: How much of a task the events on its border cover.
COVERED = 14
#: How wide texts beside symbols may be, in pixels, and in how many lines.
WIDEST, MOST_LINES = 112, 3
#: How wide the label of a flow may be: it stands in one line.
FLOW_WIDEST = 130
#: How much of a task its text may use, beside the picture in its corner.
INSIDE = 100

NARROW, WIDE = set("iIjl.,:;'|!()[] ftr"), set("mwMW@%&")


def width_of(text: str) -> int:
    """Return how wide a text is at the most in a common typeface, in pixels."""
    return -(-sum(_tenths(character) for character in text) // 10)


def _tenths(character: str) -> int:
    if unicodedata.east_asian_width(character) in "WF":
        return 125
    if character in NARROW:
        return 40
    if character in WIDE:
        return 110
    return 84 if character.isupper() else 70


@lru_cache(maxsize=4096)
def wrapped(text: str, widest: int, most: int) -> tuple[str, ...]:
    """Return the text in at most so many lines; what does not fit is left out, with an ellipsis."""
    lines: list[str] = []
    words = [word for word in re.split(r"[ \t\r\n]+", text) if word]  # not at fixed spaces
    while words:
        line = words.pop(0)
        while words and width_of(f"{line} {words[0]}") <= widest:
            line += f" {words.pop(0)}"
        if width_of(line) > widest and len(lines) + 1 < most:
            cut = seam(line, fitting(line, widest))
            words.insert(0, line[cut:])
            line = line[:cut]
        lines.append(line)
        if len(lines) == most:
            break
    if lines and (words or width_of(lines[-1]) > widest):
        last = lines[-1]
        lines[-1] = last[: fitting(last, widest - width_of("…"))].rstrip() + "…"
    return tuple(lines)


def seam(text: str, most: int) -> int:
    """Return where to break a word, at most so far: where another word begins inside of it."""
    seams = [found.end() for found in re.finditer(r"[a-z](?=[A-Z])|[._/@-]", text[: most + 1])]
    return max((each for each in seams if most // 3 < each <= most), default=most)


def fitting(text: str, widest: int) -> int:
    """Return how many characters fit, at least one."""
    number = 1
    while number < len(text) and width_of(text[: number + 1]) <= widest:
        number += 1
    return number


def size_of(element: Element, borders: int) -> tuple[int, int]:
    """Return the width and height of a symbol that has so many events on its border."""
    if element.is_gateway:
        return GATEWAY, GATEWAY
    if element.is_event:
        return EVENT, EVENT
    height = TASK_HEIGHT + LINE * len(element.note) + (COVERED if borders else 0)
    return max(TASK_WIDTH, borders * BOUNDARY + 12), height


def is_task(element: Element) -> bool:
    """Return whether the symbol is a box, whose text stands inside of it."""
    return not (element.is_gateway or element.is_event)
