"""What is done after each sweep by a queue that is the scheduler; higher floors put it here."""

from __future__ import annotations

from collections.abc import Callable

#: Called one after the other, after each sweep.
chores: list[Callable[[], object]] = []
