"""Which nodes a run visits that is led by a table: the same one that another engine consults."""

from __future__ import annotations

import datetime
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import new_class
from typing import Any

import time_machine
from django.contrib.auth.models import Group, User

from automations import flow
from automations.definition.process import ProcessDefinition
from automations.dispatch import inline
from automations.models import AutomationModel, AutomationTaskModel
from tests.diagrams.steered import ERRORS

NOW = datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)
#: How often a decision of a node is told in advance; after that it is the first again.
TOLD = 40
#: How often a process that comes back for ever is followed.
ROUNDS = 3
#: That a form is not filled in in time.
LATE = "timeout"
#: A run that has not ended after so many sweeps never will.
LONGEST = 200

Table = dict[str, list[str]]


@dataclass
class Expected:
    """What a run does: its decisions, and the nodes that it visits."""

    table: Table
    visits: list[str]
    #: From where the process comes back for ever, if it does.
    repeats: str | None
    #: Whether there are branches, between which the order is as it comes.
    splits: bool


def expected_of(process: type[flow.Automation], seed: int = 1) -> Expected:
    """Return what a run of the process does with the decisions of that number, or of a later."""
    definition = process._meta
    for number in range(seed, seed + 50):
        table = table_of(definition, number)
        with suppress(EndlessError):
            return Expected(
                table,
                visits(process, table),
                next((name for name, node in definition.nodes.items() if node.repeats), None),
                any(node.forks for node in definition.nodes.values()),
            )
    raise AssertionError(f"{process.__name__} does not end.")


class EndlessError(Exception):
    """The decisions lead round and round."""


def can_be_followed(definition: ProcessDefinition) -> bool:
    """
    Return whether it is no chance which nodes a run visits.

    It would be where one of several branches ends the run, or several go round for ever.
    """
    nodes = definition.nodes.values()
    return sum(node.repeats for node in nodes) < 2 and not any(node.terminate for node in nodes)


def table_of(definition: ProcessDefinition, seed: int) -> Table:
    """Return by which way each node is left that has several, visit by visit."""
    chance = random.Random(f"{definition.label} {seed}")
    found = {}
    for name, node in definition.nodes.items():
        ways = [each for each in node.sequence_flows() if each not in {*node.error_flows()}]
        labels = [each.label for each in ways] if node.asked is not None else ["done"]
        # What is sent is delivered, and what is tried again is an error only in the end.
        if not (node.sends or getattr(node, "tries", None)):
            labels += [each.label for each in node.error_flows()]
        if node.asks and node.timeout:
            labels.append(LATE)
        if len(labels) > 1:
            found[name] = [chance.choice(labels) for _ in range(TOLD)]
    return found


class Led(flow.Automation):
    """Decides by a table."""

    class Meta:
        abstract = True

    table: Table = {}
    #: How often each node has decided, in the one run that there is.
    asked: Counter[str] = Counter()

    def told(self, task: Any) -> str:
        """Return the way by which the node is left this time; raise if it is that of an error."""
        way = told(self.table, type(self).asked, task.status)
        if error := ERRORS.get(way):
            raise error(way)
        return way

    def work(self, task: Any) -> None:
        """Do nothing, or raise."""
        if self._meta.nodes[task.status].asked is None:
            self.told(task)

    def asks(self, task: Any) -> bool:
        """Answer."""
        return self.told(task) == "yes"

    def which(self, task: Any) -> str:
        """Choose a case."""
        return self.told(task)

    def skips(self, task: Any) -> bool:
        """Skip nothing."""
        return False

    def when(self, task: Any) -> datetime.datetime:
        """Name a moment that has come."""
        return flow.now()


def told(table: Table, asked: Counter[str], name: str) -> str:
    """Return the next decision of a node."""
    ways = table.get(name, [""])
    asked[name] += 1
    return ways[(asked[name] - 1) % len(ways)]


def visits(process: type[flow.Automation], table: Table) -> list[str]:
    """
    Return the nodes that a run has done, in that order, with time going on as fast as it can.

    Of a process that goes round for ever it is some rounds. A Join is done once all are there.
    """
    with runnable(process, table) as made, time_machine.travel(NOW, tick=False) as clock:
        repeating = next((name for name, node in made._meta.nodes.items() if node.repeats), None)
        people = People(table, made.asked)
        run = people.run = made()
        for _ in range(LONGEST):
            done = AutomationTaskModel.objects.filter(automation_id=run.id, state="completed")
            names = list(done.order_by("finished", "pk").values_list("status", flat=True))
            if run.finished() or (repeating and names.count(repeating) >= ROUNDS):
                return until(names, repeating)
            clock.shift(1)
            if people.answer():
                continue
            due = AutomationModel.objects.get(pk=run.id).due
            if due is None:
                raise AssertionError(f"{process.__name__} has come to a stop: {names[-3:]}")
            clock.move_to(max(due, flow.now()), tick=False)
            AutomationModel.run()
    raise EndlessError(process.__name__)


class People:
    """Those who are asked, and send messages: at once, unless the table says it is too late."""

    run: flow.Automation

    def __init__(self, table: Table, asked: Counter[str]) -> None:
        self.table, self.asked = table, asked
        #: What was said of each form.
        self.said: dict[int, str] = {}
        self.user, _ = User.objects.get_or_create(username="ada", is_superuser=True)
        for name in ("staff", "Moderators"):
            self.user.groups.add(Group.objects.get_or_create(name=name)[0])

    def answer(self) -> bool:
        """Answer one question; return False if there is none to be answered now."""
        waiting = AutomationTaskModel.objects.filter(automation_id=self.run.id, state="waiting")
        for task in waiting.order_by("pk"):
            node = self.run._meta.nodes[task.status]
            if node.message:
                self.run.send_message(node.message)
                return True
            if node.asks and task.pk not in self.said:
                self.said[task.pk] = told(self.table, self.asked, node.name)
                if self.said[task.pk] != LATE:
                    form = node.form({"reason": "why not"})
                    assert form.is_valid()
                    inline.submit(self.run.id, task.pk, form, self.user)
                    return True
        return False


def until(names: list[str], repeating: str | None) -> list[str]:
    """Return the names up to the last round that counts."""
    ends = [at for at, name in enumerate(names) if name == repeating]
    return names[: ends[ROUNDS - 1] + 1] if len(ends) >= ROUNDS else names


@contextmanager
def runnable(process: type[flow.Automation], table: Table) -> Iterator[Any]:
    """Give a process that has runs, and decides by the table; it is found meanwhile only."""
    name = f"Led{process.__name__}"

    def fill(body: Any) -> None:
        body["__module__"] = __name__
        body["__qualname__"] = name
        body["table"] = table
        body["asked"] = Counter()

    made = new_class(name, (Led, process), exec_body=fill)
    globals()[name] = made
    try:
        yield made
    finally:
        del globals()[name]
