"""``manage.py automation_delete_history``: what keeps the tables small."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import ProtectedError, RestrictedError
from django.db.utils import Error as DatabaseError

from automations.engine.retention import (
    BATCH,
    DELETABLE,
    ENDED,
    check,
    count_history,
    delete_in_batches,
    ended_before,
)
from automations.engine.trouble import is_transient


class Command(BaseCommand):
    """Delete the runs that have ended long ago."""

    help = (
        "Delete the runs that have ended more than some days ago, with all that belongs to them. "
        "Runs that go on, or that are suspended, always stay; those stopped by an error stay "
        "unless you say --state failed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "days", type=int, nargs="?", default=30, help="Days since the end of a run (30)."
        )
        parser.add_argument(
            "--state",
            action="append",
            choices=DELETABLE,
            help="Delete runs in this state; may be given again (finished and cancelled).",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Say how many there are, and delete nothing."
        )
        parser.add_argument(
            "--batch-size",
            type=int,
            default=BATCH,
            metavar="RUNS",
            help=f"Runs that are deleted in one transaction ({BATCH}); fewer if they are long.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        days, states, batch = options["days"], options["state"] or ENDED, options["batch_size"]
        try:
            ended_before(days)
            check(states, batch)
        except ValueError as error:
            raise CommandError(str(error)) from error
        if options["dry_run"]:
            runs, tasks = count_history(days, states)
            self.say(options, f"{runs} runs and {tasks} tasks would be deleted")
            return
        deleted: Counter[str] = Counter()
        try:
            for some in delete_in_batches(days, states, batch):
                deleted += some
        except (ProtectedError, RestrictedError) as error:
            raise CommandError(
                f"{error.args[0]}. Delete those first. Until then {said(deleted)}."
            ) from error
        except DatabaseError as error:
            if not is_transient(error):
                raise
            raise CommandError(
                f"The database is in trouble ({error}). Until then {said(deleted)}; call it again."
            ) from error
        self.say(options, said(deleted))

    def say(self, options: dict[str, Any], text: str) -> None:
        """Write ``text`` unless quiet is wanted."""
        if options["verbosity"]:
            self.stdout.write(text)


def said(deleted: Counter[str]) -> str:
    """Return in words what was deleted."""
    runs = deleted["automations.AutomationModel"]
    tasks = deleted["automations.AutomationTaskModel"]
    return f"{runs} runs and {tasks} tasks deleted"
