"""
The Django Tasks dispatcher: each run is a task of ``django.tasks``, or of its backport.

A task is checked against the project's settings as soon as it is declared, so this module is only
imported where the project has asked for it.
"""

from __future__ import annotations

import importlib
from datetime import datetime
from importlib.util import find_spec
from typing import Any

from automations import settings
from automations.dispatch import working
from automations.dispatch.base import Dispatcher


def framework() -> Any:
    """Return ``django.tasks``, or ``django_tasks`` where Django has none of its own."""
    name = "django.tasks" if find_spec("django.tasks") else "django_tasks"
    return importlib.import_module(name)


def options() -> dict[str, Any]:
    """Return the backend and the queue that the settings ask for."""
    found: dict[str, Any] = {"backend": settings.get("ATM_TASKS_BACKEND")}
    if settings.get("ATM_QUEUE"):
        found["queue_name"] = settings.get("ATM_QUEUE")
    return found


@framework().task(**options())  # type: ignore[untyped-decorator] # of whichever library
def work(run_id: int) -> None:
    """Work on the run: what is due in it, one transaction each."""
    working.work(run_id, "django_tasks")


@framework().task(**options())  # type: ignore[untyped-decorator] # of whichever library
def sweep() -> str:
    """Find what is due and have it worked on, for a scheduler of tasks to send."""
    from automations.dispatch.regular import do_the_rounds

    return str(do_the_rounds())


class TasksDispatcher(Dispatcher):
    """Enqueues run ids (``ATM_TASKS_BACKEND``, ``ATM_QUEUE``); timers that are near as well."""

    def dispatch(self, run_id: int, at: datetime | None = None) -> None:
        task = work.using(**options())
        if at is not None:
            if not task.get_backend().supports_defer:
                return
            task = task.using(run_after=at)
        task.enqueue(run_id)
