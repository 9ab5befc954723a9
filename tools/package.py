"""
Build what is published, and check it: ``make package`` calls this.

    python3 tools/package.py

The wheel has to hold what `FILES` says of the source tree, and nothing else; twine has to be
content with it and with the source distribution. Needs nothing but Python 3.8, and the network for
what it builds with.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import environments
from environments import ROOT

FOLDER = ROOT / ".venv-package"
NEEDED = ["build>=1.2", "twine>=6.1"]

#: What of the package is for its users, by the folder in it ("": anywhere) and how its name ends.
FILES = {
    "": {".py", ".typed"},
    "templates": {".html", ".txt"},
    "static": {".css", ".js"},
    "locale": {".mo"},
}
#: What lies in the source tree for those who work on it.
NOT_SHIPPED = {".po", ".pyc"}
#: What stands beside the package in a wheel.
INFORMATION = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def is_shipped(path: Path) -> bool:
    """Tell whether the file, relative to the package, belongs into the wheel."""
    return path.suffix in FILES[""] | FILES.get(path.parts[0], set())


def expected(source: Path, version: str) -> set[str]:
    """Return the names of the files of the wheel that is made of the folder ``automations``."""
    paths = [path.relative_to(source) for path in source.rglob("*") if path.is_file()]
    package = {"automations/" + path.as_posix() for path in paths if is_shipped(path)}
    return package | {f"django_automations-{version}.dist-info/{name}" for name in INFORMATION}


def undecided(source: Path) -> set[str]:
    """Return the files of the source tree of which nobody has said whether they are shipped."""
    paths = [path.relative_to(source) for path in source.rglob("*") if path.is_file()]
    return {
        str(path)
        for path in paths
        if not is_shipped(path) and path.suffix not in NOT_SHIPPED and path.name[0] != "."
    }


def differences(wheel: Path, source: Path) -> list[str]:
    """Return what is too much in the wheel, and what it lacks."""
    version = wheel.name.split("-")[1]
    with zipfile.ZipFile(wheel) as archive:
        there = set(archive.namelist())
        broken = archive.testzip()
    wanted = expected(source, version)
    return [
        *(f"{name} is not to be in the wheel" for name in sorted(there - wanted)),
        *(f"{name} is missing in the wheel" for name in sorted(wanted - there)),
        *(f"{name} is broken in the wheel" for name in filter(None, [broken])),
        *(f"{name}: is it shipped? Say so in tools/package.py" for name in undecided(source)),
    ]


def builder() -> str:
    """Return the Python of the environment that builds, which is made if it is not there."""
    python, stamp = FOLDER / "bin" / "python", FOLDER / "complete"
    if not stamp.exists() or stamp.read_text() != "\n".join(NEEDED):
        wanted = environments.plan("main")
        if wanted is None:
            sys.exit("There is no Python to make the environment with.")
        print(f"Making {FOLDER.name} with {', '.join(NEEDED)} ...", flush=True)
        subprocess.run([wanted.python, "-m", "venv", "--clear", str(FOLDER)], check=True)
        subprocess.run([str(python), "-m", "pip", "-q", "install", *NEEDED], check=True)
        stamp.write_text("\n".join(NEEDED))
    return str(python)


def build(python: str, folder: Path) -> Path:
    """Build both into the folder, the wheel from the source distribution; return the wheel."""
    for old in folder.glob("django_automations-*"):
        old.unlink()
    subprocess.run([python, "-m", "build", "--outdir", str(folder), str(ROOT)], check=True)
    (wheel,) = folder.glob("django_automations-*.whl")
    wrong = differences(wheel, ROOT / "src" / "automations")
    if wrong:
        sys.exit("\n".join(wrong))
    return wheel


def main() -> int:
    """Build and check what is published; return 1 if something is wrong with it."""
    python = builder()
    wheel = build(python, ROOT / "dist")
    published = [str(wheel), *map(str, wheel.parent.glob("django_automations-*.tar.gz"))]
    checked = subprocess.run([python, "-m", "twine", "check", "--strict", *published], check=False)
    if not checked.returncode:
        print(f"{wheel.name} has what it is to have: {wheel.stat().st_size / 1024:.0f} KiB.")
    return checked.returncode


if __name__ == "__main__":
    sys.exit(main())
