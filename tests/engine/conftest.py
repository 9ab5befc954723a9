"""What the tests of the engine share."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

import pytest
import time_machine
from django.core.handlers.base import BaseHandler
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from automations.engine import bursts
from tests.plain import NOW
from tests.testapp import story
from tests.testapp.bursts import HAPPENED, Troubled

#: In what a test that says nothing else of the database runs; each is a user's everyday.
WAYS = [
    pytest.param("test_case", marks=pytest.mark.django_db),
    pytest.param("transaction_test_case", marks=pytest.mark.django_db(transaction=True)),
    # What it runs, the others run too.
    pytest.param(
        "atomic_requests", marks=[pytest.mark.django_db(transaction=True), pytest.mark.no_cover]
    ),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """
    Run the tests of a module that asks for it (``in_all_ways``) in all ways.

    Beside other databases, on which they run in all, two are enough: for a database the third is
    like the first, a transaction around everything.
    """
    if getattr(metafunc.module, "in_all_ways", False):
        metafunc.fixturenames.append("way")
        metafunc.parametrize("way", WAYS[:2] if os.environ.get("ATM_TEST_WAYS") == "two" else WAYS)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run the test in a view of a project that has ``ATOMIC_REQUESTS``, if that is its way."""
    way = getattr(pyfuncitem, "callspec", None) and pyfuncitem.callspec.params.get("way")
    if way != "atomic_requests":
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    done = []

    def view(request: HttpRequest) -> HttpResponse:
        assert connection.in_atomic_block
        pyfuncitem.obj(**arguments)
        done.append(request)
        return HttpResponse()

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
        BaseHandler().make_view_atomic(view)(RequestFactory().get("/"))
    assert done
    return True


@pytest.fixture(autouse=True)
def told() -> Iterator[list[tuple[object, ...]]]:
    """What the processes have told in this test."""
    story.told.clear()
    yield story.told
    story.told.clear()


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The process clock, standing still until it is moved."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def nothing_happened(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of the processes of bursts has happened yet; however fast the machine is."""
    monkeypatch.setattr(bursts, "longest", lambda: math.inf)
    HAPPENED.clear()
    Troubled.trouble_left.clear()
    yield
    Troubled.trouble_left.clear()
