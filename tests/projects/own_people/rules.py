"""Who is asked: whoever is in the team."""

from __future__ import annotations

from typing import Any


def for_form(node: Any) -> Any:
    """Return the people of the team that the node names."""
    from tests.projects.own_people.models import Person

    return Person.objects.filter(team__title=node.group[1]["title"])


def for_task(task: Any, include_superusers: bool = True, backend: str = "") -> Any:
    """Return the people of the team that the task is for."""
    from tests.projects.own_people.models import Person

    return Person.objects.filter(team=task.interaction_group_id)
