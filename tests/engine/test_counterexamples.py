"""The way to a flaw of soundness, gone by the engine: it leads to what was said."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from types import new_class
from typing import Any

import pytest

from automations.definition.context import Context
from automations.definition.net import START, Transition, net_of, node_at
from automations.definition.node import Node
from automations.definition.soundness import Flaw, Kind, flaw_of
from automations.engine import starting, steps
from automations.models import AutomationModel, AutomationTaskModel
from automations.outcomes import Complete, Outcome
from tests.definition.test_soundness import FLAWS, WILD
from tests.diagrams.corpus import UNSOUND

pytestmark = pytest.mark.django_db

FLAWED = [UNSOUND[name] for name in FLAWS]
FLAWED += [each for each in WILD if flaw_of(each._meta) is not None]
FLAWED = [each for each in FLAWED if getattr(flaw_of(each._meta), "kind", None) is not Kind.DEAD]
OPEN = ("ready", "waiting")


def ways(net: list[Transition], flaw: Flaw) -> Iterator[list[Transition]]:
    """Yield the transitions by which a run leaves the nodes on the way, and comes to the places."""

    def on(
        state: frozenset[str], twice: frozenset[str], done: list[Transition]
    ) -> Iterator[list[Transition]]:
        if len(done) == len(flaw.path):
            there = twice if flaw.kind is Kind.TWICE else state
            if set(flaw.places) <= set(map(node_at, there)):
                yield done
            return
        for step in net:
            if step.nodes == (flaw.path[len(done)],) and step.inputs <= state:
                rest = frozenset() if step.clears else state - step.inputs
                yield from on(rest | step.outputs, rest & step.outputs, [*done, step])

    first = next(step for step in net if START in step.inputs)
    return on(first.outputs, frozenset(), [])


class Drive:
    """A run whose nodes go where they are told, one task at a time."""

    def __init__(self, automation: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        body = {"__module__": __name__}
        made: Any = new_class(
            f"Driven{automation.__name__}",
            (automation,),
            exec_body=lambda names: names.update(body),
        )
        monkeypatch.setattr(sys.modules[__name__], made.__name__, made, raising=False)
        monkeypatch.setattr(starting, "refuse_if_flawed", lambda definition: None)
        monkeypatch.setattr(Node, "run", lambda node, context: self.run(node, context))
        self.to = ""
        self.definition = made._meta
        self.row: AutomationModel = AutomationModel.objects.get(pk=made(autorun=False).id)
        self.arrive()

    def run(self, node: Node, context: Context) -> Outcome:
        if node.forks or node.merges or node.ends:
            return node.execute(context)
        return Complete(to=self.to)

    def at(self, name: str) -> list[AutomationTaskModel]:
        tasks = AutomationTaskModel.objects.filter(automation=self.row.pk, status=name)
        return list(tasks.order_by("pk"))

    def open_at(self, name: str) -> AutomationTaskModel | None:
        return next((task for task in self.at(name) if task.state in OPEN), None)

    def leave(self, name: str, to: str) -> None:
        """Have the task at a node done, and no other; then let branches come to their Joins."""
        task = self.open_at(name)
        assert task is not None, f"no task is at {name}"
        self.to = to
        self.do(task)
        self.arrive()

    def do(self, task: AutomationTaskModel) -> None:
        if self.row.state != "running":
            return
        tasks = AutomationTaskModel.objects.filter(automation=self.row.pk, due__isnull=False)
        tasks.update(due=task.created + timedelta(days=900))
        AutomationTaskModel.objects.filter(pk=task.pk).update(due=task.created)
        AutomationModel.objects.filter(pk=self.row.pk).update(due=task.created)
        steps.step(self.row.pk)
        self.row.refresh_from_db()

    def arrive(self) -> None:
        """Let each branch that stands before a Join arrive there."""
        joins = [name for name, node in self.definition.nodes.items() if node.merges]
        before = -1
        while before != (before := AutomationTaskModel.objects.filter(state="merged").count()):
            for name in joins:
                if (task := self.open_at(name)) and task.state == "ready":
                    self.to = str(self.definition.nodes[name].default_target or "")
                    self.do(task)


@pytest.mark.parametrize("automation", FLAWED, ids=lambda each: each.__name__)
def test_the_way_to_a_flaw_leads_there(automation: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    flaw = flaw_of(automation._meta)
    assert flaw is not None
    drive = Drive(automation, monkeypatch)
    way = next(ways(net_of(automation._meta), flaw))
    for name, step in zip(flaw.path, way, strict=True):
        node = drive.definition.nodes[name]
        if node.merges and not drive.open_at(name):
            continue  # it went on when the last branch arrived
        drive.leave(name, node_at(next(iter(step.outputs))))
    if flaw.kind is Kind.LEFT_BEHIND:
        if drive.row.state == "failed":
            message = drive.at(flaw.path[-1])[-1].message
            assert "was reached while tasks are open" in message
        else:  # a branch that has arrived at its Join is nowhere any more, and lost
            assert drive.row.state == "finished"
            for name in flaw.places:
                assert drive.definition.nodes[name].merges
                assert "merged" in [task.state for task in drive.at(name)]
        return
    assert drive.row.state != "finished"
    for name in flaw.places:
        assert len(drive.at(name)) >= (2 if flaw.kind is Kind.TWICE else 1)
    if flaw.kind is Kind.STUCK:
        ready = [
            task.status
            for task in AutomationTaskModel.objects.filter(automation=drive.row.pk, state="ready")
        ]
        assert drive.row.state == "failed" or ready == []
