"""A step, a message and a save that meet in one run: none loses what another has written."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from django.db import connection

from automations.engine import locking, receiving, starting, steps, tripwire
from automations.engine.locking import in_step, lock_run
from automations.engine.reading import open_tasks_of
from automations.engine.receiving import Message
from automations.models import AutomationModel
from tests.proofs.recording import Recorder
from tests.proofs.test_races import RACES, at_once
from tests.testapp.language import Counter, Noting
from tests.testapp.models import Effect

pytestmark = [
    pytest.mark.processes,
    pytest.mark.no_cover,
    pytest.mark.django_db(transaction=True),
]

Work = Callable[[Counter], Any]


def step(run: Counter) -> None:
    """Run one task, as soon as nobody else is at work on the run."""
    while not steps.step(run.id).obtained:
        pass


def message(run: Counter) -> None:
    """Let the run receive a message."""
    receiving.receive(run.id, Message("number", "p", {"number": 1}))


def save(run: Counter) -> None:
    """Save a change of the data from outside."""
    run.data["saved"] = 1
    run.save()


#: What each leaves in the data.
LEAVES = {step: {"steps": 1}, message: {"received": 1, "from_p": 1}, save: {"saved": 1}}
#: Who is at work on the run, and who comes meanwhile.
MEETINGS: list[tuple[Work, Work]] = [(step, message), (message, step), (step, save)]


class Meeting:
    """
    Two threads that meet: the first is in the midst of its work when the second comes to the lock.

    Without the lock (``on=False``) the second has read the run by then, and writes after the first.
    """

    def __init__(self, *, on: bool = True) -> None:
        self.on = on
        self.inside, self.asking, self.done = (threading.Event() for _ in range(3))
        self.first = 0

    def noted(self, run: Noting, task: Any, name: str = "") -> None:
        """Leave an effect; the first does not end its work before the second has come."""
        note(run, task, name)
        if threading.get_ident() == self.first:
            self.inside.set()
            assert self.asking.wait(30)

    def locked(self, run_id: int, *, wait: bool) -> AutomationModel | None:
        """Take the lock, or do without."""
        second = threading.get_ident() != self.first
        if self.on:
            if second:
                self.asking.set()
            return lock_run(run_id, wait=wait)
        run = in_step(AutomationModel.objects.filter(pk=run_id).first())
        if second:
            self.asking.set()
            assert self.done.wait(30)
        return run

    def locked_with_tasks(self, run_id: int, *, wait: bool) -> tuple[Any, list[Any]]:
        """Take the lock, or do without, and then read what is open."""
        run = self.locked(run_id, wait=wait)
        return run, open_tasks_of(run) if run else []

    def hold(self, first: Work, second: Work, run: Counter, handle: Counter) -> list[Any]:
        """Let both work on the run; return what each returned or raised."""

        def begin() -> None:
            self.first = threading.get_ident()
            try:
                first(run)
            finally:
                self.done.set()

        def come() -> None:
            assert self.inside.wait(30)
            if self.on and connection.vendor == "sqlite":
                self.asking.set()  # there the transaction waits, before it comes to the lock
            second(handle)

        return at_once(begin, come)


note = Noting.note


def meet(number: int, monkeypatch: pytest.MonkeyPatch, *, on: bool) -> tuple[Any, Any]:
    """Let two meet in a run; return what is in its data, and what should be."""
    first, second = MEETINGS[number % len(MEETINGS)]
    run = Counter(autorun=False, messages=2)
    meeting = Meeting(on=on)
    with monkeypatch.context() as patch:
        patch.setattr(Counter, "note", lambda *given: meeting.noted(*given))
        patch.setattr(receiving, "lock_run", meeting.locked)
        for module in (steps, starting):
            patch.setattr(module, "lock_with_tasks", meeting.locked_with_tasks)
        if not on:  # on SQLite the transaction is the lock
            for owner in (locking, steps, receiving):
                patch.setattr(owner, "atomic", lambda limit=None: nullcontext())
            patch.setattr(tripwire.Tripwire, "check", lambda self: None)
        results = meeting.hold(first, second, run, Counter(automation_id=run.id))
    assert results == [None, None], results
    data = AutomationModel.objects.get(pk=run.id).data
    return data, {"messages": 2, **LEAVES[first], **LEAVES[second]}


@pytest.mark.api("A14", "save", "receive_")
def test_a_step_a_message_and_a_save_that_meet_lose_nothing(
    monkeypatch: pytest.MonkeyPatch, proof: Recorder
) -> None:
    for number in range(RACES):
        data, expected = meet(number, monkeypatch, on=True)
        assert data == expected
    effects = sum(2 if save not in MEETINGS[at % len(MEETINGS)] else 1 for at in range(RACES))
    assert Effect.objects.count() == effects
    done = f"{RACES} races, gated so that they meet: a message or a save during a step, a step "
    proof("P10", done=done + "during a message", exact=RACES)


@pytest.mark.parametrize("number", range(len(MEETINGS)))
def test_without_the_lock_whoever_comes_second_loses_what_the_first_has_written(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, expected = meet(number, monkeypatch, on=False)
    first, second = MEETINGS[number]
    assert data == {"messages": 2, **LEAVES[second]}
    assert expected == data | LEAVES[first]
