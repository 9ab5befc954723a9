"""A context made of plain objects: nodes decide without a database."""

from __future__ import annotations

import datetime
from types import SimpleNamespace
from typing import Any

from automations.definition.references import Reference, as_reference

NOW = datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)


class PlainContext:
    """One task without a row; ``automation`` is anything that has the attributes."""

    def __init__(self, now: datetime.datetime = NOW, **attributes: Any) -> None:
        self.now = now
        self.visits = attributes.pop("visits", {})
        self.messages = attributes.pop("messages", {})
        self.automation = SimpleNamespace(**attributes)
        self.task = SimpleNamespace(
            created=NOW, data={}, reminders=[], requires_interaction=False, tries=0, retry_at=None
        )

    def resolve(self, value: Any) -> Any:
        """Return ``value``, or the attribute that it stands for."""
        value = as_reference(value)
        return getattr(self.automation, value.name) if isinstance(value, Reference) else value

    def evaluate(self, value: Any) -> Any:
        """Return ``value``, called with the task if it can be."""
        value = self.resolve(value)
        return value(self.task) if callable(value) else value

    def first_visit(self, name: str) -> datetime.datetime | None:
        """Return when the run first came to the node ``name``."""
        found: datetime.datetime | None = self.visits.get(name)
        return found

    def message_came(self, name: str) -> datetime.datetime | None:
        """Return when the oldest message ``name`` came that is kept."""
        found: datetime.datetime | None = self.messages.get(name)
        return found
