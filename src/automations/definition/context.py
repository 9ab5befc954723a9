"""What a node gets to see when it decides."""

from __future__ import annotations

import datetime
from typing import Any, Protocol


class Context(Protocol):
    """What a node gets to see: one task of one run, at one moment."""

    @property
    def task(self) -> Any:
        """The task: ``data``, ``created`` and whatever else the row has."""

    @property
    def now(self) -> datetime.datetime:
        """The moment, in process time, as an aware datetime."""

    def resolve(self, value: Any) -> Any:
        """Return ``value``, or the attribute of the automation that ``this.x`` stands for."""

    def evaluate(self, value: Any) -> Any:
        """Return ``value``, called with the task if it, or what it points to, is callable."""

    def first_visit(self, name: str) -> datetime.datetime | None:
        """Return when the run first came to the node ``name``; None if it never did."""

    def message_came(self, name: str) -> datetime.datetime | None:
        """Return when the oldest message ``name`` came that is kept for a node; None: none is."""
