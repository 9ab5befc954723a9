"""
Run the proofs of what is promised, and show what each has found. ``make proofs`` calls this.

The tests are those of tools/test.py, at the scale that the environment says. They note what they
have done and counted; that becomes a table. With ``--page`` what was found in a run in which
everything was green and no test was left out is written into the documentation, in the place of
what was found on that database before: ``--database`` runs them on one, for they take hours.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

import test
from environments import ROOT

PAGE = ROOT / "docs" / "explanation" / "proofs.md"
#: What was found on each database when everything was green there last, for the page.
FOUND = PAGE.with_suffix(".json")
TESTS = ["tests/proofs", "tests/upgrade", "tests/dispatch/test_notify.py"]

#: Between these lines of the page stands the table; the rest of it is written by hand.
BEGIN, END = "<!-- written by make proofs PAGE=1 -->", "<!-- until here -->"

HEAD = ["Promise", "Database", "What was done", "Runs", "Exact", "Stuck", "Lost", "Doubled"]
NUMBERS = ["runs", "exact", "stuck", "lost", "doubled"]


class Line(NamedTuple):
    """One line of the table: what was done and found, and on which databases."""

    promises: str
    done: str
    numbers: list[int]
    databases: list[str]

    def cells(self) -> list[str]:
        """Return what stands in each column."""
        return [
            self.promises,
            ", ".join(self.databases),
            self.done,
            *["{:,}".format(number) for number in self.numbers],  # noqa: UP032 - as one reads it
        ]


def read(file: Path) -> list[dict[str, Any]]:
    """Return what the tests have noted, in the order of the promises."""
    if not file.exists():
        return []
    # What processes that report each other's results have written twice counts once.
    lines_read = dict.fromkeys(file.read_text(encoding="utf-8").splitlines())
    return sorted((json.loads(line) for line in lines_read), key=place)


def place(note: dict[str, Any]) -> tuple[int, str, int]:
    """Return where the note stands among others: by promise, test and database."""
    bases = list(test.TITLES.values())
    name = database_of(note)
    at = bases.index(name) if name in bases else len(bases)
    return number(note["promises"][0]), note["test"], at


def number(promise: str) -> int:
    """Return the number in the name of a promise."""
    return int(promise.lstrip("P"))


def lines(notes: list[dict[str, Any]]) -> list[Line]:
    """Return the lines of the table: what was the same on several databases is one."""
    found: dict[str, Line] = {}
    for note in notes:
        numbers = [note[name] for name in NUMBERS]
        promises = ", ".join(note["promises"])
        done = note["done"] if note["passed"] else note["done"] + " - THE TEST HAS FAILED"
        key = json.dumps([note["test"], promises, done, numbers])
        line = found.setdefault(key, Line(promises, done, numbers, []))
        line.databases.append(database_of(note))
    return list(found.values())


def plain(table: list[Line]) -> str:
    """Return the table for a terminal."""
    rows = [HEAD, *[line.cells() for line in table]]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEAD))]
    first = len(HEAD) - len(NUMBERS)
    shown = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:first], widths)]
        cells += [cell.rjust(width) for cell, width in zip(row[first:], widths[first:])]
        shown.append("  " + "  ".join(cells))
    return "\n".join(shown)


def markdown(notes: list[dict[str, Any]]) -> str:
    """Return the table as a part of the page, with the versions and the dates."""
    rows = ["| " + " | ".join(HEAD) + " |"]
    rows.append("| --- | --- | --- |" + " ---: |" * len(NUMBERS))
    rows += ["| " + " | ".join(line.cells()) + " |" for line in lines(notes)]
    dates = {note["pass"]: datetime.date.fromisoformat(note["date"]) for note in notes}
    about = ["- {}, run on {:%d %B %Y}".format(*each) for each in sorted(dates.items())]
    absent = set(test.TITLES.values()) - {database_of(note) for note in notes}
    about += [f"- {database}: no full run yet" for database in sorted(absent)]
    return "\n".join([*about, "", *rows])


def into_page(text: str, part: str) -> str:
    """Return the page with ``part`` between its two lines."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n\n" + part + "\n\n" + END + after


def missing(arguments: list[str], code: int) -> str:
    """Return why what was found now is not for the page; nothing if it is."""
    if code:
        return "something has failed"
    if arguments:
        return "pytest was given arguments, so it was not all"
    if int(os.environ.get("ATM_PROOF_SCALE", "1")) < 2:
        return "it was not at full scale, which make proofs asks for"
    return ""


def keep(notes: list[dict[str, Any]], today: datetime.date, file: Path) -> list[dict[str, Any]]:
    """Put what was found on a database in the place of what was found there before; return all."""
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    found = {database_of(note) for note in notes}
    kept = [note for note in kept if database_of(note) not in found]
    kept += [{**note, "date": today.isoformat()} for note in notes]
    kept.sort(key=place)
    file.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return list(kept)


def database_of(note: dict[str, Any]) -> str:
    """Return the name of the database of the note."""
    return str(note["pass"].split()[0])


def main() -> int:
    """Run the tests, show the table, and write the page if that is wanted and allowed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--database", choices=list(test.TITLES))
    options, arguments = parser.parse_known_args()
    databases = [options.database] if options.database else list(test.TITLES)
    with tempfile.TemporaryDirectory(prefix="automations-proofs-") as folder:
        file = Path(folder) / "notes.jsonl"
        # Those that hold what they measure against a limit of time have the machine for themselves.
        codes = [
            test.main([*TESTS, "-m", which, *more, *arguments], file, databases)
            for which, more in [("alone", ["-n", "0"]), ("not alone", [])]
        ]
        notes = read(file)
    print("\n=== What was proved")
    print(plain(lines(notes)))
    if options.page:
        reason = missing(arguments, max(codes))
        if reason:
            print(f"The page was not written: {reason}.")
            return max(codes) or 1
        kept = keep(notes, datetime.date.today(), FOUND)  # noqa: DTZ011 - here
        page = into_page(PAGE.read_text(encoding="utf-8"), markdown(kept))
        PAGE.write_text(page, encoding="utf-8")
        print(f"Written: {PAGE.relative_to(ROOT)}")
    return max(codes)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, test.end)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        sys.exit(130)
