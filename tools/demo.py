"""
Show the demo, play its week, or begin it anew. ``make demo`` and its kin call this.

Needs nothing but Python 3.8. The demo's environment has the package and nothing else.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import environments
from environments import ROOT

SCRIPTS = {"show": ["serve.py"], "play": ["play.py"], "reset": ["serve.py", "--reset"]}


def main() -> int:
    """Do what the command line says, with what follows passed on."""
    what = sys.argv[1] if len(sys.argv) > 1 else ""
    if what not in SCRIPTS:
        sys.exit("Show, play or reset the demo?")
    wanted = environments.plan("demo")
    if wanted is None:
        sys.exit("There is no Python for the demo: it needs 3.11 or later.")
    python = environments.ensure(wanted)
    script, *options = SCRIPTS[what]
    command = [python, str(ROOT / "demo" / script), *options, *sys.argv[2:]]
    os.execv(python, command)  # noqa: S606 - so that Ctrl-C and SIGTERM reach the demo itself


if __name__ == "__main__":
    sys.exit(main())
