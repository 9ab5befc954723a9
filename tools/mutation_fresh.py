"""A mutant that is in place before anything is imported, and tests that are loaded with it."""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from environments import ROOT
from mutants import Mutant, mutated
from mutation_lines import file_of

BUILD = ROOT / "build" / "mutation"
#: Seconds for all tests of one mutant.
LIMIT = 300.0
#: How a child ends in which the tests have passed without the fault: somebody else has imported
#: the module, or nobody.
NOT_THERE = 77
#: How pytest ends that has found no test, which says nothing about a fault.
NO_TESTS = 5
#: What has pytest note, and leave out, what has passed before (tests/once.py).
NOTES = ("ATM_TEST_NOTE", "ATM_TEST_NOTED")
PLUGINS = ("randomly", "cacheprovider", "xdist")
ARGUMENTS = [*(f"-pno:{name}" for name in PLUGINS), "--tb=no", "-q", "-s"]
#: What is large and not ours, so that forks have it. Not what brings plugins of pytest: their
#: asserts are rewritten when pytest imports them.
LARGE = (
    "celery",
    "django.contrib.admin.options",
    "django.forms",
    "django.test",
    "django.views.generic",
    "prometheus_client",
    "psycopg",
    "pytest",
    "_pytest.python",
)


def load() -> None:
    """Import what the processes of all mutants need."""
    for name in LARGE:
        __import__(name)


class Finder(importlib.abc.MetaPathFinder):
    """Imports one module with a fault in it."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant
        self.asked = False

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        """Find the module, if it is that one."""
        if name != f"automations.{self.mutant.module}":
            return None
        self.asked = True
        file = str(file_of(self.mutant.module))
        return importlib.machinery.ModuleSpec(name, Loader(name, file, self.mutant), origin=file)


class Loader(importlib.machinery.SourceFileLoader):
    """Reads a file, and makes a fault in what it says."""

    def __init__(self, name: str, file: str, mutant: Mutant) -> None:
        super().__init__(name, file)
        self.mutant = mutant

    def get_code(self, fullname: str) -> Any:
        """Return the code of the module."""
        source = Path(self.path).read_text(encoding="utf-8")
        return mutated(source, self.mutant.number, self.path)


class Say:
    """Notes the name of a test that fails."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Hear what became of a test."""
        if report.failed:
            self.file.write_text(report.nodeid)


def in_child(mutant: Mutant | None, tests: list[str], said: Path) -> None:
    """Load and run tests. Does not return."""
    import pytest

    status = 1
    for name in NOTES:
        os.environ.pop(name, None)
    try:
        output = os.open(str(BUILD / "fresh.log"), os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(output, stream)
        finder = Finder(mutant) if mutant else None
        if finder:
            sys.meta_path.insert(0, finder)
        # Without rewriting asserts: its finder would come before ours and read the file itself.
        arguments = [*ARGUMENTS, "--assert=plain", "-x", *tests]
        status = int(pytest.main(arguments, plugins=[Say(said)]))
        if finder and not (finder.asked or status):
            status = NOT_THERE
    finally:
        os._exit(status)


def tried(mutant: Mutant | None, tests: list[str]) -> tuple[str, str]:
    """Make a fault before anything is imported; return what became of it, and by which test."""
    os.environ["ATM_TEST_RUN"] = run = f"mutation-fresh-{os.getpid()}"
    said = BUILD / "said"
    said.write_text("")
    child = os.fork()
    if not child:
        in_child(mutant, tests, said)
    end, done, status = time.monotonic() + LIMIT, 0, 0
    while not done and time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        time.sleep(0.05)
    if not done:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    folder = Path(tempfile.gettempdir()) / f"automations-tests-{run}"
    shutil.rmtree(folder, ignore_errors=True)
    if not done:
        return "stands still", ""
    code = os.waitstatus_to_exitcode(status)
    if code == NOT_THERE:
        raise RuntimeError(f"The tests did not run with the fault in {mutant}.")
    if code == NO_TESTS:
        raise RuntimeError(f"pytest found no test of {', '.join(tests)}.")
    if code == 0:
        return "survived", ""
    return "killed", said.read_text() or "loading"


@functools.lru_cache(maxsize=None)
def passes(test: str) -> bool:
    """Tell whether a test passes by itself without any fault."""
    return tried(None, [test])[0] == "survived"


def judged(mutant: Mutant, tests: list[str]) -> tuple[str, str]:
    """As `tried`, and the test that has noticed it passes without."""
    what, test = tried(mutant, tests)
    while "::" in test and not passes(test):
        tests = [name for name in tests if name != test]
        what, test = tried(mutant, tests)
    return what, test
