"""
Measure on one database, which is there already: ``python -m benchmarks.one WORKS FILE``.

The environment says which (see `benchmarks.settings`); ``WORKS`` are names with commas: ``W1,W5``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
from django.core.management import call_command

if TYPE_CHECKING:
    from benchmarks.measuring import Measure
    from benchmarks.sizes import Sizes

Works = dict[tuple[str, ...], Callable[["Sizes"], Iterator["Measure"]]]


def works() -> Works:
    """Return what can be measured, by the names of the works."""
    from benchmarks import idle, importing, pages, steps, timers

    return {
        ("W1", "W2"): steps.measure,
        ("W3",): idle.measure,
        ("W4",): pages.measure_inbox,
        ("W5",): timers.measure,
        ("W6",): pages.measure_looped,
        ("W7",): importing.measure,
    }


def version(connection: Any) -> str:
    """Return which database it is."""
    number = connection.get_database_version()
    return f"{connection.display_name} {'.'.join(map(str, number))}"


def main() -> None:
    """Make the tables, measure what is asked for, and write it down."""
    django.setup()
    from django.db import connection

    from benchmarks.goals import judged
    from benchmarks.sizes import Sizes

    asked, file = set(sys.argv[1].split(",")), Path(sys.argv[2])
    database = os.environ["ATM_BENCH_DATABASE"]
    call_command("migrate", verbosity=0, run_syncdb=True)
    measures: list[dict[str, Any]] = []
    for names, measure in works().items():
        if asked.intersection(names):
            begun = time.perf_counter()
            measures += [judged(found.as_dict(), database) for found in measure(Sizes())]
            took = f"{time.perf_counter() - begun:.0f} s"
            print(f"  {', '.join(names)} took {took}", file=sys.stderr, flush=True)
    about = {"database": database, "version": version(connection), "measures": measures}
    file.write_text(json.dumps(about))


if __name__ == "__main__":
    main()
