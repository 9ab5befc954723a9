"""Nodes that stand for something that happens: `End`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from automations.definition.node import Context, Node
from automations.definition.sequence import SequenceFlow
from automations.outcomes import Finish, Outcome


class End(Node):
    """
    End the run.

    Every branch of a Split must have been joined before; ``End(terminate=True)`` may also stand
    inside a branch and closes the others.
    """

    bpmn: ClassVar[str] = "endEvent"
    skippable: ClassVar[bool] = False
    ends: ClassVar[bool] = True
    only_leads_on: ClassVar[bool] = True

    def __init__(self, *, terminate: bool = False, description: str = "") -> None:
        super().__init__(description=description)
        self.terminate = terminate

    @property
    def default_target(self) -> None:
        """Nothing comes after the end."""
        return None

    def execute(self, context: Context) -> Outcome:
        return Finish(terminate=self.terminate)

    def sequence_flows(self) -> Iterator[SequenceFlow]:
        return iter(())
