"""One story of a process: what is done in it, act by act, and what must hold after each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.contrib.auth import get_user_model
from django.core import mail
from django.db import transaction

from automations.definition.process import ProcessDefinition
from automations.engine.context import RunContext
from automations.engine.locking import alias, runs, tasks
from automations.engine.reading import open_tasks_of
from automations.engine.witnesses import Witness, seen_by
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.runs import RunState
from automations.models.tasks import TaskQuerySet, TaskState
from automations.testing.clocks import Clock, Movable
from automations.testing.deeds import ENDLESS, Act
from automations.testing.dying import Death
from automations.testing.idling import settle
from automations.testing.laws import Broken, refuse_broken, refuse_late

DONE = (TaskState.COMPLETED, TaskState.MERGED)

Law = Callable[[Any], object]


@dataclass(frozen=True)
class Plan:
    """What the author has said of the stories: the arguments of `explore`."""

    automation: Any
    start: Any
    people: Any
    forms: Mapping[str, Any]
    messages: Mapping[str, Any]
    invariants: Sequence[Law]
    at_end: Sequence[Law]
    within: timedelta | None
    setup: Callable[[], object] | None
    at: Any
    every: timedelta | None
    beside: Movable | None
    crashes: bool
    incidents: tuple[type[BaseException], ...]
    stories: int
    acts: int
    seconds: float
    seed: int

    @property
    def definition(self) -> ProcessDefinition:
        """The process."""
        definition: ProcessDefinition = self.automation._meta
        return definition


@dataclass
class Told(Witness):
    """What all stories together have come to."""

    labels: tuple[str, ...]
    stories: int = 0
    acts: int = 0
    nodes: set[str] = field(default_factory=set)
    #: By the name of a form: how often it was filled in, how often it was valid, what was wrong.
    sent: dict[str, int] = field(default_factory=dict)
    valid: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def never_valid(self, least: int) -> str:
        """Return the name of a form that was sent so often, always in vain; "" if there is none."""
        vain = (name for name, count in self.sent.items() if count >= least)
        return next((name for name in vain if not self.valid.get(name)), "")

    def settled(self, context: RunContext) -> None:
        task = getattr(context, "task", None)
        if context.run.automation_class in self.labels:
            # An End may be opened and done at once.
            done = [one for one in (task, *context.opened) if one and one.state in DONE]
            self.nodes.update(one.status for one in done)


class Errors(Witness):
    """What tasks have failed with in a story."""

    def __init__(self) -> None:
        self.found: list[tuple[int, BaseException]] = []

    def failed(self, task: AutomationTaskModel, error: BaseException) -> None:
        self.found.append((task.pk, error))

    def surface(self, expected: tuple[type[BaseException], ...]) -> None:
        """Raise the first that is not ``expected``, as it was raised."""
        found, self.found = self.found, []
        for key, error in found:
            # What was undone has not failed.
            failed = tasks().filter(pk=key, state=TaskState.FAILED).exists()
            if failed and not isinstance(error, expected):
                raise error


class Story:
    """A story that is being played: its run, its people, and what was done so far."""

    def __init__(self, plan: Plan, time: Clock, told: Told) -> None:
        self.plan, self.time, self.told = plan, time, told
        self.acts: list[Act] = []
        self.people: list[Any] = []
        self.run_id: int | None = None
        self.began = time.now
        self.errors = Errors()
        self.is_over = False

    # What is so

    @cached_property
    def row(self) -> AutomationModel | None:
        """The run as it is after the last act; None if it has not begun, or has been killed."""
        return None if self.run_id is None else runs().filter(pk=self.run_id).first()

    @cached_property
    def open_tasks(self) -> list[AutomationTaskModel]:
        """The open tasks of the run, after the last act."""
        return open_tasks_of(self.row) if self.row else []

    @cached_property
    def offered(self) -> dict[str, tuple[AutomationTaskModel, list[Any]]]:
        """The tasks that wait for people, the oldest of each form, and those who may do it."""
        found: dict[str, tuple[AutomationTaskModel, list[Any]]] = {}
        for task in self.open_tasks:
            if task.is_offered and task.status not in found:
                may = [person for person in self.people if task.may_be_done_by(person)]
                found[task.status] = task, may
        return found

    def look_again(self) -> None:
        """Forget what was so before the last act."""
        for name in ("row", "open_tasks", "offered"):
            vars(self).pop(name, None)

    def failed_tasks(self) -> TaskQuerySet:
        """Return the tasks of the run that have failed, the oldest first."""
        failed = tasks().filter(automation=self.run_id, state=TaskState.FAILED)
        return failed.select_related("automation").order_by("pk")

    @property
    def has_ended(self) -> bool:
        """Whether the run has ended, well or otherwise, or is gone."""
        return self.row is None or self.row.state in (RunState.FINISHED, RunState.CANCELLED)

    # What happens

    def play(self, act: Act) -> None:
        """Let the act happen, and all that is due then; raise what fails the story."""
        self.acts.append(act)
        self.told.acts += 1
        try:
            with seen_by(self.errors), seen_by(self.told):
                act.play(self)
        finally:
            self.look_again()
        self.judge()

    def attempt(self, at: str | int | None, work: Callable[[], object]) -> str:
        """
        Do the work, and what is due then; if a worker dies ``at`` a task, another takes it up.

        Return the node at which it has died; "" if none has.
        """
        death = Death(at, self.plan.definition.labels)

        def all_of_it() -> None:
            work()
            settle(ENDLESS)

        if death.during(all_of_it):
            settle(ENDLESS)
        return death.node

    def judge(self) -> None:
        """Raise what fails the story, as it stands now."""
        self.errors.surface(self.plan.incidents)
        row = self.row
        if row is None:
            self.is_over = True
            return
        refuse_broken(row, self)
        for law in self.plan.invariants:
            ask(law, row, "invariant")
        if row.state == RunState.FINISHED and not self.is_over:
            self.is_over = True
            for law in self.plan.at_end:
                ask(law, row, "at_end")
        if self.plan.within is not None:
            refuse_late(row, self.began + self.plan.within, self.time.now)
        self.is_over = self.is_over or row.state == RunState.CANCELLED


def ask(law: Law, row: AutomationModel, word: str) -> None:
    """Raise what ``law`` says of the run, if that does not hold."""
    if law(row.instance) is False:
        name = getattr(law, "__name__", repr(law))
        raise Broken(f"{word} {name} does not hold.", law=f"{word} {name}")


@contextmanager
def staged(plan: Plan, time: Clock, told: Told, begin: datetime) -> Iterator[Story]:
    """Give a story that begins at ``begin``; whatever it does in the database is undone."""
    time.show(begin)
    outbox, mail.outbox = getattr(mail, "outbox", []), []
    told.stories += 1
    try:
        with transaction.atomic(using=alias()):
            if plan.setup is not None:
                plan.setup()
            story = Story(plan, time, told)
            story.people = people_of(plan)
            yield story
            transaction.set_rollback(True, using=alias())
    finally:
        mail.outbox = outbox


def people_of(plan: Plan) -> list[Any]:
    """Return the people of the stories: who is given, else all active users."""
    given = plan.people() if callable(plan.people) else plan.people
    if given is None:
        given = get_user_model()._default_manager.filter(is_active=True).order_by("pk")
    return list(given)
