"""
Run the proofs of what is promised, and show what each has found. ``make proofs`` calls this.

The tests are those of tools/test.py, at the scale that the environment says. They note what they
have done and counted; that becomes a table. With ``--page`` the table of a run in which everything
was green, on all databases and with no test left out, is written into the documentation.
"""

from __future__ import annotations

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
    notes = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return sorted(notes, key=lambda note: (number(note["promises"][0]), note["test"]))


def number(promise: str) -> int:
    """Return the number in the name of a promise."""
    return int(promise.lstrip("P"))


def names(notes: list[dict[str, Any]]) -> dict[str, str]:
    """Return what to call each pass in a narrow column."""
    found: dict[str, str] = {}
    for title in [note["pass"] for note in notes]:
        if title not in found:
            short = title.split()[0]
            found[title] = short if short not in found.values() else title
    return found


def lines(notes: list[dict[str, Any]]) -> list[Line]:
    """Return the lines of the table: what was the same on several databases is one."""
    called = names(sorted(notes, key=lambda note: note["order"]))
    found: dict[str, Line] = {}
    for note in notes:
        numbers = [note[name] for name in NUMBERS]
        promises = ", ".join(note["promises"])
        done = note["done"] if note["passed"] else note["done"] + " - THE TEST HAS FAILED"
        key = json.dumps([note["test"], promises, done, numbers])
        line = found.setdefault(key, Line(promises, done, numbers, []))
        line.databases.append(called[note["pass"]])
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


def markdown(table: list[Line], passes: list[str], today: datetime.date) -> str:
    """Return the table as a part of the page, with the date and the versions."""
    rows = ["| " + " | ".join(HEAD) + " |"]
    rows.append("| --- | --- | --- |" + " ---: |" * len(NUMBERS))
    rows += ["| " + " | ".join(line.cells()) + " |" for line in table]
    about = ["Run on {:%d %B %Y} with".format(today), ""]  # noqa: UP032 - as one reads it
    about += ["- " + title for title in passes]
    return "\n".join([*about, "", *rows])


def into_page(text: str, part: str) -> str:
    """Return the page with ``part`` between its two lines."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n\n" + part + "\n\n" + END + after


def missing(notes: list[dict[str, Any]], arguments: list[str], code: int) -> str:
    """Return why this run is not one for the page; nothing if it is."""
    if code:
        return "something has failed"
    if arguments:
        return "pytest was given arguments, so it was not all"
    if int(os.environ.get("ATM_PROOF_SCALE", "1")) < 2:
        return "it was not at full scale, which make proofs asks for"
    absent = set(test.TITLES.values()) - {note["pass"].split()[0] for note in notes}
    return "{} was not tried".format(" and ".join(sorted(absent))) if absent else ""


def main() -> int:
    """Run the tests, show the table, and write the page if that is wanted and allowed."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--page"]
    with tempfile.TemporaryDirectory(prefix="automations-proofs-") as folder:
        file = Path(folder) / "notes.jsonl"
        code = test.main(TESTS + arguments, record=file)
        notes = read(file)
    passes = list(names(sorted(notes, key=lambda note: note["order"])))
    print("\n=== What was proved")
    print(plain(lines(notes)))
    if "--page" in sys.argv:
        reason = missing(notes, arguments, code)
        if reason:
            print(f"The page was not written: {reason}.")
            return code or 1
        part = markdown(lines(notes), passes, datetime.date.today())  # noqa: DTZ011 - here
        PAGE.write_text(into_page(PAGE.read_text(encoding="utf-8"), part), encoding="utf-8")
        print(f"Written: {PAGE.relative_to(ROOT)}")
    return code


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, test.end)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        sys.exit(130)
