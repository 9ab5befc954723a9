"""What the tests of dispatching share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from automations.definition import known
from automations.dispatch import pace as pacing
from automations.dispatch import sweep as sweeping
from automations.dispatch.pace import Pace
from automations.engine import blocks, bursts
from tests.engine.conftest import clock, told
from tests.testapp.bursts import HAPPENED

__all__ = ["all_are_quick", "clock", "told", "weekly"]


@pytest.fixture
def all_are_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every class is known to be quick, however fast the machine is; nothing has happened yet."""
    monkeypatch.setattr(pacing, "OFTEN", 0)
    monkeypatch.setattr(pacing, "QUICK", math.inf)
    for module in (blocks, bursts):
        monkeypatch.setattr(module, "longest", lambda: math.inf)
    monkeypatch.setattr(sweeping, "pace", Pace())
    HAPPENED.clear()


@pytest.fixture
def weekly() -> Iterator[Any]:
    """A process that is started on schedule, known to the project in this test alone."""
    from tests.testapp import scheduled

    known.add(scheduled.Weekly._meta)
    yield scheduled.Weekly
    known._by_label.pop(scheduled.Weekly.get_automation_name())
