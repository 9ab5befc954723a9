"""
Work in a process of its own, begun when a file appears.

``worker.py GATE`` does one sweep, ``worker.py GATE send RUN NAME NUMBER`` sends the run as many
messages, ``worker.py GATE unique EMAIL NUMBER`` starts a unique run from as many threads.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path


def main() -> None:
    """Get ready, wait at the gate, sweep, and say what was done."""
    import django

    django.setup()
    from django.db import connection

    # What is worked on is imported before the gate, so that nobody begins with a head start.
    import tests.testapp.language
    import tests.testapp.proof_processes  # noqa: F401 - imported to be there
    from automations.dispatch.sweep import sweep

    connection.ensure_connection()
    gate = Path(sys.argv[1])
    (gate.parent / f"ready-{os.getpid()}").touch()
    while not gate.exists():
        time.sleep(0.001)
    if len(sys.argv) > 2:
        {"send": send, "unique": unique}[sys.argv[2]](*sys.argv[3:])
        return
    report = sweep()
    sys.exit(0 if report.ok else 1)


def send(run: str, name: str, number: str) -> None:
    """Send messages, one after the other."""
    from tests.testapp.language import Counter

    for count in range(1, int(number) + 1):
        Counter.dispatch_message(int(run), "number", name, {"number": count})


def unique(email: str, number: str) -> None:
    """Start the run for ``email`` from several connections at once."""
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    from tests.testapp.language import Newsletter

    def start(_: int) -> None:
        try:
            Newsletter(email=email)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(int(number)) as pool:
        list(pool.map(start, range(int(number))))


if __name__ == "__main__":
    main()
