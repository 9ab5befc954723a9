"""
Moving runs on from nodes that do nothing any more.

A node that is to be deleted is made ``flow.Execute()`` first, so that runs pass it. A task that
was opened before may still wait there for a person, a message or a time of its own; it is found
here and looked at now.
"""

from __future__ import annotations

import logging

from django.db.models import Q

from automations import settings
from automations.definition import known
from automations.engine.locking import tasks
from automations.engine.notifying import going_on_with
from automations.engine.starting import look_anew
from automations.exceptions import RunBusy
from automations.models.runs import RunState

logger = logging.getLogger("automations")


def move_on() -> None:
    """
    Let the next sweep look at the tasks that wait at a node which does nothing.

    One query, or none if no automation has such a node; then a transaction for each run. A run
    that somebody is at work on is left for the next time.
    """
    idle = Q()
    for definition in known.startable():
        names = [name for name, node in definition.nodes.items() if node.does_nothing]
        if names:
            idle |= Q(automation__automation_class__in=definition.labels, status__in=names)
    if not idle:
        return
    waiting = tasks().open().filter(idle, automation__state=RunState.RUNNING, outbox__isnull=True)
    found = waiting.exclude(due__lte=settings.now()).values_list("automation", flat=True)
    for run_id in sorted(set(found)):
        try:
            with going_on_with(run_id):  # the sweep that comes next
                look_anew(run_id)
        except RunBusy:
            logger.info("Run %s is being worked on and is moved on the next time.", run_id)
