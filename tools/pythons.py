"""Find the Pythons of this machine that can run the project. Needs nothing but Python 3.8."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Iterator, Tuple

Version = Tuple[int, int]

# What the package supports; Django 6.1 runs on the last three of them.
SUPPORTED = [(3, 11), (3, 12), (3, 13), (3, 14)]

# A Python that lacks one of these cannot make an environment, or cannot run the tests.
PROBE = "import ensurepip, sqlite3, ssl, sys, venv; print(*sys.version_info[:4])"


def candidates(version: Version) -> Iterator[str]:
    """Yield where a Python of this version may be, the likeliest first."""
    name = "python{}.{}".format(*version)
    if sys.version_info[:2] == version and sys.prefix == sys.base_prefix:
        yield sys.executable
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if (Path(folder) / name).is_file():
            yield str(Path(folder) / name)
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    for path in sorted(pyenv.glob("versions/*/bin/" + name), reverse=True):
        yield str(path)
    for folder in ("/usr/local/bin", "/opt/homebrew/bin", "/usr/bin"):
        if (Path(folder) / name).is_file():
            yield str(Path(folder) / name)


def works(path: str, version: Version) -> bool:
    """Tell whether this is a finished release of ``version`` with all that it takes."""
    try:
        answer = subprocess.run(
            [path, "-c", PROBE], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    # pyenv leaves names of absent versions on the PATH; they only say that they are absent.
    words = answer.stdout.split()
    return answer.returncode == 0 and words[:2] == [str(n) for n in version] and "final" in words


def find() -> dict[Version, str]:
    """Return a working Python for each supported version that this machine has."""
    found = {}
    for version in SUPPORTED:
        for path in candidates(version):
            if works(path, version):
                found[version] = path
                break
    return found


if __name__ == "__main__":
    for version, path in find().items():
        print("{}.{}".format(*version), path)
