"""The Celery dispatcher: each run is a message to a Celery worker. Needs Celery."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from celery import shared_task
from kombu import pools

from automations import settings
from automations.dispatch import working
from automations.dispatch.base import Dispatcher
from automations.exceptions import DispatchError

#: Seconds that a broker may take to answer before it counts as away.
PATIENCE = 1.0

#: How the transports that know of it are told; what the project sets for them, it keeps.
LIMITS = {
    "redis": ("socket_connect_timeout", "socket_timeout"),
    "amqp": ("read_timeout", "write_timeout"),
}


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
    from automations.dispatch.regular import do_the_rounds

    return str(do_the_rounds())


def producers() -> Any:
    """
    Return the pool of producers that ask each broker of the project once, and not for long.

    Celery's own ask three times and sleep six seconds, whatever ``retry`` says, and wait for ever
    for a Redis that is frozen. That is right for a message that must not be lost; a hint may be.
    """
    app = work.app
    patience = min(app.conf.broker_connection_timeout or PATIENCE, PATIENCE)
    connection = app.connection_for_write(connect_timeout=patience)
    options = connection.transport_options
    # One try for each broker that the project names.
    options.setdefault("max_retries", max(len(connection.alt), 1) - 1)
    for name in LIMITS.get(connection.transport.driver_type, ()):
        options.setdefault(name, PATIENCE)
    pools.set_limit(app.conf.broker_pool_limit)  # type: ignore[no-untyped-call] # kombu has no types
    return pools.producers[connection]


class CeleryDispatcher(Dispatcher):
    """
    Sends run ids to Celery (``ATM_QUEUE``: to which queue); timers that are near as well.

    A broker that does not answer is asked once, for a second at the most, and then left alone for
    ten times as long as that took: neither a request nor a sweep is kept by it.
    """

    def __init__(self) -> None:
        self._again = 0.0

    def dispatch(self, run_id: int, at: datetime | None = None) -> None:
        options: dict[str, Any] = {"retry": False, "ignore_result": True}
        if at is not None:
            options["eta"] = at
        if settings.get("ATM_QUEUE"):
            options["queue"] = settings.get("ATM_QUEUE")
        begun = time.monotonic()
        if begun < self._again:
            raise DispatchError("The broker did not answer a moment ago and is not asked yet.")
        try:
            with producers().acquire(block=True, timeout=PATIENCE) as producer:
                work.apply_async((run_id,), producer=producer, **options)
        except Exception:
            now = time.monotonic()
            self._again = now + 10 * (now - begun)
            raise
