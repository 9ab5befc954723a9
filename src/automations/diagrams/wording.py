"""What stands at the symbols of a picture, in the language that is active."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from automations.definition.node import Node
from automations.definition.wording import called, readable
from automations.exceptions import DefinitionError

#: How many seconds each unit has, and how to count it.
UNITS: tuple[tuple[int, Callable[[int], str]], ...] = (
    (86400, lambda number: ngettext("%d day", "%d days", number)),
    (3600, lambda number: ngettext("%d hour", "%d hours", number)),
    (60, lambda number: ngettext("%d minute", "%d minutes", number)),
    (1, lambda number: ngettext("%d second", "%d seconds", number)),
)


def value(given: Any) -> str:
    """Return how a value reads: a time, a method, a text; "" if there is nothing to read."""
    if isinstance(given, datetime.timedelta):
        return span(given)
    if isinstance(given, datetime.datetime):
        local = timezone.localtime(given) if timezone.is_aware(given) else given
        return formats.date_format(local, "SHORT_DATETIME_FORMAT")
    name = called(given)
    return readable(name) if name else ""


def span(given: datetime.timedelta) -> str:
    """Return a time span in its two largest units: "3 days", "1 hour 30 minutes"."""
    seconds = int(given.total_seconds())
    parts = []
    for size, counted in UNITS:
        number, seconds = divmod(max(0, seconds), size)
        if number:
            parts.append(counted(number) % number)
    return " ".join(parts[:2]) or UNITS[-1][1](0) % 0


def question(node: Node) -> str:
    """Return what a node that chooses among ways asks."""
    return f"{value(node.asked) or readable(node.name)}?"


def wait(node: Node) -> str:
    """Return what the timer before a node waits for."""
    return value(node.wait[1]) if node.wait and value(node.wait[1]) else _("a time")


def conditions(given: tuple[Any, ...]) -> str:
    """Return conditions that must all hold."""
    return ", ".join(value(each) or _("a condition") for each in given)


def rule(node: Node) -> str:
    """Return when a process comes back."""
    try:
        return str(node.rule)
    except DefinitionError:
        return readable(node.name)


def flow_label(label: str) -> str:
    """Return the label of a way; those that the framework gives are translated."""
    return {"yes": _("yes"), "no": _("no"), "else": _("else")}.get(label, label)


def errors(classes: tuple[Any, ...]) -> str:
    """Return which errors are meant; any, if nothing is said."""
    if tuple(classes) in ((), (Exception,)):
        return _("error")
    return ", ".join(called(each) or repr(each) for each in classes)
