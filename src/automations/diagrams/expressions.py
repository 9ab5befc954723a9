"""
What is asked, called and waited for, as BPMN writes it down.

What is found out when a process runs is written as the name that its author has given it; times
that are known are those of ISO 8601. Expressions are those of Python.
"""

from __future__ import annotations

import datetime
import re
from typing import Any

from automations.definition.boundary import Reminder, aware
from automations.definition.node import Node
from automations.definition.recurrence import Cron, Every, EveryDays
from automations.definition.references import Reference
from automations.definition.wording import called
from automations.exceptions import DefinitionError

#: What the language of the expressions is, for `expressionLanguage`.
LANGUAGE = "https://www.python.org/"

SECOND = datetime.timedelta(seconds=1)
#: How ISO 8601 counts what is shorter than a day.
UNITS = (("H", 3600), ("M", 60))


def identifier(name: str) -> str:
    """
    Return an id of XML for the id of an element.

    Names in other alphabets are written in ASCII: not every engine takes their letters in an id,
    and what counts as a letter depends on the version of XML. A "." is in no name of Python.
    """
    found = re.sub(r"[^A-Za-z0-9_.-]", lambda found: f".u{ord(found[0]):X}.", name)
    # Two points in a row are in no name either: "ö" is not "_ö".
    return f"_.{found}" if found.startswith(".") else found


def expression(value: Any, name: str) -> str:
    """Return a value as an expression; ``name`` says what it is called if it has no name."""
    if isinstance(value, Reference) or callable(value):
        return called(value) or re.sub(r"\W", "_", name)
    if isinstance(value, datetime.timedelta):
        return duration(value)
    return plain(value)


def plain(value: Any) -> str:
    """Return a value as Python writes it; one that does not say what it is, by its class."""
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(plain, value))}]"
    if value is None or isinstance(value, str | int | float | datetime.date | datetime.time):
        return repr(value)
    return f"{type(value).__module__}.{type(value).__qualname__}"


def comparison(node: Node, condition: Any, label: str) -> str:
    """Return what decides for a way out of a node."""
    asked = f"{node.name}_condition"
    if condition is not None and condition is node.asked:
        return expression(condition, asked)
    # A node of the project's own may not say what it asks, but only how its ways are called.
    subject = node.name if node.asked is None else expression(node.asked, asked)
    value = label if node.asked is None else condition
    return f"{subject} == {expression(value, f'{node.name}_{label}')}"


def conditions(given: tuple[Any, ...], word: str, name: str) -> str:
    """Return several conditions as one, joined by "and" or "or"."""
    return f" {word} ".join(expression(each, name) for each in given)


def duration(value: datetime.timedelta) -> str:
    """Return a time span as ISO 8601 says it: P3D, PT1H30M."""
    if value < datetime.timedelta():
        return "-" + duration(-value)
    seconds = value.seconds
    text = f"P{value.days}D" if value.days else "P"
    clock = ""
    for letter, size in UNITS:
        number, seconds = divmod(seconds, size)
        clock += f"{number}{letter}" if number else ""
    if seconds or value.microseconds:
        clock += f"{seconds + value.microseconds / 1_000_000:.6f}".rstrip("0").rstrip(".") + "S"
    text += f"T{clock}" if clock else ""
    return text if text != "P" else "PT0S"


def timer(detail: Any, name: str) -> tuple[str, str]:
    """
    Return the element for the time that an event waits for, and what stands in it.

    ``detail`` is what the element of the picture says: a time, a wait, a reminder, a rule or the
    node that has one.
    """
    until = isinstance(detail, tuple) and detail[0] == "until"
    if isinstance(detail, Node):
        return "timeCycle", cycle(detail, name)
    if isinstance(detail, Cron):
        return "timeCycle", str(detail.expression)
    if isinstance(detail, Reminder):
        if detail.every is not None:
            often = "" if detail.times is None else detail.times
            return "timeCycle", f"R{often}/{expression(detail.every, name)}"
        detail = detail.after
    elif isinstance(detail, tuple):
        detail = detail[1]
    if isinstance(detail, datetime.datetime):
        return "timeDate", aware(detail).isoformat()
    return "timeDate" if until else "timeDuration", expression(detail, name)


def cycle(node: Node, name: str) -> str:
    """
    Return the rule of a node that comes back: an interval of ISO 8601, or a cron expression.

    The interval is waited for once: the process comes back to the node by itself.
    """
    try:
        rule = node.rule
    except DefinitionError:
        rule = None
    match rule:
        case Every(interval):
            return f"R1/{duration(interval)}"
        case EveryDays(days, hour, minute) if days == 1 and hour is not None:
            return f"{minute} {hour} * * *"
        case EveryDays(days):
            return f"R1/P{days}D"
        case Cron(words):
            return str(words)
        case _:
            return re.sub(r"\W", "_", name)
