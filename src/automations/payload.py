"""
What may be kept as JSON, the same on every database.

PostgreSQL refuses what SQLite takes (NUL characters), MariaDB refuses what both take, and Python
writes NaN, which is not JSON at all. So the rules are checked here, before anything is written,
and an error names the entry at fault.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from automations.exceptions import InvalidData

_encoder = DjangoJSONEncoder(sort_keys=True)
_plain = json.JSONEncoder(sort_keys=True)

#: Where ``data`` has the labels of the models of undeclared bound objects.
MODELS_KEY = "_models"
#: How deep lists and dictionaries may be nested: MariaDB takes 32 levels, counting single values.
DEEPEST = 30


def encode(value: Any, where: str = "data") -> str:
    """
    Return ``value`` as JSON text with sorted keys.

    Raise `InvalidData`, naming the entry, if it cannot be kept the same on every database.
    """
    return _plain.encode(clean(value, where))


def snapshot(data: Any) -> str:
    """Return ``data``, as it came from the database, as text to compare and to go back to."""
    return _encoder.encode(data)


def clean(value: Any, where: str = "data", depth: int = 0) -> Any:
    """
    Return ``value`` made of dict, list, str, int, float, bool and None alone.

    Dates, times, decimals, UUIDs and lazy translations become text as with Django's
    ``DjangoJSONEncoder``. Raise `InvalidData`, naming the entry ``where``, for NaN and infinity,
    NUL characters, lone surrogates, keys that are not text, whatever JSON does not know, and what
    is nested more than 30 levels deep.
    """
    if depth > DEEPEST:
        raise InvalidData(f"{where[:60]}... is nested more than {DEEPEST} levels deep.")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, where)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidData(f"{where} is {value!r}, which JSON does not know. Use None.")
        return float(value)
    if isinstance(value, Mapping):
        return {
            _key(key, where): clean(item, f"{where}[{key!r}]", depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [clean(item, f"{where}[{at}]", depth + 1) for at, item in enumerate(value)]
    try:
        plain = _encoder.default(value)
    except TypeError:
        raise InvalidData(
            f"{where} is a {type(value).__name__}, which cannot be kept as JSON. Keep text, "
            f"numbers, lists and dicts, or the primary key of an object."
        ) from None
    return clean(plain, where, depth)


def _key(key: Any, where: str) -> str:
    if not isinstance(key, str):
        raise InvalidData(
            f"{where} has the key {key!r}; JSON knows only text as a key. Use {str(key)!r}."
        )
    return _text(key, f"The key {key!r} of {where}")


def _text(text: str, where: str) -> str:
    if "\0" in text:
        raise InvalidData(f"{where} contains a NUL character, which PostgreSQL cannot keep.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidData(f"{where} contains a lone surrogate, which is not valid text.") from None
    return str(text)


def patch(fresh: dict[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Apply to ``fresh``, key by key, what has changed from ``before`` to ``after``."""
    for key in before.keys() - after.keys():
        fresh.pop(key, None)
    for key, value in after.items():
        if key not in before or before[key] != value:
            fresh[key] = value
