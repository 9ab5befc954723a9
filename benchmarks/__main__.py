"""
Measure W1 to W7 beside the floors; print a table, write JSON and a picture.

``python -m benchmarks --help``; sizes are environment variables, see `benchmarks.sizes`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django

import automations
from benchmarks import databases, plot, report
from benchmarks.sizes import Sizes

HERE = Path(__file__).resolve().parent
#: What is measured where: what depends on the database's speed on all of them.
WORKS = {
    "sqlite-full": "W1,W2",
    "sqlite-normal": "W1,W2,W4,W6,W7",
    "postgresql": "W1,W2,W3,W4,W5,W6",
}


def main() -> int:
    """Measure, and say what has come of it."""
    parser = argparse.ArgumentParser(description="Measure the package beside the floors.")
    parser.add_argument("--database", action="append", choices=list(WORKS), help="Only on this.")
    parser.add_argument("--works", help="Only these, with commas between them: W1,W5.")
    parser.add_argument("--into", type=Path, default=HERE / "results", help="The folder.")
    given = parser.parse_args()
    databases.tidy_when_told()
    found, left_out = [], []
    for database in given.database or WORKS:
        if why := databases.lacking(database):
            left_out.append(f"{databases.DATABASES[database]}: {why}")
            continue
        print(f"{databases.DATABASES[database]} ...", file=sys.stderr, flush=True)
        found.append(measured(database, given.works or WORKS[database]))
    record = {**circumstances(), "left_out": left_out, "databases": found}
    given.into.mkdir(parents=True, exist_ok=True)
    (given.into / "bench.json").write_text(json.dumps(record, indent=1) + "\n")
    plot.write(given.into)
    print(report.table(record))
    return 0 if found else 1


def measured(database: str, works: str) -> dict[str, Any]:
    """Measure in a database of its own, and in a process of its own."""
    with databases.made(database) as environment, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "measures.json"
        environment["PYTHONPATH"] = os.pathsep.join([str(HERE.parent / "src"), str(HERE.parent)])
        told = [sys.executable, "-m", "benchmarks.one", works, str(file)]
        subprocess.run(told, env=environment, cwd=HERE.parent, check=True)
        found: dict[str, Any] = json.loads(file.read_text())
    return found


def circumstances() -> dict[str, Any]:
    """Return when and on what is measured."""
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "package": automations.__version__,
        "python": platform.python_version(),
        "django": django.get_version(),
        "processors": os.cpu_count(),
        "load": [round(load, 1) for load in os.getloadavg()],
        "sizes": Sizes().as_dict(),
    }


if __name__ == "__main__":
    sys.exit(main())
