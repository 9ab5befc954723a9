"""Reading the rows of a run."""

from __future__ import annotations

import re
from typing import Any

from automations.models import AutomationModel, AutomationTaskModel


def row(automation: Any) -> AutomationModel:
    """Return the run's row as it is now."""
    return AutomationModel.objects.get(pk=automation.id)


def path(automation: Any) -> list[str]:
    """Return the nodes that the run has come to, in the order of its tasks."""
    tasks = AutomationTaskModel.objects.filter(automation=automation.id).order_by("pk")
    return list(tasks.values_list("status", flat=True))


def at(automation: Any, node: str) -> AutomationTaskModel:
    """Return the run's only task at ``node``."""
    return AutomationTaskModel.objects.get(automation=automation.id, status=node)


def states(automation: Any) -> dict[str, str]:
    """Return the state of the run's last task at each node."""
    tasks = AutomationTaskModel.objects.filter(automation=automation.id).order_by("pk")
    return dict(tasks.values_list("status", "state"))


def closings(sql: str) -> int:
    """Return how many tasks the statement completes; one that opens an End may close both."""
    if not sql.startswith(("UPDATE", "INSERT", "WITH")) or "automationtaskmodel" not in sql:
        return 0
    keys = re.search(r" IN \(([\d, ]+)\)", sql) if sql.startswith("UPDATE") else None
    together = len(keys[1].split(",")) if keys else 1
    return sql.count("'completed'") * together
