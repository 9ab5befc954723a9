"""What has to do with a database is never left out on the next one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, connections
from django.db.utils import ConnectionHandler
from django.test import SimpleTestCase, TestCase

from tests import once
from tests.once import LeavingOut, Noting, Watch, may_use_database


@pytest.fixture(autouse=True)
def silent_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the words of this very file decide nothing: it speaks of everything."""
    monkeypatch.setattr(once, "speaks_of_kinds", lambda path: False)


@pytest.fixture
def through_another(transactional_db: None) -> None:
    """A fixture through which a test comes to the database."""


@pytest.fixture
def unblocked(django_db_blocker: Any) -> None:
    """A fixture that opens the database by itself."""


def left_out(*items: Any) -> int:
    """Return how many are left out of these if all of them were noted."""
    rest = list(items)
    hook = SimpleNamespace(pytest_deselected=lambda items: None)
    config = SimpleNamespace(hook=hook, workeroutput={})
    LeavingOut({item.nodeid for item in items}).pytest_collection_modifyitems(config, rest)
    assert config.workeroutput == {"left_out": len(items) - len(rest)}
    return len(items) - len(rest)


def test_what_has_no_way_to_a_database_is_left_out_if_it_was_noted(
    request: pytest.FixtureRequest,
) -> None:
    assert not may_use_database(request.node)
    assert left_out(request.node) == 1
    rest = [request.node]
    LeavingOut({"another"}).pytest_collection_modifyitems(SimpleNamespace(), rest)
    assert rest == [request.node]


@pytest.mark.django_db
def test_the_mark_keeps_a_test(request: pytest.FixtureRequest) -> None:
    assert may_use_database(request.node)
    assert left_out(request.node) == 0


@pytest.mark.one_database
@pytest.mark.processes
@pytest.mark.django_db
def test_what_says_that_one_database_is_enough_is_left_out(request: pytest.FixtureRequest) -> None:
    assert left_out(request.node) == 1


class TestOfAMarkedClass:
    pytestmark = pytest.mark.django_db

    def test_the_mark_of_its_class_keeps_it(self, request: pytest.FixtureRequest) -> None:
        assert left_out(request.node) == 0


def test_a_fixture_keeps_a_test(request: pytest.FixtureRequest, db: None) -> None:
    assert left_out(request.node) == 0


def test_a_fixture_of_a_fixture_keeps_a_test(
    request: pytest.FixtureRequest, through_another: None
) -> None:
    assert left_out(request.node) == 0


@pytest.mark.usefixtures("through_another")
def test_a_fixture_that_is_only_named_keeps_a_test(request: pytest.FixtureRequest) -> None:
    assert left_out(request.node) == 0


def test_a_fixture_that_opens_the_database_keeps_a_test(
    request: pytest.FixtureRequest, unblocked: None
) -> None:
    assert left_out(request.node) == 0


def test_an_environment_for_processes_keeps_a_test(
    request: pytest.FixtureRequest, child_environment: dict[str, str]
) -> None:
    assert left_out(request.node) == 0


def test_the_kind_of_the_database_keeps_a_test(
    request: pytest.FixtureRequest, database_vendor: str
) -> None:
    assert left_out(request.node) == 0


@pytest.mark.processes
def test_processes_keep_a_test(request: pytest.FixtureRequest) -> None:
    assert left_out(request.node) == 0


@pytest.mark.skipif(not hasattr(os, "getpid"), reason="Elsewhere it may be skipped.")
def test_what_may_be_skipped_elsewhere_is_kept(request: pytest.FixtureRequest) -> None:
    assert left_out(request.node) == 0


def test_a_file_that_speaks_of_kinds_of_databases_keeps_its_tests(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    assert once.speaks_of_kinds(request.path)
    assert not once.speaks_of_kinds(Path(once.__file__).with_name("plain.py"))
    assert left_out(request.node) == 0


@pytest.mark.parametrize("case", [TestCase, SimpleTestCase])
def test_a_case_of_django_is_kept(
    case: type, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert left_out(request.node) == 1
    monkeypatch.setattr(type(request.node), "cls", case)
    assert left_out(request.node) == 0


def test_what_is_no_function_is_kept() -> None:
    assert may_use_database(SimpleNamespace())


# What a test does is seen as well


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """A watch that ends with the test."""
    monkeypatch.setattr(ConnectionHandler, "__getitem__", ConnectionHandler.__getitem__)
    found = Watch()
    found.begin()
    return found


def test_looking_at_a_connection_is_seen(watch: Watch) -> None:
    assert not watch.asked
    assert connection.vendor
    assert watch.asked
    watch.asked = False
    assert connections["default"].features
    assert watch.asked


@pytest.mark.processes
def test_starting_a_process_is_seen(watch: Watch) -> None:
    sum(range(10))
    assert not watch.asked
    subprocess.run([sys.executable, "-c", ""], check=True)
    assert watch.asked


@pytest.mark.parametrize("says", [True, False])
def test_what_has_asked_for_a_connection_is_noted_only_if_it_says_so(
    says: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr(Watch, "begin", lambda self: None)
    noting = Noting(tmp_path / "noted")
    noting.watch.asked = True
    if says:
        request.node.add_marker("one_database")
    report = SimpleNamespace()
    making = noting.pytest_runtest_makereport(request.node, SimpleNamespace(when="teardown"))
    next(making)
    with pytest.raises(StopIteration):
        making.send(report)
    assert report.free is says


@pytest.mark.parametrize(
    ("outcomes", "free", "noted"),
    [
        (["passed", "passed", "passed"], True, True),
        (["passed", "passed", "passed"], False, False),
        (["passed", "failed", "passed"], True, False),
        (["passed", "passed", "failed"], True, False),
        (["skipped", "passed"], True, False),
    ],
)
def test_only_what_has_passed_is_noted(
    outcomes: list[str],
    free: bool,
    noted: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setattr(Watch, "begin", lambda self: None)
    noting = Noting(tmp_path / "noted")
    for outcome in outcomes:
        noting.pytest_runtest_logreport(SimpleNamespace(nodeid="it", outcome=outcome))
    last = SimpleNamespace(nodeid="it", outcome="passed", free=free)
    noting.pytest_runtest_logreport(last)
    noting.pytest_sessionfinish(SimpleNamespace(config=SimpleNamespace()))
    assert noting.file.read_text() == ('["it"]' if noted else "[]")
