"""
Run the proofs of what is promised, and show what each has found. ``make proofs`` calls this.

The tests are those of tools/test.py, at the scale that the environment says. They note what they
have done and counted; that becomes a table. With ``--page`` what tests have found that have passed
is written into the documentation, in the place of what the same tests had found before on the same
database, and the names of those that have failed. So they can be run one database after the other
(``--database``), for that takes hours, and what has failed or was left out alone (``--left``), or
what was not proved since the day of a change (``--since``).
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


def proved(notes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return those that say what was found, and not only that a test was tried."""
    return [note for note in notes if note["promises"]]


def place(note: dict[str, Any]) -> tuple[int, str, int]:
    """Return where the note stands among others: by promise, test and database."""
    bases = list(test.TITLES.values())
    name = database_of(note)
    at = bases.index(name) if name in bases else len(bases)
    return number(note["promises"][0]) if note["promises"] else 0, note["test"], at


def number(promise: str) -> int:
    """Return the number in the name of a promise."""
    return int(promise.lstrip("P"))


def lines(notes: list[dict[str, Any]]) -> list[Line]:
    """Return the lines of the table: what was the same on several databases is one."""
    found: dict[str, Line] = {}
    for note in proved(notes):
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
    about = []
    for title in sorted({note["pass"] for note in notes}):
        days = sorted({note["date"] for note in notes if note["pass"] == title})
        said = " to ".join(as_people_write(day) for day in ends(days))
        about.append(f"- {title}: run on {said}")
        failed = [note["test"].rpartition("::")[2] for note in notes if is_failure(note, title)]
        about += [f"  - not proved there: `{name}`" for name in sorted(failed)]
    absent = set(test.TITLES.values()) - {database_of(note) for note in notes}
    about += [f"- {database}: no full run yet" for database in sorted(absent)]
    return "\n".join([*about, "", *rows])


def as_people_write(day: str) -> str:
    """Return a day in words."""
    return "{:%d %B %Y}".format(datetime.date.fromisoformat(day))  # noqa: UP032 - as one reads it


def ends(days: list[str]) -> list[str]:
    """Return the first and the last of the days, or the only one."""
    return [days[0], days[-1]] if len(days) > 1 else days


def is_failure(note: dict[str, Any], title: str) -> bool:
    """Return whether the note says that a test has failed in that pass."""
    return note["pass"] == title and not note["passed"]


def into_page(text: str, part: str) -> str:
    """Return the page with ``part`` between its two lines."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n\n" + part + "\n\n" + END + after


def missing() -> str:
    """Return why what was found now is not for the page; nothing if it is."""
    if int(os.environ.get("ATM_PROOF_SCALE", "1")) < 2:
        return "it was not at full scale, which make proofs asks for"
    return ""


def keep(notes: list[dict[str, Any]], today: datetime.date, file: Path) -> list[dict[str, Any]]:
    """
    Put what tests have found in the place of what they had found before; return all.

    Of one that has failed only that is kept.
    """
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    tried = {(database_of(note), note["test"]): note["passed"] for note in notes}
    kept = [note for note in kept if (database_of(note), note["test"]) not in tried]
    new = [note for note in notes if note["passed"] and note["promises"]]
    new += {
        (note["pass"], note["test"]): {**note, "promises": [], "done": ""}
        for note in notes
        if not note["passed"]
    }.values()
    kept += [{**note, "date": today.isoformat()} for note in new]
    kept.sort(key=place)
    file.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return list(kept)


def there_already(database: str, file: Path, since: str = "") -> list[str]:
    """Return the tests that have passed there on that day or later, as the page says."""
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    mine = [note for note in kept if database_of(note) == database]
    open_ones = {note["test"] for note in mine if not note["passed"] or note["date"] < since}
    return sorted({note["test"] for note in mine} - open_ones)


def day(text: str) -> str:
    """Return the day as the page's notes have it; raise `ValueError` if it is none."""
    return datetime.date.fromisoformat(text).isoformat()


def database_of(note: dict[str, Any]) -> str:
    """Return the name of the database of the note."""
    return str(note["pass"].split()[0])


def main() -> int:
    """Run the tests, show the table, and write the page if that is wanted and allowed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--database", choices=list(test.TITLES))
    parser.add_argument("--left", action="store_true")
    parser.add_argument("--since", type=day)
    options, arguments = parser.parse_known_args()
    left = options.left or options.since
    if left and not options.database:
        parser.error("What is left is known of one database: say which, with --database.")
    databases = [options.database] if options.database else list(test.TITLES)
    title = test.TITLES[options.database] if left else ""
    done = there_already(title, FOUND, options.since or "") if left else []
    arguments += [f"--deselect={name}" for name in done]
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
        reason = missing()
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
