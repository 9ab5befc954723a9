"""``manage.py automation_check``: what is wrong with processes, and with runs before a deploy."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.checks import ERROR
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError

from automations import registry
from automations.checks import check_definitions
from automations.definition.process import ProcessDefinition
from automations.definition.soundness import Kind, flaw_of
from automations.diagrams.counterexample import painted
from automations.diagrams.svg import svg
from automations.standing import strays

HINT = (
    "Keep a node that was removed as flow.Execute() until no run stands there any more; a process "
    "that was renamed lists its old path in Meta.former_names."
)


class Command(BaseCommand):
    """Say what is wrong with processes, and where runs stand that the code cannot go on with."""

    help = (
        "Say what is wrong with processes. With --database, also where runs stand that this code "
        "cannot go on with: call it with the new code before it is deployed. Exits with 1 if "
        "there is anything. Changes nothing."
    )
    #: They are what is shown.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--pictures",
            type=Path,
            metavar="DIR",
            help="Draw the way to each flaw of soundness into a file of its own in this folder.",
        )
        parser.add_argument(
            "--database",
            action="store_true",
            help="Hold the runs that have not ended against the code.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        flaws = check_definitions()
        for flaw in flaws:
            self.stdout.write(str(flaw))
        for automation in registry.automations():
            self.show_way(automation._meta, options["pictures"])
        wrong = []
        if serious := sum(flaw.level >= ERROR for flaw in flaws):
            wrong.append(f"Flaws of processes that are errors: {serious}.")
        if options["database"]:
            try:
                found = list(strays())
            except (DatabaseError, InterfaceError) as error:
                raise CommandError(f"The database is in trouble: {error}") from error
            for stray in found:
                self.stdout.write(str(stray))
            if found:
                places = "1 place" if len(found) == 1 else f"{len(found)} places"
                wrong.append(f"Runs stand at {places} that this code cannot go on at. {HINT}")
        if wrong:
            raise CommandError(" ".join(wrong))
        self.stdout.write("Nothing is wrong.")

    def show_way(self, definition: ProcessDefinition, folder: Path | None) -> None:
        """Tell the way to the flaw of a process that is not sound, and draw it."""
        flaw = flaw_of(definition)
        if flaw is None or flaw.kind is Kind.UNDECIDED:
            return
        way = " -> ".join(flaw.path) or "any"
        stands = ", ".join(dict.fromkeys(flaw.places))
        self.stdout.write(f"{definition.label}, {flaw.kind}: by the way {way} to {stands}")
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / f"{definition.label}.svg"
            file.write_text(svg(definition, painted(definition, flaw)), encoding="utf-8")
            self.stdout.write(f"Written: {file}")
