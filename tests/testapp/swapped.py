"""What a project may put in the place of the rule of who is asked."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User


def for_form(node: Any) -> Any:
    """Ask the user who is called like the node."""
    return User.objects.filter(username=node.name)


def for_task(task: Any, include_superusers: bool = True, backend: str = "") -> Any:
    """Ask the user who is called like the run says, as a plain list if it says so."""
    found = User.objects.filter(username=task.data.get("asked", ""))
    return list(found) if task.data.get("listed") else found
