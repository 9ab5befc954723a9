"""Telling the project what has happened to a run, once it is committed."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import Signal

from automations.engine.locking import alias
from automations.exceptions import AutomationNotFound
from automations.models import AutomationModel, AutomationTaskModel

logger = logging.getLogger("automations")


def announce(signal: Signal, run: AutomationModel, task: AutomationTaskModel | None = None) -> None:
    """Send ``signal`` for the run on commit, if anybody listens."""
    if not signal.receivers:
        return
    transaction.on_commit(partial(tell, signal, run, task), using=alias(), robust=True)


def tell(signal: Signal, run: AutomationModel, task: AutomationTaskModel | None = None) -> None:
    """Send ``signal`` for the run; what a receiver raises is logged and goes no further."""
    about: dict[str, Any] = {"run": run} if task is None else {"run": run, "task": task}
    try:
        sender = run.get_automation_class()
    except AutomationNotFound:
        sender = None
    for receiver, answer in signal.send_robust(sender, **about):
        if isinstance(answer, Exception):
            logger.error("%r could not take a signal of %s", receiver, run, exc_info=answer)
