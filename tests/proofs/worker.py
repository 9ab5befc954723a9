"""One sweep in a process of its own, begun when a file appears: ``worker.py GATE``."""

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

    from automations.dispatch.sweep import sweep

    connection.ensure_connection()
    gate = Path(sys.argv[1])
    (gate.parent / f"ready-{os.getpid()}").touch()
    while not gate.exists():
        time.sleep(0.001)
    report = sweep()
    sys.exit(0 if report.ok else 1)


if __name__ == "__main__":
    main()
