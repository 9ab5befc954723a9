"""Two at once on one run, gated so that they really meet."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection

from automations.dispatch import inline
from automations.engine import steps
from automations.models import AutomationAuditModel, AutomationModel, AutomationTaskModel
from tests.proofs.recording import Recorder
from tests.testapp import processes
from tests.testapp.forms import ApprovalForm
from tests.testapp.models import Effect
from tests.testapp.processes import Straight, TwoForms

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

#: How often changes of one run's data meet.
RACES = int(os.environ.get("ATM_PROOF_RACES", "20"))


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Do the works in threads that start together; return what each returned or raised."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        try:
            barrier.wait(30)
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        futures = [pool.submit(run, work) for work in works]
    return [future.exception() or future.result() for future in futures]


def answer(task: AutomationTaskModel, user: User) -> Callable[[], Any]:
    """Return the work of sending the task's form."""

    def work() -> Any:
        form = ApprovalForm({"approved": "on", "reason": "good"})
        assert form.is_valid()
        return inline.submit(task.automation_id, task.pk, form, user)

    return work


@pytest.fixture
def ada() -> User:
    """Somebody who may see effects, and so answer the forms."""
    user = User.objects.create(username="ada")
    user.user_permissions.add(Permission.objects.get(codename="view_effect"))
    return user


def test_a_step_that_is_asked_for_while_another_is_at_work_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inside, leave = threading.Event(), threading.Event()
    note = processes.Straight.note

    def slow(self: Any, task: Any) -> Any:
        inside.set()
        leave.wait(30)
        return note(self, task)

    monkeypatch.setattr(processes.Straight, "note", slow)
    run = Straight(autorun=False)

    def second() -> steps.Step:
        inside.wait(30)
        if connection.vendor == "sqlite":
            leave.set()  # who waits for the one lock gets it only then
            return steps.step(run.id, seen=[first_task])
        answer = steps.step(run.id)
        leave.set()
        return answer

    first_task = AutomationTaskModel.objects.get(automation=run.id).pk
    first, other = at_once(lambda: steps.step(run.id), second)
    assert first.node == "first"
    if connection.vendor == "sqlite":
        assert other.node == "second"
    else:
        assert other == steps.Step(obtained=False)
    effects = Effect.objects.values_list("node", flat=True)
    assert sorted(effects) == (["first", "second"] if connection.vendor == "sqlite" else ["first"])


@pytest.mark.api("A12", "A14", "E12", "Join")
def test_a_join_fires_once_when_its_last_two_branches_arrive_together(
    ada: User, proof: Recorder
) -> None:
    for _ in range(30):
        run = TwoForms()
        left, right = AutomationTaskModel.objects.filter(automation=run.id, state="waiting")
        results = at_once(answer(left, ada), answer(right, ada))
        assert not [result for result in results if isinstance(result, Exception)], results
        AutomationModel.run()
        assert run.finished()
        joins = AutomationTaskModel.objects.filter(automation=run.id, status="join")
        assert sorted(joins.values_list("state", flat=True)) == ["completed", "merged"]
        assert Effect.objects.filter(run=run.id).count() == 1
        run = TwoForms(automation_id=run.id)
        assert {"left", "right"} <= set(run.data)
    proof("P3", done="30 pairs of forms sent at once by two threads", exact=30)


def test_sending_a_form_three_times_at_once_completes_it_once(ada: User, proof: Recorder) -> None:
    for _ in range(10):
        run = TwoForms()
        task = AutomationTaskModel.objects.filter(automation=run.id, state="waiting").first()
        assert task is not None
        results = at_once(*[answer(task, ada)] * 3)
        assert sorted(type(result).__name__ for result in results) == [
            "Progress",
            "TaskClosed",
            "TaskClosed",
        ], results
        assert AutomationAuditModel.objects.filter(task=task).count() == 1
    proof("P12", done="10 forms sent at once by three threads each", exact=10)


@pytest.mark.api("A14", "save")
def test_two_branches_that_save_at_once_lose_nothing(proof: Recorder) -> None:
    for _ in range(RACES):
        run = TwoForms()
        handles = [TwoForms(automation_id=run.id) for _ in range(3)]

        def save(number: int, handles: list[Any] = handles) -> Callable[[], None]:
            def work() -> None:
                handles[number].data[f"key{number}"] = number
                handles[number].save()

            return work

        results = at_once(*(save(number) for number in range(3)))
        assert results == [None, None, None]
        data = AutomationModel.objects.get(pk=run.id).data
        assert data == {"key0": 0, "key1": 1, "key2": 2}
    proof("P10", done=f"{RACES} times 3 handles that save at once", exact=RACES)
