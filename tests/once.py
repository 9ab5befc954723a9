"""
Which tests need not be run again on the next database: those that have nothing to do with one.

And those that say so: by the mark ``one_database``, of what no kind of database can change.

``ATM_TEST_NOTE`` names the file in which a pass notes them, ``ATM_TEST_NOTED`` the file by which
the next pass of the same environment leaves them out. No list is kept: a test is left out only if
it could not use a database, and if just now, in a pass before, it has passed without asking for a
connection and without starting a process.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from django.db.utils import ConnectionHandler
from django.test import SimpleTestCase

#: By these a test comes to a database, itself or through a fixture that uses one of them.
WAYS = frozenset(
    {
        "admin_client",
        "admin_user",
        "child_environment",
        "database_vendor",
        "db",
        "django_db_reset_sequences",
        "django_db_serialized_rollback",
        "django_db_setup",
        "live_server",
        "transactional_db",
        "wsgi_server",
    }
)
#: A fixture that wants this one lets its tests use a database without their mark.
BLOCKER = "django_db_blocker"
#: Marks of tests that are kept: they may be skipped on one database and not on another.
KEPT = ("django_db", "processes", "skip", "skipif", "xfail", "browser")
#: What Python tells whoever listens when a process is started.
STARTS = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"})


@functools.cache
def speaks_of_kinds(path: Path) -> bool:
    """Tell whether a file of tests does something else on one kind of database than on another."""
    text = path.read_text(encoding="utf-8").lower()
    return "vendor" in text or "databases" in text


def unblocks(item: Any) -> bool:
    """Tell whether a fixture of the test's, not one of pytest-django's own, unblocks databases."""
    known = item._fixtureinfo.name2fixturedefs
    return any(
        BLOCKER in found.argnames
        for name in item.fixturenames
        for found in known.get(name, ())
        if not found.func.__module__.startswith("pytest_django.")
    )


def says_so(item: Any) -> bool:
    """Tell whether a test says that one database is enough."""
    return isinstance(item, pytest.Item) and bool(item.get_closest_marker("one_database"))


def may_use_database(item: Any) -> bool:
    """Tell whether a test could use a database in a way that counts; in doubt it could."""
    if says_so(item):
        return False
    if not isinstance(item, pytest.Function) or any(map(item.get_closest_marker, KEPT)):
        return True
    if item.cls and issubclass(item.cls, SimpleTestCase):
        return True
    return (
        bool(WAYS.intersection(item.fixturenames)) or unblocks(item) or speaks_of_kinds(item.path)
    )


class Watch:
    """Sees whether a test asks for a connection or starts a process."""

    def __init__(self) -> None:
        self.asked = False

    def begin(self) -> None:
        """Watch from now on."""
        usual = ConnectionHandler.__getitem__

        def asked_for(handler: ConnectionHandler, alias: str) -> Any:
            self.asked = True
            return usual(handler, alias)

        def told(event: str, arguments: tuple[Any, ...]) -> None:
            if event in STARTS:
                self.asked = True

        ConnectionHandler.__getitem__ = asked_for
        sys.addaudithook(told)


class Noting:
    """Notes which tests have passed and have nothing to do with a database."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.watch = Watch()
        self.watch.begin()
        self.failed: set[str] = set()
        self.free: set[str] = set()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Generator[None, Any, Any]:
        """Look at each test by itself."""
        self.watch.asked = False
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, Any, Any]:
        """Let whoever gathers the reports know what was seen."""
        report = yield
        if call.when == "teardown":
            asked = self.watch.asked and not says_so(item)
            report.free = not asked and not may_use_database(item)
        return report

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Gather the reports, of all workers of pytest-xdist."""
        if report.outcome != "passed" or hasattr(report, "wasxfail"):
            self.failed.add(report.nodeid)
        elif getattr(report, "free", False):
            self.free.add(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write them down for the passes that follow."""
        if not hasattr(session.config, "workerinput"):
            self.file.write_text(json.dumps(sorted(self.free - self.failed)))


class LeavingOut:
    """Leaves out what was noted, as far as it still could not use a database; says how much."""

    def __init__(self, noted: set[str]) -> None:
        self.noted = noted
        self.left_out = 0

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: Any, items: list[pytest.Item]) -> None:
        """Leave them out."""
        left = [item for item in items if item.nodeid in self.noted and not may_use_database(item)]
        self.left_out = len(left)
        if left:
            gone = {id(item) for item in left}
            items[:] = [item for item in items if id(item) not in gone]
            config.hook.pytest_deselected(items=left)
        if hasattr(config, "workeroutput"):
            config.workeroutput["left_out"] = self.left_out

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Hear from a worker of pytest-xdist; all of them leave out the same."""
        self.left_out = getattr(node, "workeroutput", {}).get("left_out", self.left_out)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say it where the others are counted."""
        terminalreporter.write_line(
            f"{self.left_out} tests left out: they have just passed in this environment, and what "
            "they are about has nothing to do with the kind of database"
        )


def register(config: pytest.Config) -> None:
    """Note or leave out, if the environment asks for it."""
    if file := os.environ.get("ATM_TEST_NOTE"):
        config.pluginmanager.register(Noting(Path(file)), "noting")
    noted = Path(os.environ.get("ATM_TEST_NOTED", ""))
    if noted.is_file():
        found = set(json.loads(noted.read_text()))
        config.pluginmanager.register(LeavingOut(found), "leaving-out")
