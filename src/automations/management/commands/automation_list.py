"""``manage.py automation_list``: the automations of a project, their nodes and open runs."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count
from django.db.utils import DatabaseError, InterfaceError

from automations.engine.locking import runs, tasks
from automations.management.commands.automation_diagram import by_name, find
from automations.models.runs import RunState

#: Runs in these states have not come to their end.
NOT_ENDED = (RunState.RUNNING.value, RunState.SUSPENDED.value, RunState.FAILED.value)


class Command(BaseCommand):
    """List automations, their nodes, and where their runs stand."""

    help = (
        "List the automations of the project, their nodes, how many of their runs have not ended, "
        "and at which nodes these stand. It changes nothing."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "automation", nargs="*", help="app_label.ClassName, or the dotted path; all if none."
        )
        parser.add_argument("--app", metavar="LABEL", help="Only those of this app.")

    def handle(self, *args: Any, **options: Any) -> None:
        known = by_name()
        chosen = [find(name, known) for name in options["automation"]] or list(known)
        if options["app"] is not None:
            if options["app"] not in apps.app_configs:
                raise CommandError(f"No app {options['app']!r} is installed.")
            home = f"{apps.get_app_config(options['app']).name}."
            chosen = [name for name in chosen if known[name].__module__.startswith(home)]
        try:
            states, places = counted()
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(
                f"The database cannot be asked: {error}. Has manage.py migrate been run?"
            ) from error
        for name in chosen:
            for line in described(name, known[name], states, places):
                self.stdout.write(line)
        if not (options["automation"] or options["app"]):
            there = {label for each in known.values() for label in each._meta.labels}
            for label in sorted(states.keys() - there):
                self.stdout.write(f"{label}: {in_words(states[label])}, and not in the code")


def counted() -> tuple[dict[str, Counter[str]], dict[str, Counter[str]]]:
    """Return, by the name of the class, how many runs are how, and how many tasks stand where."""
    left = runs().filter(state__in=NOT_ENDED).order_by()
    standing = tasks().open().order_by()
    return (
        grouped(left.values_list("automation_class", "state").annotate(Count("pk"))),
        grouped(
            standing.values_list("automation__automation_class", "status").annotate(Count("pk"))
        ),
    )


def grouped(rows: Iterable[tuple[str, str, int]]) -> dict[str, Counter[str]]:
    """Return the numbers by the first column, and then by the second."""
    found: dict[str, Counter[str]] = {}
    for label, key, number in rows:
        found.setdefault(label, Counter())[key] += number
    return found


def described(
    name: str, automation: Any, states: dict[str, Counter[str]], places: dict[str, Counter[str]]
) -> Iterator[str]:
    """Yield the lines of one automation."""
    definition = automation._meta
    yield f"{name}: {in_words(together(states, definition.labels))}"
    standing = together(places, definition.labels)
    width = max(map(len, definition.nodes), default=0)
    for node in definition.nodes.values():
        count = f"  {standing[node.name]} open" if standing[node.name] else ""
        yield f"  {node.name:{width}}  {type(node).__name__}{count}"


def together(counts: dict[str, Counter[str]], labels: Iterable[str]) -> Counter[str]:
    """Return the sum of what is counted under each of the names."""
    return sum((counts.get(label, Counter()) for label in labels), Counter[str]())


def in_words(states: Counter[str]) -> str:
    """Return how many runs are how."""
    return ", ".join(f"{states[state]} {state}" for state in NOT_ENDED if states[state]) or "no run"
