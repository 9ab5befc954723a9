"""Write rows as release 0.9.4.1 did."""

from __future__ import annotations

import datetime
from typing import Any

BEGIN = datetime.datetime(2021, 12, 1, 8, tzinfo=datetime.UTC)
PATH = "tests.upgrade.processes."


def minute(number: int) -> datetime.datetime:
    """A moment: this many minutes after the beginning."""
    return BEGIN + datetime.timedelta(minutes=number)


class OldRows:
    """Writes runs and their tasks into the old tables of a database."""

    def __init__(self, apps: Any, alias: str) -> None:
        self.alias = alias
        self.runs = apps.get_model("automations", "AutomationModel")
        self.tasks = apps.get_model("automations", "AutomationTaskModel")
        for model in (self.runs, self.tasks):
            for field in model._meta.local_fields:
                if hasattr(field, "auto_now"):
                    field.auto_now = field.auto_now_add = False

    def run(self, automation: str = "gone.automations.Gone", **columns: Any) -> int:
        """Write a run; a name without a dot is one of `processes`."""
        path = automation if "." in automation else PATH + automation
        columns = {"created": BEGIN, "updated": minute(60), "key": "0" * 40, **columns}
        run = self.runs.objects.using(self.alias).create(automation_class=path, **columns)
        return int(run.pk)

    def task(
        self,
        run: int,
        status: str,
        after: int | None = None,
        *,
        done: bool = True,
        **columns: Any,
    ) -> int:
        """Write a task of the run, closed or still open."""
        number = self.tasks.objects.using(self.alias).count()
        columns = {
            "created": minute(number),
            "finished": minute(number + 1) if done else None,
            "message": "OK" if done else "",
            **columns,
        }
        task = self.tasks.objects.using(self.alias).create(
            automation_id=run, status=status, previous_id=after, **columns
        )
        return int(task.pk)
