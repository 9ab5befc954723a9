"""
Measure what peers can express of the same work, beside ours: ``make bench-peers``.

Each peer is installed from PyPI into an environment of its own, ``.venv-peer-NAME``. Viewflow is
under the AGPL: it is imported there by the benchmark, and by nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from benchmarks import databases, plot, report
from benchmarks.__main__ import circumstances

ROOT = Path(__file__).resolve().parent.parent.parent
#: What is installed for each, beside what the package needs.
PEERS = {"viewflow": "django-viewflow==2.4.*", "dbos": "dbos==3.4.*"}


def main() -> int:
    """Measure, and say what has come of it."""
    parser = argparse.ArgumentParser(description="Measure peers beside the package.")
    parser.add_argument("--peer", action="append", choices=list(PEERS), help="Only this one.")
    parser.add_argument("--database", action="append", choices=list(databases.DATABASES))
    parser.add_argument("--into", type=Path, default=ROOT / "benchmarks" / "results")
    given = parser.parse_args()
    databases.tidy_when_told()
    found, left_out = [], []
    for database in given.database or databases.DATABASES:
        if why := databases.lacking(database):
            left_out.append(f"{databases.DATABASES[database]}: {why}")
            continue
        for peer in given.peer or PEERS:
            what = f"{peer} on {databases.DATABASES[database]}"
            print(f"{what} ...", file=sys.stderr, flush=True)
            try:
                found.append(measured(peer, database))
            except subprocess.CalledProcessError as error:
                left_out.append(f"{what}: it ended with {error.returncode}")
    record = {**circumstances(), "left_out": left_out, "databases": found}
    given.into.mkdir(parents=True, exist_ok=True)
    (given.into / "peers.json").write_text(json.dumps(record, indent=1) + "\n")
    plot.write(given.into)
    print(report.table(record))
    return 1 if left_out else 0


def measured(peer: str, database: str) -> dict[str, Any]:
    """Measure in a database of its own, with the Python of the peer."""
    python = environment_of(peer)
    with databases.made(database) as environment, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "measures.json"
        environment["DJANGO_SETTINGS_MODULE"] = "benchmarks.peers.settings"
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
        told = [python, "-m", "benchmarks.peers.one", peer, str(file)]
        subprocess.run(told, env=environment, cwd=ROOT, check=True)
        found: dict[str, Any] = json.loads(file.read_text())
    return found


def environment_of(peer: str) -> str:
    """Return the Python of the peer's environment, which is made if it is not there."""
    folder = ROOT / f".venv-peer-{peer}"
    python, stamp = folder / "bin" / "python", folder / PEERS[peer].replace("*", "x")
    if not stamp.exists():
        print(f"Making {folder.name} with {PEERS[peer]} ...", file=sys.stderr, flush=True)
        venv.create(folder, clear=True, with_pip=True)
        needed = [PEERS[peer], "Django==6.1.*", "psycopg[binary]>=3.2", "cronsim>=2.6"]
        environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
        told = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", *needed]
        subprocess.run(told, env=environment, check=True)
        stamp.touch()
    return str(python)


if __name__ == "__main__":
    sys.exit(main())
