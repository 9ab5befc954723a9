"""Whatever happens to some runs, in whatever order: nothing is lost, doubled or forgotten."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings as project
from django.contrib.auth.models import User
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from automations.dispatch import inline
from automations.engine import receiving, sending, steps
from automations.engine.context import TaskContext
from automations.engine.receiving import Message
from automations.exceptions import TaskClosed
from automations.models import AutomationMessageModel, AutomationModel, AutomationTaskModel
from tests.plain import DAY, NOW
from tests.proofs.recording import Recorder
from tests.testapp.forms import ApprovalForm
from tests.testapp.models import Effect, Webinar
from tests.testapp.random_language import Everything

#: Measured it would take twice as long, and covers no line that no other test does.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.no_cover]

#: How many worlds are played; ATM_TEST_EXAMPLES=1000 for the full proof.
#: A world costs as much as six processes of the other proof that this variable scales.
USUAL = "42" if project.VENDOR == "sqlite" else "18"
EXAMPLES = int(os.environ.get("ATM_TEST_EXAMPLES", USUAL)) // 6

RUNS = st.integers(0, 2)
TIMES = st.integers(-3 * 24 * 60, 5 * 24 * 60)

#: What may happen: the name of a method of `World`, and what it gets.
EVENTS = st.one_of(
    st.tuples(st.just("make"), st.fixed_dictionaries({"other": RUNS | st.none()})),
    st.tuples(st.just("sweep")),
    st.tuples(st.just("sweep")),
    st.tuples(st.just("wait"), st.integers(1, 60) | st.integers(60, 4 * 24 * 60)),
    st.tuples(st.just("wait"), st.integers(1, 60) | st.integers(60, 4 * 24 * 60)),
    st.tuples(st.just("step"), RUNS),
    st.tuples(st.just("pay"), RUNS),
    st.tuples(st.just("remark"), RUNS),
    st.tuples(st.just("crash_when_paid"), RUNS),
    st.tuples(st.just("crash_when_sent"), RUNS),
    st.tuples(st.just("flag"), RUNS, st.sampled_from(["go", "fails", "free", "catches"])),
    st.tuples(st.just("move"), RUNS, TIMES),
    st.tuples(st.just("often"), RUNS, st.integers(1, 5)),
    st.tuples(st.just("move_webinar"), TIMES),
    st.tuples(st.just("name_webinar"), st.sampled_from(["go", "wait"])),
    st.tuples(st.just("answer"), RUNS),
    st.tuples(st.just("repair"), RUNS, st.booleans()),
)


#: A step after which the run is still due, but since a later time.
STAYS_DUE = [("sweep",), ("pay", 0), ("sweep",), ("wait", 3000), ("step", 0)]


class World:
    """Some runs, one object, one person and a clock."""

    def __init__(self, clock: time_machine.Traveller) -> None:
        self.clock = clock
        self.now = NOW
        self.ada = User.objects.create(username="ada")
        self.webinar = Webinar.objects.create(title="wait", begins=NOW + 2 * DAY)
        self.runs: list[Everything] = []
        self.remarks: Counter[int] = Counter()
        self.ended: dict[int, Any] = {}
        self.reminders: dict[int, tuple[int, int]] = {}

    # What may happen

    def make(self, how: dict[str, int | None]) -> None:
        """Start a run."""
        if len(self.runs) == 3:
            return
        data: dict[str, Any] = {"when": (self.now + DAY).isoformat()}
        other = how["other"]
        if other is not None and other < len(self.runs):
            data["other"] = self.runs[other].id
        self.runs.append(Everything(webinar=self.webinar, **data))

    def sweep(self) -> None:
        """Look at everything."""
        assert AutomationModel.run().broken == 0

    def wait(self, minutes: int) -> None:
        """Let time pass."""
        self.now += timedelta(minutes=minutes)
        self.clock.move_to(self.now)

    def run_of(self, number: int) -> Everything | None:
        """Return a run that goes on, freshly read."""
        if number >= len(self.runs):
            return None
        run = Everything(automation_id=self.runs[number].id)
        return run if row(run).state in ("running", "failed") else None

    def step(self, number: int) -> None:
        """Do one step, after which the worker is lost."""
        if run := self.run_of(number):
            steps.step(run.id)

    def pay(self, number: int) -> None:
        """Send the message that a node waits for."""
        if run := self.run_of(number):
            assert run.send_message("paid", data={"amount": 2}) is True

    def remark(self, number: int) -> None:
        """Send a message to a method."""
        run = self.run_of(number)
        if run and row(run).state == "running":
            run.send_message("remark")
            self.remarks[run.id] += 1

    def crash_when_paid(self, number: int) -> None:
        """Send the message, and lose the sender before anything is done about it."""
        if run := self.run_of(number):
            receiving.receive(run.id, Message("paid"))

    def crash_when_sent(self, number: int) -> None:
        """Deliver what the run sends, and lose it before that is noted."""
        run = self.run_of(number)
        due = tasks(run).filter(outbox__isnull=False, due__lte=self.now) if run else ()
        for task in [task for task in due if task.outbox]:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(sending, "_sent", lambda *given: steps.Step(obtained=False))
                sending.deliver(task.automation_id, task.pk)

    def flag(self, number: int, name: str) -> None:
        """Turn a flag of the data over."""
        if run := self.run_of(number):
            run.data[name] = not run.data.get(name)
            run.save()

    def move(self, number: int, minutes: int) -> None:
        """Move the time in the data."""
        if run := self.run_of(number):
            run.data["when"] = (self.now + timedelta(minutes=minutes)).isoformat()
            run.save()

    def often(self, number: int, halves: int) -> None:
        """Change how often is reminded."""
        if run := self.run_of(number):
            run.data["often"] = halves
            run.save()

    def move_webinar(self, minutes: int) -> None:
        """Move the time of the object."""
        self.webinar.begins = self.now + timedelta(minutes=minutes)
        self.webinar.save()

    def name_webinar(self, title: str) -> None:
        """Change the title of the object."""
        self.webinar.title = title
        self.webinar.save()

    def answer(self, number: int) -> None:
        """Fill in the form."""
        if run := self.run_of(number):
            form = ApprovalForm({"reason": "good"})
            assert form.is_valid()
            for task in tasks(run).open().filter(status="ask"):
                offered = task.is_offered
                try:
                    inline.submit(run.id, task.pk, form, self.ada)
                    assert offered
                except TaskClosed:
                    assert not offered

    def repair(self, number: int, again: bool) -> None:
        """Retry or skip what has failed."""
        if run := self.run_of(number):
            for task in tasks(run).filter(state="failed"):
                task.retry() if again else task.skip()

    # What must hold at any time

    def check(self) -> None:
        """Check every law."""
        for run in self.runs:
            self.check_run(row(run))
        for task in AutomationTaskModel.objects.filter(status__in=["paid", "asked", "ask"]):
            self.check_reminders(task)

    def check_run(self, run: AutomationModel) -> None:
        """Check the laws of one run."""
        found = list(tasks(run).select_related("automation").order_by("pk"))
        opened = [task for task in found if task.is_open]
        assert run.claimed_by == "", "a claim is left behind"
        dues = [task.due for task in opened if task.due]
        if run.state == "running":
            assert opened
            earliest = min(dues, default=None)
            if run.due is None or earliest is None or run.due > self.now:
                assert run.due == earliest
            else:  # a run that stays due is left as it is
                assert run.due <= earliest <= self.now
            for task in opened:
                self.check_attention(run, task)
        else:
            assert run.due is None
            assert dues == []
        if run.state == "finished":
            assert opened == []
            image = (run.data, run.version, run.updated, [(task.pk, task.state) for task in found])
            assert self.ended.setdefault(run.pk, image) == image, "a finished run has moved"
        effects = Counter(
            Effect.objects.filter(run=run.pk)
            .exclude(node="reminder")
            .values_list("task", flat=True)
        )
        noting = {"begin", "late", "timed", "follow", "asked"}
        done = {task.pk: 1 for task in found if task.status in noting and task.state == "completed"}
        assert effects == done, "an effect is lost or doubled"
        taken = AutomationMessageModel.objects.filter(automation=run, task__isnull=False)
        paid = {task.pk: 1 for task in found if task.status == "paid" and task.message == "OK"}
        assert Counter(taken.values_list("task", flat=True)) == paid
        assert run.data.get("remarks", 0) == self.remarks[run.pk]

    def check_attention(self, run: AutomationModel, task: AutomationTaskModel) -> None:
        """Check that somebody will look at the task, and in time."""
        context = TaskContext(task, run, self.now)
        context.load()
        node = context.node
        must: list[Any] = []
        if task.state == "ready" and not node.conditions:
            must.append(max(self.now, node.waits_until(context) or self.now))
        if task.outbox:
            return
        if node.message and context.kept_message(node.message):
            must.append(self.now)
        if node.conditions and all(context.evaluate(value) for value in node.conditions):
            must.append(self.now)
        if node.conditions or node.skip_conditions:
            must.append(self.now + timedelta(seconds=project.ATM_POLL))
        limits = [moment for moment, _ in node.limits(context)]
        nexts = node.next_reminder(context, node.reminded(context)) if node.reminders else None
        for moment in [*must, *limits, *([nexts] if nexts else [])]:
            assert task.due is not None, (task, "nobody will ever look at it")
            assert task.due <= max(moment, self.now), (task, task.due, moment)
        if not must and not limits and not nexts:
            assert task.requires_interaction or node.message or task.due, task

    def check_reminders(self, task: AutomationTaskModel) -> None:
        """Check that each time something came due, the work was done once."""
        count = Effect.objects.filter(task=task.pk, node="reminder").count()
        noted, done = self.reminders.get(task.pk, (0, 0))
        assert count - done == (1 if task.reminded > noted else 0)
        self.reminders[task.pk] = (task.reminded, count)

    def finish(self) -> None:
        """Do what is needed for every run to end, and no more."""
        for number in range(len(self.runs)):
            if run := self.run_of(number):
                run.data.update(fails=False, free=True, go=True)
                run.save()
                self.repair(number, again=True)
        for _ in range(14):
            self.sweep()
            self.check()
            self.wait(24 * 60)
        assert {row(run).state for run in self.runs} <= {"finished"}


def row(run: Any) -> AutomationModel:
    """Return the run's row as it is now."""
    return AutomationModel.objects.get(pk=run.id)


def tasks(run: Any) -> Any:
    """Return the run's tasks."""
    return AutomationTaskModel.objects.filter(automation=run.id)


@pytest.fixture
def clean() -> Iterator[Any]:
    """Return what makes the database empty again: each example has a world of its own."""

    def empty() -> None:
        AutomationMessageModel.objects.all().delete()
        AutomationTaskModel.objects.update(previous=None, fork=None)
        for model in (AutomationModel, Effect, Webinar, User):
            model.objects.all().delete()

    yield empty
    empty()


@pytest.mark.parametrize("poll", [0, 600])
def test_whatever_happens_nothing_is_lost_doubled_or_forgotten(
    poll: int, clean: Any, settings: Any, proof: Recorder
) -> None:
    settings.ATM_POLL = poll

    @example(STAYS_DUE)
    @hypothesis_settings(max_examples=EXAMPLES)
    @given(st.lists(EVENTS, min_size=1, max_size=40))
    def play(events: list[tuple[Any, ...]]) -> None:
        clean()
        with time_machine.travel(NOW, tick=False) as clock:
            world = World(clock)
            world.make({"other": None})
            for name, *given_to in events:
                getattr(world, name)(*given_to)
                world.check()
            world.finish()

    play()
    done = f"random worlds of runs, messages, forms, waits and crashes, conditions each {poll} s"
    proof("P3", "P8", "P10", done=done, exact=EXAMPLES)
