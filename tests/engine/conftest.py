"""What the tests of the engine share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine

from tests.plain import NOW
from tests.testapp import story


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
