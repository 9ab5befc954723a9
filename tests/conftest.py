"""What all tests share."""

from __future__ import annotations

import math
import os
import shutil
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import coverage
import hypothesis
import pytest
from django.conf import settings
from django.db import connection
from django.utils import translation

from automations.dispatch import schedules, sweep
from automations.dispatch.pace import Pace
from tests import flushing, once

ROOT = Path(__file__).resolve().parent.parent

# Coverage doubles the time of a test, so all of it is measured on one database; on the others, and
# on the oldest Python and Django, what runs other code there.
MEASURES_ALL = os.environ.get("ATM_TEST_MEASURE", "all") == "all"
DIFFERENT = (
    "tests/dispatch/test_notify.py",
    "tests/dispatch/test_sweep.py",
    "tests/test_health.py",
    "tests/engine/test_exhaustion.py",
    "tests/engine/test_isolation.py",
    "tests/engine/test_messages.py",
    "tests/engine/test_retention.py",
    "tests/engine/test_trouble.py",
    "tests/engine/test_turns.py",
    "tests/test_checks.py",
    "tests/upgrade/",
)
# By these a child process knows that it is measured.
COVERAGE = ["COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"]

# No deadline: how long one example takes says more about the machine than about the code.
hypothesis.settings.register_profile("dev", deadline=None)
# Random also where nobody watches (Hypothesis would repeat the same examples there), and with the
# line to paste that repeats a failure.
hypothesis.settings.register_profile("ci", deadline=None, derandomize=False, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_configure(config: pytest.Config) -> None:
    """Make the directory for the files of this run of the tests: a database on SQLite, uploads."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As in the background of a shell: what the tests start would ignore it as well.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.DIRECTORY.mkdir(mode=0o700, exist_ok=True)
    once.register(config)
    flushing.register()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the files of this run, once all its workers are done."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(settings.DIRECTORY, ignore_errors=True)


def printable(value: Any) -> Any:
    """Return ``value`` with a mark for each character that UTF-8 does not have."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(printable(item) for item in value)
    return value


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Let pytest-xdist report a test that has logged hostile text: a lone surrogate stops it."""
    return printable((yield))


def measured(item: pytest.Item) -> bool:
    """Tell whether coverage counts what the test runs."""
    if item.get_closest_marker("no_cover") or item.get_closest_marker("browser"):
        return False
    return MEASURES_ALL or item.nodeid.startswith(DIFFERENT)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Measure no coverage where it only costs time: in this process and those it starts."""
    measuring = coverage.Coverage.current()
    if not measuring or measured(item):
        return (yield)
    kept = {name: os.environ.pop(name) for name in COVERAGE if name in os.environ}
    measuring.stop()
    try:
        return (yield)
    finally:
        measuring.start()
        os.environ.update(kept)


@pytest.fixture(scope="session")
def database_vendor() -> str:
    """Which database the tests run on: ``sqlite``, ``postgresql`` or ``mariadb``."""
    return str(settings.VENDOR)


@pytest.fixture(autouse=True)
def spoken() -> Iterator[None]:
    """Let each test begin in the language of the project: a page in another one leaves its own."""
    with translation.override(settings.LANGUAGE_CODE):
        yield


@pytest.fixture(autouse=True)
def healed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test be the one whose sweep, the first of its process, looks around once."""
    monkeypatch.setattr(sweep, "_healed", True)
    monkeypatch.setattr(sweep, "pace", Pace())  # nor how quick runs were in other tests
    monkeypatch.setattr(schedules, "_looked", math.inf)


@pytest.fixture
def child_environment(db: None) -> dict[str, str]:
    """
    The environment of a process that works in the database of this test.

    It sees only what is committed: the test needs ``@pytest.mark.django_db(transaction=True)``.
    """
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "ATM_TEST_DATABASE": settings.VENDOR,
        "ATM_TEST_DATABASE_NAME": str(connection.settings_dict["NAME"]),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
    }
