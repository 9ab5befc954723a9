"""
What an offered task asks for, in one string: tasks that are alike for an inbox have the same.

An index holds it, so that an inbox counts many tasks without reading their rows and their runs.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any, NamedTuple

#: How long the string may be: with all else, the index stays within what InnoDB (3,072 bytes) and
#: PostgreSQL (about 2,700 bytes) can hold.
LONGEST = 500
#: How many characters of it tell it from others also where a database overlooks case.
MARK = 16


class Asked(NamedTuple):
    """What a task asks for: its class, its node, whether it names somebody, and the rights."""

    automation: str
    node: str
    names_user: bool
    names_group: bool
    permissions: list[str]


def asked_by(task: Any) -> Asked:
    """Return what the task asks for. Names count also where user or group have been deleted."""
    return Asked(
        task.automation.automation_class,
        task.status,
        task.interaction_user_id is not None or task.interaction_user_name != "",
        task.interaction_group_id is not None or task.interaction_group_name != "",
        list(task.interaction_permissions),
    )


def offer_for(asked: Asked) -> str:
    """Return the string. Where it would be too long there is only what tells it from others."""
    text = json.dumps(asked, separators=(",", ":"))
    mark = blake2b(text.encode(), digest_size=MARK // 2).hexdigest()
    return mark + text if MARK + len(text) <= LONGEST else mark


def read_offer(offer: str) -> Asked | None:
    """Return what the string says, or None if it was too long to say it."""
    text = offer[MARK:]
    return Asked(*json.loads(text)) if text else None
