"""Random nested processes do what an independent telling of their meaning says they do."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from types import new_class
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from automations import flow
from automations.definition.validation import find_problems
from automations.engine import steps
from automations.exceptions import DefinitionError
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.runs import RunState
from tests.plain import NOW
from tests.proofs.recording import Recorder
from tests.proofs.reference import Choice, Loop, Parallel, Part, Pattern, Row, Work, longest, walk
from tests.testapp import proof_processes

#: Measured it would take twice as long, and covers no line that no other test does.
pytestmark = pytest.mark.no_cover

#: How many processes are made; ATM_TEST_EXAMPLES=1000 for the full proof.
EXAMPLES = int(os.environ.get("ATM_TEST_EXAMPLES", "25"))
MINUTE = timedelta(minutes=1)

# Making one


@st.composite
def rows(draw: st.DrawFn, depth: int) -> Row:
    """Draw some parts, one after the other."""
    return Row(tuple(draw(st.lists(parts(depth), min_size=1, max_size=3))))


def parts(depth: int) -> st.SearchStrategy[Part]:
    """Return the strategy of parts that are nested up to ``depth`` deep."""
    patterns = st.lists(st.booleans(), min_size=1, max_size=3).map(lambda it: Pattern(tuple(it)))
    never = st.just(Pattern((False,)))
    name = st.just("")
    inner = rows(depth - 1) if depth else None
    work = st.builds(
        Work,
        name=name,
        skip=never | patterns,
        fail=never | patterns if depth else never,
        wait=st.integers(0, 3),
        patience=st.integers(0, 3),
        handler=(st.none() | inner) if inner is not None else st.none(),
    )
    if inner is None:
        return work
    return st.one_of(
        work,
        st.builds(Choice, name=name, yes=patterns, then=inner, otherwise=inner),
        st.builds(Loop, name=name, times=st.integers(1, 3), body=inner),
        st.builds(
            Parallel,
            name=name,
            branches=st.lists(inner, min_size=2, max_size=3).map(tuple),
        ),
    )


def named(part: Any, numbers: Iterator[int]) -> Any:
    """Return the part with a name of its own for each node in it."""
    changes: dict[str, Any] = {}
    for key, value in vars(part).items():
        if key == "name":
            changes[key] = f"{type(part).__name__.lower()}{next(numbers)}"
        elif isinstance(value, tuple):
            changes[key] = tuple(named(each, numbers) for each in value)
        elif isinstance(value, Work | Choice | Loop | Parallel | Row):
            changes[key] = named(value, numbers)
        else:
            changes[key] = value
    return type(part)(**changes)


processes = rows(3).filter(lambda row: longest(row) <= 60).map(lambda row: named(row, count()))
splits = st.builds(
    Parallel, name=st.just(""), branches=st.lists(rows(1), min_size=2, max_size=3).map(tuple)
).map(lambda split: named(split, count()))


@dataclass(frozen=True)
class Escape:
    """What no branch may have: a way to the end."""

    name: str


# Writing it as a class


@dataclass
class Writer:
    """Writes a process as the nodes and methods of a class."""

    nodes: list[tuple[str, Any, str]] = field(default_factory=list)
    methods: dict[str, Callable[..., Any]] = field(default_factory=dict)

    def write(self, part: Part | Escape, after: str, loop: str = "") -> str:
        """Write the part, which goes on at ``after``; return the name of its first node."""
        match part:
            case Row():
                first = after
                for each in reversed(part.parts):
                    first = self.write(each, first, loop)
                return first
            case Work():
                self.write_work(part, after, loop)
            case Choice():
                node = flow.If(self.asks(part.name, part.yes, loop))
                node = node.Then(self.write(part.then, after, loop))
                node = node.Else(self.write(part.otherwise, after, loop))
                self.nodes.append((part.name, node, ""))
            case Loop():
                first = self.write(part.body, part.name, part.name)
                self.methods[f"again_{part.name}"] = again(part)
                node = flow.If(f"self.again_{part.name}").Then(first)
                self.nodes.append((part.name, node, after))
                return first
            case Escape():
                self.nodes.append((part.name, flow.If(True).Then("the_end").Else(after), ""))
            case Parallel():
                self.nodes.append((f"{part.name}_join", flow.Join(), after))
                node = flow.Split()
                for branch in part.branches:
                    node = node.Next(self.write(branch, f"{part.name}_join", loop))
                self.nodes.append((part.name, node, ""))
        return part.name

    def write_work(self, part: Work, after: str, loop: str) -> None:
        """Write an Execute with its modifiers."""
        self.methods[f"do_{part.name}"] = work(part, loop)
        node = flow.Execute(f"self.do_{part.name}")
        if any(part.skip.answers):
            node = node.SkipIf(self.asks(f"skip_{part.name}", part.skip, loop))
        if part.wait:
            node = node.AfterWaitingFor(part.wait * MINUTE)
        if part.patience:
            node = node.SkipAfter(part.patience * MINUTE)
        if part.handler:
            node = node.OnError(self.write(part.handler, after, loop))
        self.nodes.append((part.name, node, after))

    def asks(self, name: str, pattern: Pattern, loop: str) -> str:
        """Write a method that answers with the pattern; return how to point to it."""

        def ask(self: Any, task: Any) -> bool:
            return pattern[self.data.get(loop, 0)]

        self.methods[f"ask_{name}"] = ask
        return f"self.ask_{name}"

    def body(self) -> Iterator[tuple[str, Any]]:
        """Yield the class body; .Next() is left out where the next attribute is meant."""
        order = [*reversed(self.nodes), ("the_end", flow.End(), "")]
        for (name, node, after), (follower, *_) in zip(order, [*order[1:], ("",)], strict=True):
            yield name, node.Next(after) if after and after != follower else node
        yield from self.methods.items()


def work(part: Work, loop: str) -> Callable[..., Any]:
    """Return the work: it leaves a trace, and fails when the pattern says so."""

    def do(self: Any, task: Any) -> None:
        self.data["trace"].append(part.name)
        if part.handler and part.fail[self.data.get(loop, 0)]:
            raise ValueError(part.name)

    return do


def again(part: Loop) -> Callable[..., Any]:
    """Return the condition of a loop: it counts its passes, and begins anew the next time."""

    def more(self: Any, task: Any) -> bool:
        passes = (self.data.get(part.name, 0) + 1) % part.times
        self.data[part.name] = passes
        return passes > 0

    return more


@contextmanager
def written(process: Part) -> Iterator[Any]:
    """Write the process as a class that its runs find again."""
    writer = Writer()
    first = writer.write(process, "the_end")
    begin = flow.Execute().Next(first)

    def fill(body: Any) -> None:
        body["begin"] = begin
        for name, value in writer.body():
            body[name] = value
        body["__module__"] = proof_processes.__name__

    automation = new_class("Drawn", (flow.Automation,), exec_body=fill)
    proof_processes.Drawn = automation  # type: ignore[attr-defined]
    try:
        yield automation
    finally:
        del proof_processes.Drawn  # type: ignore[attr-defined]


# The laws


def play(run_id: int) -> list[tuple[str, str]]:
    """Step the run to its end, a minute at a time; return what has happened, in order."""
    happened = []
    now = NOW
    seen: set[int] = set()
    while not AutomationModel.objects.get(pk=run_id).finished:
        step = steps.step(run_id, now=now, seen=seen)
        if step.task_id is None:
            now += MINUTE
            seen.clear()
        elif step.postponed:
            seen.add(step.task_id)
        else:
            assert now < NOW + timedelta(hours=4), "The run does not end."
            task = AutomationTaskModel.objects.get(pk=step.task_id)
            happened.append((task.status, task.state))
    return happened


# Each committed and deleted: in one transaction PostgreSQL plans without knowing how much there is.
@pytest.mark.django_db(transaction=True)
@pytest.mark.api("A12")
def test_a_random_process_does_what_its_meaning_says(proof: Recorder) -> None:
    settings(max_examples=EXAMPLES)(given(processes)(does_what_its_meaning_says))()
    proof("P3", done="random nested processes against a model of their meaning", exact=EXAMPLES)


def does_what_its_meaning_says(process: Row) -> None:
    """See that the events of one run are a way through the process, told independently."""
    note(str(process))
    with written(process) as automation:
        assert list(find_problems(automation._meta)) == []
        run = automation(autorun=False, trace=[])
        AutomationTaskModel.objects.filter(automation=run.id).update(created=NOW, due=NOW)
        AutomationModel.objects.filter(pk=run.id).update(created=NOW, due=NOW)
        happened = play(run.id)

    assert happened[0] == ("begin", "completed")
    assert happened[-1] == ("the_end", "completed")
    meaning = walk(process)
    possible = next(meaning)
    for at, event in enumerate(happened[1:-1], 1):
        assert event in possible, (at, event, possible, happened)
        try:
            possible = meaning.send(event)
        except StopIteration:
            assert at == len(happened) - 2, happened
            break
    else:
        raise AssertionError(f"The run has ended where {possible} was still to come.")
    row = AutomationModel.objects.get(pk=run.id)
    assert row.state == RunState.FINISHED
    assert not AutomationTaskModel.objects.open().filter(automation=run.id).exists()
    done = [name for name, state in happened if state == "completed" and name.startswith("work")]
    failed = AutomationTaskModel.objects.filter(automation=run.id, message__startswith="ValueError")
    for task in failed:
        done.remove(task.status)
    assert sorted(row.data["trace"]) == sorted(done)
    run.kill()


@settings(max_examples=EXAMPLES)
@given(splits, st.randoms(use_true_random=False))
@pytest.mark.api("E16")
def test_a_random_branch_that_may_leave_for_the_end_is_refused(
    split: Parallel, chance: random.Random
) -> None:
    branches = list(split.branches)
    at = chance.randrange(len(branches))
    branches[at] = Row((*branches[at].parts, Escape("escape")))
    with written(Row((Parallel(split.name, tuple(branches)),))) as automation:
        assert {problem.code for problem in find_problems(automation._meta)} == {"E122"}
        with pytest.raises(DefinitionError, match="can be reached by a branch of"):
            automation()
