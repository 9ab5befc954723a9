"""Numbers that the documentation names, or that decide how long others wait."""

from __future__ import annotations

from automations.engine import bursts


def test_no_task_is_begun_in_a_burst_after_what_the_documentation_says() -> None:
    assert (bursts.LONGEST, bursts.LONGEST_ALONE) == (0.05, 0.01)
