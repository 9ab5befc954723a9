"""
Make the virtual environments of the project, and print the Python of one.

    python3 tools/environments.py main

The others are oldest, demo and old.

Needs nothing but Python 3.8. An environment is complete when it holds the stamp that this script
writes last: one whose installation was interrupted is made anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Iterator, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

import pythons
from pythons import Version

ROOT = Path(__file__).resolve().parent.parent

# What the upgrade starts from, with the last Django that it can be expected to run on.
OLD_RELEASE = "django-automations==0.9.4.1"
OLD_DJANGO = "4.2"

# The newest first that everything is known to run on, then what else Django 6.1 supports.
MAIN_ORDER = [(3, 13), (3, 14), (3, 12), (3, 11)]
OLDEST_ORDER = [(3, 11), (3, 12), (3, 13), (3, 14)]


class Plan(NamedTuple):
    """One environment: where it is, on what, and what is installed."""

    folder: Path
    version: Version
    python: str
    django: str
    extras: str
    remark: str = ""

    @property
    def title(self) -> str:
        """What to call it in front of people."""
        return "Python {}.{}, Django {}".format(*self.version, self.django)

    @property
    def package(self) -> list[str]:
        """What pip installs: the project with its extras, or a release from the registry."""
        return [self.extras] if "==" in self.extras else ["--editable", "." + self.extras]

    @property
    def executable(self) -> str:
        """The environment's own Python."""
        return str(self.folder / "bin" / "python")


def plan(name: str, found: dict[Version, str] | None = None) -> Plan | None:
    """Return what the environment is to be on this machine; None if it would repeat another."""
    found = pythons.find() if found is None else found
    if not found:
        sys.exit(
            "No Python for the project: it needs 3.11 or later (best 3.13), with the modules venv, "
            "ensurepip, sqlite3 and ssl, on the PATH or in ~/.pyenv."
        )
    newest = next(version for version in MAIN_ORDER if version in found)
    django = "5.2" if newest == (3, 11) else "6.1"
    if name == "main":
        remark = ""
        if newest != (3, 13):
            remark = "no Python 3.13: tested on {}.{} with Django {}".format(*newest, django)
        return Plan(ROOT / ".venv", newest, found[newest], django, "[dev]", remark)
    if name == "demo":
        return Plan(ROOT / ".venv-demo", newest, found[newest], django, "")
    oldest = next(version for version in OLDEST_ORDER if version in found)
    if name == "old":
        return Plan(ROOT / ".venv-old", oldest, found[oldest], OLD_DJANGO, OLD_RELEASE)
    remark = ""
    if oldest != (3, 11):
        remark = "no Python 3.11: Django 5.2 tested on {}.{}".format(*oldest)
    elif newest == (3, 11):
        return None
    return Plan(ROOT / ".venv-oldest", oldest, found[oldest], "5.2", "[tests]", remark)


def stamp_of(wanted: Plan) -> str:
    """Return what the stamp of the complete environment says."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    # Only what is installed depends on: a change of the linter's rules installs nothing.
    tables = re.split(r"^(?=\[)", text, flags=re.MULTILINE)
    relevant = [t for t in tables if re.match(r"\[(project|build-system|tool\.hatch)\b", t)]
    described = [*map(str, wanted), str(ROOT), *relevant]
    return hashlib.sha256("\0".join(described).encode()).hexdigest() + "\n"


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait while another make is at work on this environment."""
    with folder.with_name(folder.name + "-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install(python: str, *what: str) -> None:
    """Install with pip, or end with what pip has said."""
    command = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *what]
    if subprocess.run(command, cwd=str(ROOT), stdout=sys.stderr, check=False).returncode:
        sys.exit("Could not install: " + " ".join(what))


def ensure(wanted: Plan) -> str:
    """Make the environment if it is not complete; return its Python."""
    stamp = wanted.folder / "complete"
    with alone(wanted.folder):
        if stamp.is_file() and stamp.read_text() == stamp_of(wanted):
            return wanted.executable
        what = f"{wanted.folder.name} with {wanted.title}"
        print(f"Making {what} ...", file=sys.stderr, flush=True)
        # What is half installed, or was made for other requirements, is no ground to build on.
        if stamp.exists():
            stamp.unlink()
        make: list[str] = [wanted.python, "-m", "venv", "--clear", str(wanted.folder)]
        if subprocess.run(make, stdout=sys.stderr, check=False).returncode:
            sys.exit(f"Could not make the virtual environment {wanted.folder.name}")
        install(
            wanted.executable,
            *wanted.package,
            f"Django=={wanted.django}.*",
        )
        stamp.write_text(stamp_of(wanted))
    return wanted.executable


def main() -> None:
    """Make the environment named on the command line and print its Python."""
    name = sys.argv[1] if len(sys.argv) > 1 else "main"
    if name not in ("main", "oldest", "demo", "old"):
        sys.exit("An environment is main, oldest, demo or old.")
    wanted = plan(name)
    if wanted is None:
        sys.exit("The main environment is the oldest already: there is no newer Python here.")
    if wanted.remark:
        print(f"Note: {wanted.remark}.", file=sys.stderr)
    print(ensure(wanted))


if __name__ == "__main__":
    main()
