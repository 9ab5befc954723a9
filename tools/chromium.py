"""
Find a Chromium for the tests of the pages, or install Debian's where that is allowed.

Needs nothing but Python 3.8. Prints the path of the browser, or says what is missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
ELSEWHERE = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
]


def find() -> str | None:
    """Return the path of a browser that is there, or None."""
    chosen = os.environ.get("ATM_TEST_CHROMIUM")
    if chosen:
        return chosen
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    return next((path for path in ELSEWHERE if Path(path).exists()), None)


def ensure() -> str | None:
    """Return the path of a browser; as root on Debian, install it first if there is none."""
    found = find()
    if found or not shutil.which("apt-get") or os.geteuid() != 0:
        return found
    print("Installing Chromium for the tests of the pages ...", file=sys.stderr, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "-qq", "update"],
        ["apt-get", "-qq", "install", "--yes", "--no-install-recommends", "chromium"],
    ):
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            print(done.stderr.strip()[-500:], file=sys.stderr, flush=True)
            return None
    return find()


if __name__ == "__main__":
    browser = ensure()
    if browser is None:
        sys.exit("There is no Chromium.")
    print(browser)
