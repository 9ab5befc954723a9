"""``manage.py automation_incidents``: see what has failed, and put it right."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import localtime

from automations import settings
from automations.engine.locking import tasks
from automations.exceptions import AutomationError
from automations.models import AutomationTaskModel
from automations.models.runs import RunState
from automations.models.tasks import TaskQuerySet, TaskState

ACTS = {"retry": "retried", "skip": "skipped", "cancel": "cancelled"}


class Command(BaseCommand):
    """List the tasks that have failed, or retry, skip or cancel them."""

    help = (
        "List the tasks that have stopped their run, or retry them, skip them, or cancel their "
        "runs. Each act is written into the audit trail. Exits with 1 if one of them failed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", nargs="?", choices=["list", *ACTS], default="list")
        parser.add_argument("task", nargs="*", type=int, help="Primary keys of tasks; else all.")
        parser.add_argument("--automation", metavar="PATH", help="The dotted path of the class.")
        parser.add_argument("--node", help="The name of the node.")
        parser.add_argument("--error", help="The class of the error, or the end of its path.")
        parser.add_argument(
            "--older-than", type=float, metavar="HOURS", help="Failed longer ago than this."
        )
        parser.add_argument("--reason", default="", help="Why, for the audit trail.")
        parser.add_argument("--user", help="Who, for the audit trail: a username.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be done.")

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(self.find(options).select_related("automation").order_by("finished", "pk"))
        act = options["act"]
        if act == "list" or options["dry_run"]:
            for task in found:
                self.stdout.write(line(task))
            what = "have stopped their runs" if act == "list" else f"would be {ACTS[act]}"
            self.stdout.write(f"{len(found)} tasks {what}.")
            return
        user = self.user(options["user"])
        wrong = 0
        for task in found:
            try:
                owner = task.automation if act == "cancel" else task
                getattr(owner, act)(user=user, reason=options["reason"])
            except AutomationError as error:
                wrong += 1
                self.stderr.write(f"{line(task)}: {error}")
        self.stdout.write(f"{len(found) - wrong} tasks {ACTS[act]}.")
        if wrong:
            raise CommandError(f"{wrong} tasks could not be {ACTS[act]}.")

    def find(self, options: dict[str, Any]) -> TaskQuerySet:
        """Return the failed tasks that are meant."""
        found = tasks().filter(state=TaskState.FAILED, automation__state=RunState.FAILED)
        if options["task"]:
            found = found.filter(pk__in=options["task"])
        if options["automation"]:
            found = found.filter(automation__automation_class=options["automation"])
        if options["node"]:
            found = found.filter(status=options["node"])
        if options["error"]:
            found = found.filter(error__endswith=options["error"])
        if options["older_than"] is not None:
            before = settings.now() - timedelta(hours=options["older_than"])
            found = found.filter(finished__lt=before)
        return found

    def user(self, name: str | None) -> Any:
        """Return the user called ``name``. Raise `CommandError` if there is none."""
        if name is None:
            return None
        model = get_user_model()
        found = model._default_manager.filter(**{model.USERNAME_FIELD: name}).first()
        if found is None:
            raise CommandError(f"There is no user {name!r}.")
        return found


def line(task: AutomationTaskModel) -> str:
    """Return one line about a failed task."""
    when = localtime(task.finished).isoformat(" ", "minutes") if task.finished else "-"
    where = f"{task.automation.automation_class}.{task.status}"
    return f"{task.pk}  {when}  run {task.automation_id}  {where}  {task.message}"
