"""``manage.py automation_diagram``: the picture of a process, as SVG, PNG, BPMN or Mermaid."""

from __future__ import annotations

import difflib
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError

from automations import registry
from automations.definition.process import ProcessDefinition
from automations.diagrams.formats import FORMATS, Format
from automations.diagrams.painting import NOTHING, Paint
from automations.exceptions import AutomationError, ConverterMissing
from automations.models import AutomationModel
from automations.pictured import run_paint


class Command(BaseCommand):
    """Print a process, or write all of them into files."""

    help = (
        "Print the picture of a process: as SVG; as BPMN 2.0, which other tools open; as text that "
        "Mermaid draws, in a README for example; or as PNG. Nothing is executed, and no database "
        "is asked, but with --run."
    )
    #: A process that has flaws can be drawn too.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "automation", nargs="*", help="app_label.ClassName, or the dotted path of the class."
        )
        parser.add_argument("--all", action="store_true", help="All processes of the project.")
        parser.add_argument(
            "--run",
            metavar="KEY",
            help="How far a run is, painted on its process: the run's key or its primary key.",
        )
        parser.add_argument("--format", choices=sorted(FORMATS), default="svg")
        parser.add_argument(
            "--output",
            type=Path,
            metavar="DIR",
            help="Write each process into a file of its own in this folder, which is made.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["run"] is not None:
            self.draw_run(options)
            return
        known = by_name()
        if bool(options["automation"]) == options["all"]:
            raise CommandError("Name the processes to draw, or say --all, or --run with a run.")
        chosen = list(known) if options["all"] else [find(n, known) for n in options["automation"]]
        wanted = FORMATS[options["format"]]
        folder: Path | None = options["output"]
        if folder is None and len(chosen) > 1:
            raise CommandError("Several processes need --output, a folder to write them into.")
        for name in chosen:
            self.write(name, known[name]._meta, NOTHING, wanted, folder)

    def draw_run(self, options: dict[str, Any]) -> None:
        """Write the process of a run, with how far it is."""
        wanted = FORMATS[options["format"]]
        if options["automation"] or options["all"]:
            raise CommandError("--run says which process it is: name none beside it.")
        if not wanted.paints:
            able = ", ".join(sorted(name for name, each in FORMATS.items() if each.paints))
            raise CommandError(f"--format {options['format']} shows no run. These do: {able}.")
        run = run_of(options["run"])
        try:
            definition = run.definition
        except AutomationError as error:
            raise CommandError(str(error)) from error
        name = f"run-{run.pk}"
        self.write(name, definition, run_paint(run, definition), wanted, options["output"])

    def write(
        self,
        name: str,
        definition: ProcessDefinition,
        paint: Paint,
        wanted: Format,
        folder: Path | None,
    ) -> None:
        """Write a picture into a file of that name, or to the standard output without a folder."""
        try:
            made = wanted.make(definition, paint)
        except ConverterMissing as error:
            raise CommandError(str(error)) from error
        if folder is None:
            self.show(made)
            return
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{name}.{wanted.ending}"
        file.write_bytes(made)
        self.stdout.write(f"Written: {file}")

    def show(self, made: bytes) -> None:
        """Write to the standard output: text as text, a PNG as it is."""
        if not made.startswith(b"\x89PNG"):
            self.stdout.write(made.decode(), ending="")
            return
        out = getattr(self.stdout, "buffer", None)
        if out is None:
            raise CommandError("A PNG is no text: say with --output into which folder it goes.")
        out.write(made)


def run_of(key: str) -> AutomationModel:
    """Return the run with that key or primary key; raise `CommandError` if there is none."""
    runs = AutomationModel.objects
    run = runs.filter(key=key).first()
    if run is None and key.isascii() and key.isdigit() and len(key) < 19:
        run = runs.filter(pk=int(key)).first()
    if run is None:
        raise CommandError(f"There is no run with the key or primary key {key!r}.")
    return run


def by_name() -> dict[str, Any]:
    """Return all automations by their short names; those that share one by their dotted paths."""
    found = list(registry.automations())
    often = Counter(short_name(each) for each in found)
    return {
        short if often[short] == 1 else each.get_automation_name(): each
        for each in found
        for short in [short_name(each)]
    }


def short_name(automation: Any) -> str:
    """Return the label of the app and the name of the class; its dotted path if it has no app."""
    app = apps.get_containing_app_config(automation.__module__)
    return f"{app.label}.{automation.__qualname__}" if app else automation.get_automation_name()


def find(name: str, known: dict[str, Any]) -> str:
    """Return the key of what is called so; raise `CommandError` if there is nothing, or several."""
    for short, automation in known.items():
        if name in (short, automation.get_automation_name()):
            return short
    shared = [key for key, each in known.items() if short_name(each) == name]
    if shared:
        raise CommandError(f"{name} is the name of several: {', '.join(shared)}.")
    close = difflib.get_close_matches(name, known, 1)
    meant = f" Did you mean {close[0]}?" if close else ""
    raise CommandError(f"There is no automation {name!r}.{meant}")
