"""What all tests share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent

# No deadline: how long one example takes says more about the machine than about the code.
hypothesis.settings.register_profile("dev", deadline=None)
# Random also where nobody watches (Hypothesis would repeat the same examples there), and with the
# line to paste that repeats a failure.
hypothesis.settings.register_profile("ci", deadline=None, derandomize=False, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_configure() -> None:
    """Make the directory for the files of this run of the tests: a database on SQLite, uploads."""
    settings.DIRECTORY.mkdir(mode=0o700, exist_ok=True)


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


@pytest.fixture(scope="session")
def database_vendor() -> str:
    """Which database the tests run on: ``sqlite``, ``postgresql`` or ``mariadb``."""
    return str(settings.VENDOR)


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
