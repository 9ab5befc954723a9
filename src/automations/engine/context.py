"""What a node gets to see: one task of one run, at one moment."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any

from django.conf import settings as project
from django.utils import timezone, translation

from automations import payload, settings
from automations.definition.node import Node
from automations.definition.process import ProcessDefinition
from automations.definition.references import Reference, as_reference
from automations.engine.locking import DatabaseNow, messages, tasks
from automations.engine.together import Ending, Together
from automations.exceptions import AutomationNotFound
from automations.models import AutomationMessageModel, AutomationModel, AutomationTaskModel
from automations.outcomes import Outside


class RunContext:
    """
    One run at one moment (process time, aware), under its lock.

    ``others`` are its open tasks, ``opened`` the tasks that are opened now, and ``changes`` what
    is changed in the run's row.
    """

    def __init__(
        self, run: AutomationModel, now: datetime, others: Iterable[AutomationTaskModel] = ()
    ) -> None:
        self.run = run
        self.now = now
        self.others = list(others)
        self.opened: list[AutomationTaskModel] = []
        self.changes: dict[str, Any] = {}
        self.automation: Any = None
        #: Where what ends is kept to be written with that of other runs, if it is.
        self.together: Together | None = None
        #: How the run ends, if that is kept there once the step is closed.
        self.ending: Ending | None = None
        self._before = payload.snapshot(self.run.data)
        self._rows = [(row, copy.copy(vars(row))) for row in self.open_tasks]

    @property
    def open_tasks(self) -> list[AutomationTaskModel]:
        """Those of the tasks looked at that are still to be done."""
        return [task for task in self.others if task.is_open]

    def load(self) -> None:
        """Bind the automation. Raise an error if the code lacks the class."""
        self.automation = self.run.instance

    @property
    def definition(self) -> ProcessDefinition:
        """The process that the run belongs to."""
        definition: ProcessDefinition = self.automation._meta
        return definition

    @property
    def data_before(self) -> dict[str, Any]:
        """The run's ``data`` as it was read."""
        before: dict[str, Any] = json.loads(self._before)
        return before

    @property
    def data_changed(self) -> bool:
        """Whether ``data`` differs from what was read. Raise `InvalidData` if it is no JSON."""
        return payload.encode(self.run.data) != self._before

    def kept_message(self, name: str) -> AutomationMessageModel | None:
        """Return the oldest message ``name`` that no node has taken; None if there is none."""
        kept = messages().filter(automation=self.run.pk, name=name, taken=None).order_by("pk")
        for key, called in kept.values_list("pk", "name"):
            if called == name:  # some databases take "paid" and "Paid" for equal
                return messages().get(pk=key)
        return None

    def undo(self) -> None:
        """Make the objects in memory what the rows are again, after a savepoint was undone."""
        self.run.data.clear()
        self.run.data.update(self.data_before)
        for row, fields in self._rows:
            vars(row).clear()
            vars(row).update(copy.copy(fields))
            row.automation = self.run
        self.opened.clear()
        self.changes.clear()
        self.ending = None


class TaskContext(RunContext):
    """
    What a node gets to see: one task, its run, and the moment at which it is looked at.

    ``others`` are the run's other open tasks.
    """

    def __init__(
        self,
        task: AutomationTaskModel,
        run: AutomationModel,
        now: datetime,
        others: Iterable[AutomationTaskModel] = (),
    ) -> None:
        self.task = task
        #: What is to be done outside of the transaction, if the node has said so.
        self.outside: Outside | None = None
        #: Asked behind the work: whether another task may be done in this transaction.
        self.may_go_on: Callable[[], bool] = never
        if task._state.fields_cache.get("automation") is not run:  # it is, if it was just opened
            task.automation = run
        super().__init__(run, now, others)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.task!r}, {self.now:%Y-%m-%d %H:%M:%S}>"

    def undo(self) -> None:
        self.outside = None
        super().undo()

    @property
    def open_tasks(self) -> list[AutomationTaskModel]:
        """This task, while it is open, and the run's other open tasks."""
        return [task for task in (self.task, *self.others) if task.is_open]

    @property
    def node(self) -> Node:
        """The node that the task is a visit to. Raise `NodeNotFound` if the code lacks it."""
        return self.definition.node(self.task.status)

    @cached_property
    def known_node(self) -> Node | None:
        """The node of the task; None if the code lacks it."""
        try:
            return self.run.definition.nodes.get(self.task.status)
        except AutomationNotFound:
            return None

    @property
    def place(self) -> str:
        """Where the task is to be executed: the name of a dispatcher; "" if the code lacks it."""
        node = self.known_node
        if node is None:
            return ""
        own = node.dispatcher or self.run.definition.options.dispatcher
        return own or settings.get("ATM_DISPATCHER")

    def resolve(self, value: Any) -> Any:
        """Return ``value``, or what ``this.x`` or ``"self.x"`` stands for: never a node."""
        value = as_reference(value)
        return attribute(self.automation, value.name) if isinstance(value, Reference) else value

    def evaluate(self, value: Any) -> Any:
        """Return ``value``; call it with the task first if it, or what it points to, can be."""
        value = self.resolve(value)
        return value(self.task) if callable(value) else value

    def first_visit(self, name: str) -> datetime | None:
        """Return when the run first came to the node ``name``; None if it never did."""
        visits = tasks().filter(automation=self.run.pk, status=name)
        first: datetime | None = visits.order_by("pk").values_list("created", flat=True).first()
        return first

    def is_claimed(self) -> bool:
        """Return whether somebody does the task's work outside of a transaction just now."""
        return bool(self.task.claimed_by) and (
            tasks().filter(pk=self.task.pk, claimed_until__gt=DatabaseNow()).exists()
        )

    def message_came(self, name: str) -> datetime | None:
        """Return when the oldest message ``name`` came that is kept for a node; None: none is."""
        kept = self.kept_message(name)
        return kept.created if kept else None


def never() -> bool:
    """Say no."""
    return False


@contextmanager
def neutral() -> Iterator[None]:
    """Work in the project's own time zone and language, whoever has triggered it."""
    if is_neutral():  # as in a scheduler; asking is quicker than setting it
        try:
            yield
        finally:
            if not is_neutral():
                timezone.deactivate()
                translation.deactivate()
        return
    zone = timezone.override(timezone.get_default_timezone())
    with zone, translation.override(project.LANGUAGE_CODE):
        yield


def is_neutral() -> bool:
    """Return whether this thread is in the project's own time zone and language."""
    zone, language = timezone.get_current_timezone(), translation.get_language()
    return zone is timezone.get_default_timezone() and language == project.LANGUAGE_CODE


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
