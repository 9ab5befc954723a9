"""What the tests of dispatching share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from automations.definition import known
from tests.engine.conftest import clock, told

__all__ = ["clock", "told", "weekly"]


@pytest.fixture
def weekly() -> Iterator[Any]:
    """A process that is started on schedule, known to the project in this test alone."""
    from tests.testapp import scheduled

    known.add(scheduled.Weekly._meta)
    yield scheduled.Weekly
    known._by_label.pop(scheduled.Weekly.get_automation_name())
