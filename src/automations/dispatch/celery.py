"""The Celery dispatcher: each run is a message to a Celery worker. Needs Celery."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from celery import shared_task

from automations import settings
from automations.dispatch import working
from automations.dispatch.base import Dispatcher


# A worker that dies leaves its message to another: what it was about is done once all the same.
@shared_task(  # type: ignore[untyped-decorator] # Celery has no types
    name="automations.work", acks_late=True, reject_on_worker_lost=True
)
def work(run_id: int) -> None:
    """Work on the run: what is due in it, one transaction each."""
    working.work(run_id, "celery")


@shared_task(name="automations.sweep")  # type: ignore[untyped-decorator] # Celery has no types
def sweep() -> str:
    """Find what is due and have it worked on: what a scheduler calls every few seconds."""
    from automations.dispatch.sweep import sweep as sweep_once

    return str(sweep_once())


class CeleryDispatcher(Dispatcher):
    """
    Sends run ids to Celery (``ATM_QUEUE``: to which queue); timers that are near as well.

    A broker that does not answer is asked once: a request is not kept by it.
    """

    def dispatch(self, run_id: int, at: datetime | None = None) -> None:
        options: dict[str, Any] = {"retry": False, "ignore_result": True}
        if at is not None:
            options["eta"] = at
        if settings.get("ATM_QUEUE"):
            options["queue"] = settings.get("ATM_QUEUE")
        work.apply_async((run_id,), **options)
