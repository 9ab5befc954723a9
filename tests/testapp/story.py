"""What the processes of the tests tell of themselves while they run."""

from __future__ import annotations

told: list[tuple[object, ...]] = []


def tell(*what: object) -> None:
    """Remember that this was done."""
    told.append(what)
