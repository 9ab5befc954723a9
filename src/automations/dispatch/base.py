"""
Dispatchers: where runs are worked on, never whether.

The rows are the queue. What a dispatcher is given is a hint: if it is lost, the next sweep but one
claim's time finds the run (later, if nobody has come to it for longer); if it comes twice, the run
is worked on once. So a dispatcher needs no acknowledgement, no retries and no order of its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from functools import lru_cache

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from automations.exceptions import DispatchError

#: Who steps to a task executes it: a request within its budget, else a sweep.
INLINE = "inline"
#: As inline, but never in the thread of a request.
THREAD = "thread"

NAMES = {
    THREAD: "automations.dispatch.thread.ThreadDispatcher",
    "django_tasks": "automations.dispatch.django_tasks.TasksDispatcher",
    "celery": "automations.dispatch.celery.CeleryDispatcher",
}


class Dispatcher(ABC):
    """Has runs worked on elsewhere; subclass it for a queue of your own."""

    @abstractmethod
    def dispatch(self, run_id: int, at: datetime | None = None) -> None:
        """
        See to it that `automations.dispatch.working.work` is called with the run, somewhere.

        It is called with ``run_id`` and the name under which this dispatcher is known (by default
        that of its class). Called once the transaction that made the run due is through. ``at``,
        an aware datetime, is when the run is due, if that is later; a dispatcher that cannot wait
        does nothing then. May raise anything: a sweep dispatches again.
        """


@lru_cache
def get_dispatcher(name: str) -> Dispatcher:
    """
    Return the dispatcher that is known as ``name``, or whose class has that dotted path.

    Raise `DispatchError`, which says what is missing, if there is none.
    """
    path = NAMES.get(name, name)
    try:
        found = import_string(path)
        if isinstance(found, type) and issubclass(found, Dispatcher):
            return found()
    except Exception as error:
        known = ", ".join([INLINE, *NAMES])
        raise DispatchError(
            f"There is no dispatcher {name!r}: {error}. Use one of {known}, or the dotted path of "
            f"a subclass of automations.dispatch.base.Dispatcher."
        ) from error
    raise DispatchError(f"{path} is no subclass of automations.dispatch.base.Dispatcher.")


def forget(*, setting: str, **kwargs: object) -> None:
    """Make dispatchers anew when a test changes a setting."""
    if setting.startswith("ATM_") or setting == "TASKS":
        get_dispatcher.cache_clear()


setting_changed.connect(forget, dispatch_uid="automations.dispatch.base")
