"""
Play a whole week of the demo without a browser, and count what came of it.

``make demo-run`` calls this. Each process has its play in ``plays/``: people who use the site
through Django's test client, and what must come of the week, worked out from the files alone.
"""

from __future__ import annotations

import os
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).resolve().parent
#: Pages that nobody has seen while playing, and who is to look at them.
PAGES = {
    "": ["/", "/webinars/", "/mails/"],
    "emil": ["/expenses/", "/expenses/4/"],
    "olga": ["/automations/start", "/automations/start/webinars.automations.WebinarJourney"],
    "admin": ["/", "/automations/dashboard", "/automations/dashboard/1"],
}


def main() -> int:
    """Play, print the table, and say whether every count is what follows from the files."""
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {
            "DEMO_HOME": home,
            "DEMO_OUTBOX": str(Path(home) / "outbox"),
            "DJANGO_SETTINGS_MODULE": "project.settings",
        }
        sys.path.insert(0, str(HERE))
        import django

        django.setup()
        from plays import expenses, issues, webinars

        plays = {"Issue discussion": issues, "Webinars": webinars, "Expenses": expenses}
        play([*plays.values()])
        tables = {
            title: (lines(one.counted()), lines(one.expected())) for title, one in plays.items()
        }
    wrong = sum(show(title, counted, wanted) for title, (counted, wanted) in tables.items())
    print("\nEvery count follows from the files." if not wrong else f"\n{wrong} counts differ.")
    return 1 if wrong else 0


def play(plays: list[ModuleType]) -> None:
    """Play the week, and look at the pages that nobody has seen while playing."""
    from plays.person import Person

    casts = begin(plays)
    for moment in moments(plays):
        happen(moment, casts)
    for name, addresses in PAGES.items():
        for address in addresses:
            Person(name).see(address)


def begin(plays: list[ModuleType]) -> list[Any]:
    """Load the demo, and return the casts of the plays: people who are logged in."""
    from django.core.management import call_command
    from plays.files import BEGIN
    from project import clock

    clock.stand_at(BEGIN)
    call_command("migrate", verbosity=0)
    call_command("load_demo")
    call_command("load_demo")  # which does nothing the second time
    return [one.Cast() for one in plays]


def moments(plays: list[ModuleType]) -> list[datetime]:
    """Return every moment at which something arrives, and each half of an hour."""
    from plays.files import BEGIN, HOUR

    halves = {BEGIN + half * HOUR / 2 for half in range(2 * 8 * 24)}
    return sorted(halves.union(*(one.moments() for one in plays)))


def happen(moment: datetime, casts: list[Any], *, may_fail: bool = False) -> None:
    """Let happen what is due at ``moment``: things arrive, runs go on, people do their tasks."""
    from django.core.management import call_command
    from plays.files import BEGIN, HOUR
    from project import clock

    from automations.models import AutomationModel

    clock.stand_at(moment)
    call_command("feed", verbosity=0)
    report = AutomationModel.run()
    if not (report.ok or may_fail):
        sys.exit(f"{moment}: {report}")
    hour, rest = divmod(moment - BEGIN, HOUR)
    if not rest:
        for cast in casts:
            cast.act(hour)


def lines(counts: dict[str, Any]) -> dict[str, Any]:
    """Return the counts as the lines of a table; what is not there at all is none."""
    table: dict[str, Any] = {}
    for name, value in counts.items():
        if isinstance(value, dict):
            table |= {f"{name}: {key}": item for key, item in value.items() if item}
        else:
            table[name] = value
    return table


def show(title: str, counted: dict[str, Any], wanted: dict[str, Any]) -> int:
    """Print the lines of one process; return how many of them are wrong."""
    wrong = 0
    print(f"\n{title:44}{'counted':>16}{'from the files':>18}")
    for name in [*wanted, *(name for name in counted if name not in wanted)]:
        found, right = counted.get(name, 0), wanted.get(name, 0)
        wrong += found != right
        mark = "" if found == right else "   <-- differs"
        print(f"{name:44}{found!s:>16}{right!s:>18}{mark}")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
