"""
Convert the rows of all old runs, a block of runs in a transaction.

A run that has no state yet is still to be converted. So an interrupted conversion goes on where
it stopped, and nothing is converted twice.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db import transaction
from django.db.migrations.exceptions import IrreversibleError

from automations import settings
from automations.models.runs import RunState
from automations.upgrade.classes import Classes, bound_keys, next_of, unique_key
from automations.upgrade.story import ARRIVED, SKIPPED, SPLIT, OldTask, tell
from automations.upgrade.verdict import Changes, Verdict, judge

#: How many runs are converted at a time, and how many rows a statement names.
BLOCK = 200
ROWS = 500

#: Messages of tasks whose result says nothing that is needed here; results may be large.
PLAIN_MESSAGES = ("", "OK", "True", "False", SPLIT, ARRIVED, SKIPPED)


def convert(apps: Any, schema_editor: Any) -> None:
    """Convert all runs that are not converted yet: the forward way of the migration."""
    conversion = Conversion(apps, schema_editor.connection.alias)
    while conversion.convert_block():
        pass


def refuse_to_go_back(apps: Any, schema_editor: Any) -> None:
    """Let an unused app go; refuse if there are runs, for the old tables cannot hold them."""
    runs = apps.get_model("automations", "AutomationModel")._base_manager
    if runs.using(schema_editor.connection.alias).exists():
        raise IrreversibleError(
            "Runs cannot be brought back into the tables of release 0.9.4.1. Restore the backup "
            "that you made before the upgrade."
        )


class Conversion:
    """One conversion, with the models as the migrations know them."""

    def __init__(self, apps: Any, alias: str) -> None:
        self.apps = apps
        self.alias = alias
        self.now: datetime = settings.now()
        self.classes = Classes()
        self.last = 0
        self.runs = self._rows("automations", "AutomationModel")
        self.tasks = self._rows("automations", "AutomationTaskModel")
        self.objects = self._rows("automations", "AutomationObjectModel")
        self.is_other_group = settings.get("ATM_GROUP_MODEL").lower() != "auth.group"

    def _rows(self, *model: str) -> Any:
        return self.apps.get_model(*model)._base_manager.using(self.alias)

    def convert_block(self) -> bool:
        """Convert the next block of runs; return whether there was one."""
        with transaction.atomic(using=self.alias):
            left = self.runs.filter(state=None, pk__gt=self.last).order_by("pk")
            runs = list(left[:BLOCK])
            if not runs:
                return False
            self.last = runs[-1].pk
            old = self._old_tasks([run.pk for run in runs])
            self._write_names([task for tasks in old.values() for task in tasks])
            of_runs: dict[tuple[Any, ...], list[int]] = defaultdict(list)
            of_tasks: dict[tuple[Any, ...], list[int]] = defaultdict(list)
            for run in runs:
                automation = self.classes.get(run.automation_class)
                told = tell(old[run.pk], partial(next_of, automation))
                verdict = judge(run.finished, run.updated, told, automation, self.now)
                self._take_down(run, verdict, automation)
                of_runs[tuple(verdict.run.items())].append(run.pk)
                for pk, changes in verdict.tasks.items():
                    of_tasks[tuple(changes.items())].append(pk)
            _update(self.tasks, of_tasks)
            self.runs.bulk_update(runs, ["key"])
            self._give_unique_keys([run for run in runs if run.unique_key])
            _update(self.runs, of_runs)
            return True

    def _old_tasks(self, run_ids: list[int]) -> dict[int, list[OldTask]]:
        rows = self.tasks.filter(automation__in=run_ids)
        results = dict(rows.exclude(message__in=PLAIN_MESSAGES).values_list("pk", "result"))
        found: dict[int, list[OldTask]] = defaultdict(list)
        for run_id, *columns in rows.values_list(
            "automation",
            "pk",
            "previous",
            "status",
            "created",
            "finished",
            "message",
            "requires_interaction",
            "interaction_user",
            "interaction_group",
            "interaction_permissions",
        ):
            task = OldTask(*columns)
            task.result = results.get(task.pk)
            found[run_id].append(task)
        return found

    def _take_down(self, run: Any, verdict: Verdict, automation: Any) -> None:
        """Find the keys of the run, and make the rows that it needs."""
        run.key = secrets.token_hex(16)
        run.unique_key = None
        if verdict.run["state"] == RunState.RUNNING and automation:
            run.unique_key = unique_key(automation, run.automation_class, run.data)
        for changes in verdict.new_tasks:
            self.tasks.create(automation=run, **changes)
        self.objects.bulk_create(
            self.objects.model(automation=run, name=name, model=label, object_key=key)
            for name, label, key in bound_keys(automation, run.data)
        )

    def _give_unique_keys(self, runs: list[Any]) -> None:
        """Leave a unique key only to the first of several running runs."""
        wanted = {run.unique_key for run in runs}
        taken = set(
            self.runs.filter(unique_key__in=wanted).values_list("automation_class", "unique_key")
        )
        for run in runs:
            if (run.automation_class, run.unique_key) not in taken:
                taken.add((run.automation_class, run.unique_key))
                self.runs.filter(pk=run.pk).update(unique_key=run.unique_key)

    def _write_names(self, tasks: Iterable[OldTask]) -> None:
        """Keep the names of those who were asked, for when they are deleted."""
        by_user: dict[Any, list[int]] = defaultdict(list)
        by_group: dict[Any, list[int]] = defaultdict(list)
        for task in tasks:
            by_user[task.user].append(task.pk)
            by_group[task.group].append(task.pk)
        by_user.pop(None, None)
        by_group.pop(None, None)
        users = self._names(get_user_model()._meta.label, get_user_model().USERNAME_FIELD, by_user)
        for user, keys in by_user.items():
            self._update_tasks(keys, {"interaction_user_name": users.get(user, f"user {user}")})
        groups = self._names(settings.get("ATM_GROUP_MODEL"), "name", by_group)
        for group, keys in by_group.items():
            changes: Changes = {"interaction_group_name": groups.get(group, f"group {group}")}
            if self.is_other_group and group not in groups:
                # The old table pointed to auth.Group whatever the setting said.
                changes["interaction_group_id"] = None
            self._update_tasks(keys, changes)

    def _names(self, label: str, name_field: str, keys: Iterable[Any]) -> dict[Any, str]:
        """Return the names by primary key; the key itself where the model has no such field."""
        rows = self._rows(label)
        try:
            rows.model._meta.get_field(name_field)
        except FieldDoesNotExist:
            name_field = "pk"
        found = rows.filter(pk__in=list(keys)).values_list("pk", name_field)
        return {key: str(name)[:255] for key, name in found}

    def _update_tasks(self, keys: list[int], changes: Changes) -> None:
        _update(self.tasks, {tuple(changes.items()): keys})


def _update(rows: Any, changed: Mapping[tuple[Any, ...], list[int]]) -> None:
    """Write the same new columns into all rows that get them, given by primary key."""
    for columns, keys in changed.items():
        for start in range(0, len(keys), ROWS):
            rows.filter(pk__in=keys[start : start + ROWS]).update(**dict(columns))
