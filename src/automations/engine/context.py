"""What a node gets to see: one task of one run, at one moment."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings as project
from django.utils import timezone, translation

from automations import payload
from automations.definition.node import Node
from automations.definition.process import ProcessDefinition
from automations.definition.references import Reference, as_reference
from automations.models import AutomationModel, AutomationTaskModel


@dataclass
class TaskContext:
    """
    One task, its run, and the moment (process time, aware) at which it is looked at.

    ``others`` are the run's other open tasks, ``opened`` the tasks that this step opens, and
    ``changes`` what it changes in the run's row.
    """

    task: AutomationTaskModel
    run: AutomationModel
    now: datetime
    others: list[AutomationTaskModel] = field(default_factory=list)
    opened: list[AutomationTaskModel] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    automation: Any = None

    def __post_init__(self) -> None:
        self.task.automation = self.run
        self._before = payload.snapshot(self.run.data)
        self._rows = [(row, copy.copy(vars(row))) for row in (self.task, *self.others)]

    def load(self) -> None:
        """Bind the automation. Raise an error if the code lacks the class."""
        self.automation = self.run.instance

    @property
    def definition(self) -> ProcessDefinition:
        """The process that the run belongs to."""
        definition: ProcessDefinition = self.automation._meta
        return definition

    @property
    def node(self) -> Node:
        """The node that the task is a visit to. Raise `NodeNotFound` if the code lacks it."""
        return self.definition.node(self.task.status)

    def resolve(self, value: Any) -> Any:
        """Return ``value``, or what ``this.x`` or ``"self.x"`` stands for: never a node."""
        value = as_reference(value)
        return attribute(self.automation, value.name) if isinstance(value, Reference) else value

    def evaluate(self, value: Any) -> Any:
        """Return ``value``; call it with the task first if it, or what it points to, can be."""
        value = self.resolve(value)
        return value(self.task) if callable(value) else value

    @property
    def data_changed(self) -> bool:
        """Whether ``data`` differs from what was read. Raise `InvalidData` if it is no JSON."""
        return payload.encode(self.run.data) != self._before

    def undo(self) -> None:
        """Make the objects in memory what the rows are again, after a savepoint was undone."""
        self.run.data.clear()
        self.run.data.update(json.loads(self._before))
        for row, fields in self._rows:
            vars(row).clear()
            vars(row).update(copy.copy(fields))
        self.task.automation = self.run
        self.opened.clear()
        self.changes.clear()


@contextmanager
def neutral() -> Iterator[None]:
    """Work in the project's own time zone and language, whoever has triggered it."""
    zone = timezone.override(timezone.get_default_timezone())
    with zone, translation.override(project.LANGUAGE_CODE):
        yield


def attribute(automation: Any, name: str) -> Any:
    """Return the attribute ``name`` of the automation, which is never the node of that name."""
    value = getattr(automation, name)
    if not isinstance(value, Node):
        return value
    for base in type(automation).__mro__:
        found = vars(base).get(name)
        if found is not None and not isinstance(found, Node):
            return found.__get__(automation) if hasattr(found, "__get__") else found
    raise AttributeError(f"{type(automation).__name__} has the node {name!r} but no such method.")
