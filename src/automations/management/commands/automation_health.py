"""``manage.py automation_health``: what a monitor calls."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, InterfaceError

from automations.health import Health, Limits, number, read

MEANING = {
    "max_age": ("SECONDS", "How long ago the last sweep may be while something is due"),
    "max_late": ("SECONDS", "For how long a task may be due"),
    "max_expired": ("NUMBER", "How many claims may have expired"),
    "max_incidents": ("NUMBER", "How many runs may be stopped by an error"),
    "max_nobody": ("NUMBER", "How many tasks may wait for people none of whom can act"),
}


class Command(BaseCommand):
    """Say how the automations are."""

    help = (
        "Say when a sweep was last done, what is late, what has failed and what nobody can do. "
        "Exits with 1 if something is wrong. A negative limit is none."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print JSON, in one line.")
        for name, (what, meaning) in MEANING.items():
            parser.add_argument(
                f"--{name.replace('_', '-')}",
                type=number,
                metavar=what,
                default=getattr(Limits, name),
                help=f"{meaning}: %(default)s.",
            )

    def handle(self, *args: Any, **options: Any) -> None:
        limits = Limits.of(options)
        try:
            health = read()
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(f"The database is in trouble: {error}") from error
        if options["json"]:
            self.stdout.write(json.dumps(health.report(limits), cls=DjangoJSONEncoder))
        else:
            self.stdout.write("\n".join(lines(health)))
        if problems := health.problems(limits):
            raise CommandError(" ".join(problems))


def lines(health: Health) -> list[str]:
    """Return the report for a person."""
    last, oldest = health.last_sweep, health.oldest_due
    return [
        f"Last sweep: {f'{last:%Y-%m-%d %H:%M:%S} UTC' if last else 'none noted'}",
        f"Runs that are due: {health.due}",
        f"Oldest due: {f'{health.late:.0f} seconds ago' if oldest else 'nothing'}",
        f"Claims that have expired: {health.expired_claims}",
        f"Runs stopped by an error: {health.incidents}",
        f"Tasks that nobody can do: {health.nobody}",
    ]
