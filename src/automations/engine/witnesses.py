"""Who is told, in this process and at once, of what is written: the tests of a project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automations.engine.context import RunContext
    from automations.models import AutomationTaskModel


class Witness:
    """Is told what is written, within the transaction: it may still be undone."""

    def settled(self, context: RunContext) -> None:
        """All that a step, a person or a message has changed in a run is about to be written."""

    def failed(self, task: AutomationTaskModel, error: BaseException) -> None:
        """The task has failed with ``error``, and its run has become an incident."""


_present: list[Witness] = []


@contextmanager
def seen_by(witness: Witness) -> Iterator[None]:
    """Let ``witness`` be told of what happens in this process, in all its threads."""
    _present.append(witness)
    try:
        yield
    finally:
        _present.remove(witness)


def tell_settled(context: RunContext) -> None:
    """Tell all who are there."""
    for witness in _present:
        witness.settled(context)


def tell_failed(task: AutomationTaskModel, error: BaseException) -> None:
    """Tell all who are there."""
    for witness in _present:
        witness.failed(task, error)
