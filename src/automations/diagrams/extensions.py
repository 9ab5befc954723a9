"""
What BPMN has no words for, in elements of our own, so that an export loses nothing.

Whatever is written is known without asking anybody: a value that would have to look something up
to say what it is, as a query set would, is called by its class.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import functools
import uuid
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from django.utils.functional import Promise

from automations.definition.node import Node
from automations.definition.process import ProcessDefinition
from automations.definition.receivers import received
from automations.definition.references import Reference
from automations.diagrams.expressions import duration
from automations.diagrams.markup import clean

#: The namespace of the elements, for a version of what they mean.
NAMESPACE = "https://django-automations.readthedocs.io/bpmn"
PREFIX = "automations"

#: Values of these types are written as they read.
PLAIN = (int, float, decimal.Decimal, uuid.UUID, datetime.date, datetime.time)

#: How deep values are followed into each other.
DEEPEST = 8


def add_process(parent: Element, definition: ProcessDefinition) -> None:
    """Write what is known of the process as a whole."""
    process = tag(parent, "process", {"class": definition.label})
    for option in dataclasses.fields(definition.options):
        value = getattr(definition.options, option.name)
        if option.name != "wrong" and value != option.default:
            add_value(process, "option", option.name, value)
    if unique := getattr(definition.owner, "unique", False):
        add_value(process, "option", "unique", unique)
    for name, model in definition.models.items():
        add_value(process, "binds", name, model)
    for message in received(definition.owner):
        tag(process, "receives", {"message": message})


def add_node(parent: Element, node: Node) -> None:
    """Write a node as its author did: its kind, what it was given and its modifiers."""
    kind = type(node)
    found = tag(
        parent,
        "node",
        {"name": node.name, "kind": node.node_name, "class": path(kind)},
    )
    for name, value in node.given():
        if name == "description":
            tag(found, "description").text = clean(str(value))
        else:
            # Modifiers are written in capitals: .AfterWaitingFor(...)
            add_value(found, "modifier" if name[:1].isupper() else "argument", name, value)


def add_value(parent: Element, word: str, name: str, value: Any, depth: int = 0) -> None:
    """Write one value, with those that it is made of."""
    found = tag(parent, word, {"name": name} if name else {})
    kind, text, parts = described(value)
    if kind:
        found.set("type", kind)
    if text:
        found.text = clean(text)
    for key, part in parts if depth < DEEPEST else ():
        add_value(found, "value", key, part, depth + 1)


def described(value: Any) -> tuple[str, str, list[tuple[str, Any]]]:
    """Return what kind of value it is, how it reads, and what it is made of."""
    if value is None or isinstance(value, bool):
        return "none" if value is None else "boolean", "" if value is None else str(value), []
    if isinstance(value, str | Promise):
        return "", str(value), []
    if isinstance(value, Reference):
        return "reference", repr(value), []
    if isinstance(value, datetime.timedelta):
        return "duration", duration(value), []
    if isinstance(value, enum.Enum):
        return "choice", f"{path(type(value))}.{value.name}", []
    if isinstance(value, PLAIN):
        return type(value).__name__, str(value), []
    if isinstance(value, type):
        return "class", path(value), []
    if dataclasses.is_dataclass(value):
        fields = [(each.name, getattr(value, each.name)) for each in dataclasses.fields(value)]
        return path(type(value)), "", fields
    if isinstance(value, Mapping):
        return "dict", "", [(str(key), part) for key, part in value.items()]
    if isinstance(value, set | frozenset):
        return "set", "", [("", part) for part in sorted(value, key=described_text)]
    if isinstance(value, list | tuple):
        return type(value).__name__, "", [("", part) for part in value]
    if isinstance(value, functools.partial):
        return "partial", "", [("function", value.func), ("", value.args), ("", value.keywords)]
    if callable(value) and hasattr(value, "__qualname__"):
        return "function", path(value), []
    return "object", path(type(value)), []


def described_text(value: Any) -> str:
    """Return how a value reads, to put those in order that have none."""
    kind, text, _parts = described(value)
    return f"{text} {kind}"


def path(value: Any) -> str:
    """Return the dotted path of a class or function."""
    return f"{getattr(value, '__module__', None) or 'builtins'}.{value.__qualname__}"


def tag(parent: Element, name: str, attributes: dict[str, str] | None = None) -> Element:
    """Add an element of our namespace."""
    found = {key: clean(value) for key, value in (attributes or {}).items()}
    return SubElement(parent, f"{PREFIX}:{name}", found)
