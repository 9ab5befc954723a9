"""Write down what tasks ask for that are offered already, a block of tasks in a transaction."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from automations.models.offers import asked_by, offer_for
from automations.models.runs import RunState

#: How many tasks are read at a time.
BLOCK = 500


def write_offers(apps: Any, schema_editor: Any) -> None:
    """
    Write the offers of all tasks that have none yet: the forward way of the migration.

    Run again after an interruption it goes on where it stopped.
    """
    alias = schema_editor.connection.alias
    tasks = apps.get_model("automations", "AutomationTaskModel")._base_manager.using(alias)
    offered = tasks.filter(requires_interaction=True, automation__state=RunState.RUNNING, offer="")
    last = 0
    while True:
        with transaction.atomic(using=alias):
            block = list(
                offered.filter(pk__gt=last).select_related("automation").order_by("pk")[:BLOCK]
            )
            if not block:
                return
            last = block[-1].pk
            for task in block:
                task.offer = offer_for(asked_by(task))
            tasks.bulk_update(block, ["offer"])
