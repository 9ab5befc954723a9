"""
Fill a database with release 0.9.4.1 itself, and test the upgrade from it. ``make upgrade-test``.

Needs nothing but Python 3.8. The ordinary tests use such a file that is kept with them; with
``--keep`` the new one takes its place.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import environments
from environments import ROOT

TESTS = ROOT / "tests" / "upgrade"


def main() -> int:
    """Make the file, and run the tests on it."""
    old, today = environments.plan("old"), environments.plan("main")
    if old is None or today is None:
        sys.exit("There is no Python to make the environments with.")
    folder = Path(tempfile.mkdtemp(prefix="automations-upgrade-"))
    try:
        file = folder / "old.sqlite3"
        print(f"Filling a database with {environments.OLD_RELEASE} ...", flush=True)
        # The old release warns of what Django was to change, and logs errors that belong to it.
        build = [environments.ensure(old), "-W", "ignore", str(TESTS / "before" / "build.py")]
        environment = {**os.environ, "WORKSHOP_DATABASE": str(file)}
        if subprocess.run([*build, "all"], env=environment, check=False).returncode:
            return 1
        if "--keep" in sys.argv:
            shutil.copyfile(str(file), str(TESTS / "old.sqlite3"))
        test = [environments.ensure(today), "-m", "pytest", str(TESTS)]
        environment = {**os.environ, "ATM_TEST_OLD_DATABASE": str(file)}
        return subprocess.run(test, env=environment, cwd=str(ROOT), check=False).returncode
    finally:
        shutil.rmtree(str(folder), ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
