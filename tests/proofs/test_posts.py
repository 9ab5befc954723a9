"""
Several processes that send forms at the same moment: each counts once, and a Join fires once.

Half of the forms are sent at once; the other half is let go at once when each process has found
the task open and the form valid, so that only the lock and the look under it are left.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from automations.models import AutomationAuditModel, AutomationModel, AutomationTaskModel
from tests.proofs.counting import audit
from tests.proofs.posters import Answer, Poster, let_go, posters
from tests.proofs.recording import Recorder
from tests.testapp.post_processes import Asked, AskedTwice
from tests.testapp.proof_processes import Counted

pytestmark = [
    pytest.mark.processes,
    pytest.mark.no_cover,
    pytest.mark.django_db(transaction=True),
]

#: How often three processes send the same form, and how often two bring a Join its last branches.
TRIPLES = int(os.environ.get("ATM_PROOF_TRIPLES", "3"))
PAIRS = int(os.environ.get("ATM_PROOF_PAIRS", "4"))


def begun(kind: type[Counted], number: int, **data: Any) -> list[Counted]:
    """Return so many new runs that have come to their forms, however long that takes."""
    runs = [kind(**data) for _ in range(number)]
    assert AutomationModel.run().ok
    return runs


def asked(run: Counted) -> list[AutomationTaskModel]:
    """Return the forms of the run that wait for somebody."""
    return list(AutomationTaskModel.objects.filter(automation=run.id, state="waiting"))


def post_at_once(
    through: list[Poster], tasks: list[AutomationTaskModel], *, gated: bool
) -> list[Answer]:
    """Have each process send the form of its task; return what came of them."""
    for poster, task in zip(through, tasks, strict=True):
        poster.post(task, gated=gated)
    if gated:
        let_go(*through)
    return [poster.answer() for poster in through]


def completions(task: AutomationTaskModel) -> int:
    """Return how often the task was completed, by the record of what people do."""
    return AutomationAuditModel.objects.filter(task=task).count()


def gap(answers: list[Answer]) -> float:
    """Return how many seconds the last was sent after the first."""
    begun = [answer.begun for answer in answers]
    return max(begun) - min(begun)


@pytest.mark.api("E12")
def test_a_form_that_three_processes_send_at_once_and_one_more_late_counts_once(
    child_environment: dict[str, str], record_property: Any, proof: Recorder
) -> None:
    runs = begun(Asked, TRIPLES)
    gaps = []
    with posters(3, child_environment, "before_the_engine") as people:
        for number, run in enumerate(runs):
            (task,) = asked(run)
            answers = post_at_once(people, [task] * 3, gated=bool(number % 2))
            late = post_at_once(people[:1], [task], gated=False)
            gaps.append(gap(answers))
            assert sorted(answer.status for answer in answers) == [302, 409, 409], answers
            assert all(answer.friendly for answer in answers if answer.status == 409), answers
            assert late[0].friendly, late
            assert completions(task) == 1
    record_property("gaps", sorted(gaps))
    assert AutomationModel.run().ok
    found = audit(runs)
    done = f"{TRIPLES} forms, each sent by 3 processes at once and by one more late"
    proof("P12", done=done, found=found)
    assert found.exact, found


@pytest.mark.api("A12", "A14", "E12", "Join")
def test_a_join_whose_last_two_branches_two_processes_bring_at_once_fires_once(
    child_environment: dict[str, str], record_property: Any, proof: Recorder
) -> None:
    runs = begun(AskedTwice, PAIRS)
    gaps = []
    with posters(2, child_environment, "before_the_engine") as people:
        for number, run in enumerate(runs):
            forms = asked(run)
            answers = post_at_once(people, forms, gated=bool(number % 2))
            gaps.append(gap(answers))
            assert [answer.status for answer in answers] == [302, 302], answers
            again = post_at_once(people, forms[::-1], gated=False)
            assert all(answer.friendly for answer in again), again
            assert [completions(form) for form in forms] == [1, 1]
    record_property("gaps", sorted(gaps))
    assert AutomationModel.run().ok
    for run in runs:
        joins = AutomationTaskModel.objects.filter(automation=run.id, status="join")
        assert sorted(joins.values_list("state", flat=True)) == ["completed", "merged", "merged"]
    found = audit(runs)
    done = f"{PAIRS} pairs of forms sent at once by two processes, and once more"
    proof("P3", done=done, found=found)
    assert found.exact, found


# The same counts find what goes wrong: each measure switched off once


@pytest.mark.parametrize("on", [True, False])
def test_without_the_look_whether_a_task_is_still_open_a_form_counts_three_times(
    on: bool, child_environment: dict[str, str]
) -> None:
    (run,) = begun(Asked, 1)
    (task,) = asked(run)
    with posters(3, child_environment, "before_the_engine" if on else "without_look") as people:
        for poster in people:
            poster.post(task, gated=True)
        let_go(*people)
        if not on:
            let_go(*people)
        answers = [poster.answer() for poster in people]
    statuses = sorted(answer.status for answer in answers)
    assert statuses == ([302, 409, 409] if on else [302, 302, 302])
    assert completions(task) == (1 if on else 3)
    AutomationModel.run()
    found = audit([run])
    assert found.exact is on
    assert bool(found.doubled) is not on


@pytest.mark.parametrize("on", [True, False])
def test_without_the_lock_on_a_run_its_join_never_fires(
    on: bool, child_environment: dict[str, str]
) -> None:
    (run,) = begun(AskedTwice, 1)
    off = [] if on else ["without_transactions"]
    # A transaction that is none cannot be shared either.
    child_environment["ATM_TEST_COMMIT_EVERY"] = "20" if on else "1"
    with posters(2, child_environment, "within_the_join", *off) as people:
        first, second = people
        for poster, task in zip(people, asked(run), strict=True):
            poster.post(task, gated=True)
            poster.stops()
        first.say("go")
        first.stops()  # it has counted: the other one is still to come
        second.say("go")
        if not on:
            let_go(second)  # so has this one
        first.say("go")
        let_go(*([first] if on else people))
        answers = [poster.answer() for poster in people]
        assert [answer.status for answer in answers] == [302, 302], answers
    AutomationModel.run()
    found = audit([run])
    assert found.exact is on
    assert found.stuck == found.lost == ([] if on else [run.id])
