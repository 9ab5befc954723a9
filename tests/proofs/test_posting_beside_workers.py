"""
Forms are answered while many workers are busy, and while a neighbour in the same block is.

``ATM_PROOF_BUSY_RUNS=5000 ATM_PROOF_BUSY_WORKERS=8 ATM_PROOF_ASLEEP=5`` for the full proof. Only
there the time is looked at: what a small one takes says more about the machine.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from django.db import connection

from automations.management.commands import automation_step
from automations.models import AutomationAuditModel, AutomationModel, AutomationTaskModel
from tests.proofs.counting import audit
from tests.proofs.posters import Answer, let_go, posters
from tests.proofs.recording import Recorder
from tests.proofs.schedulers import step_forever, wait_until, workers
from tests.proofs.test_fairness import SECOND, backlog
from tests.proofs.test_posts import asked, begun
from tests.testapp.models import Effect
from tests.testapp.post_processes import Asked, Neighbour
from tests.testapp.proof_processes import Counted, Line

pytestmark = [
    pytest.mark.processes,
    pytest.mark.alone,
    pytest.mark.no_cover,
    pytest.mark.django_db(transaction=True),
]

#: How many runs are due, and how many workers work on them, while forms are sent.
BUSY_RUNS = int(os.environ.get("ATM_PROOF_BUSY_RUNS", "100"))
BUSY_WORKERS = int(os.environ.get("ATM_PROOF_BUSY_WORKERS", "2"))
FULL = BUSY_RUNS >= 5000
#: For how many seconds a task sleeps at the least, while the forms of its neighbours are sent.
ASLEEP = float(os.environ.get("ATM_PROOF_ASLEEP", "0"))
#: How many forms are sent: beside busy workers; and beside each of so many tasks that sleep.
FORMS = min(200, BUSY_RUNS // 10)
BLOCK = 20
BLOCKS = 10 if ASLEEP else 1
#: What 99 of 100 forms take at the most in the full proof, in seconds.
LIMIT = 0.2


def percentile(seconds: list[float], percent: int) -> float:
    """Return what so many percent of the times are below."""
    return sorted(seconds)[min(len(seconds) - 1, len(seconds) * percent // 100)]


def times(answers: list[Answer]) -> str:
    """Say what the forms took; also without what a small machine adds, where many want to work."""
    took = [answer.took * 1000 for answer in answers]
    alone = [(answer.took - answer.waited) * 1000 for answer in answers]
    said = [f"p50 {percentile(took, 50):.0f} ms", f"p99 {percentile(took, 99):.0f} ms"]
    said += [f"max {max(took):.0f} ms", "p99 without waiting for a processor"]
    return f"{', '.join(said)} {percentile(alone, 99):.0f} ms"


def p99(answers: list[Answer]) -> float:
    """Return in how many seconds 99 of 100 forms were answered."""
    return percentile([answer.took for answer in answers], 99)


def in_time(answers: list[Answer]) -> bool:
    """Whether the forms were answered in time."""
    return p99(answers) < LIMIT


def each_counted_once(forms: list[AutomationTaskModel]) -> bool:
    """Whether each of the forms was completed, once."""
    acts = AutomationAuditModel.objects.filter(action="complete").values_list("task", flat=True)
    return sorted(acts) == sorted(form.pk for form in forms)


def test_forms_are_answered_while_workers_drain_a_backlog(
    child_environment: dict[str, str], proof: Recorder
) -> None:
    people = begun(Asked, FORMS)
    forms = [form for run in people for form in asked(run)]
    backlog(Line, "one", -60 * SECOND, BUSY_RUNS)
    drained = AutomationModel.objects.filter(automation_class=Line.get_automation_name())
    runs: list[Counted] = [row.instance for row in drained]
    busy = workers(BUSY_WORKERS, child_environment, automation_step.NICE)
    with posters(1, child_environment) as (poster,), busy:
        at_work = Effect.objects.filter(node="one").values("process").distinct()
        # A small backlog may be done before the last of them is up.
        assert wait_until(lambda: at_work.count() >= (BUSY_WORKERS if FULL else 1))
        answers = []
        for form in forms:
            poster.post(form)
            answers.append(poster.answer())
        left = drained.filter(finished=False).count()
        assert wait_until(lambda: not drained.filter(finished=False).exists(), 1800)
    assert {answer.status for answer in answers} == {302}
    assert each_counted_once(forms)
    assert AutomationModel.run().ok
    found = audit(runs + people)
    done = f"{FORMS} forms sent while {BUSY_WORKERS} workers drain {BUSY_RUNS} due runs"
    proof("P20", done=f"{done}: {times(answers)}", found=found)
    assert found.exact, found
    if FULL:
        assert left, "the workers were done before the forms were"
        assert in_time(answers), times(answers)


def block_at_work(
    folder: Path, environment: dict[str, str]
) -> tuple[list[Counted], subprocess.Popen[bytes]]:
    """Return the runs of a block, and the worker that has claimed them and works on the first."""
    folder.mkdir()
    block = begun(Neighbour, 1, gate=str(folder / "gate")) + begun(Neighbour, BLOCK - 1)
    for run in block:
        run.data["begin"] = True
        run.save()
    worker = step_forever(environment, automation_step.NICE)
    assert wait_until((folder / "inside").exists)
    claimed = AutomationModel.objects.filter(pk__in=[run.id for run in block], due__isnull=False)
    claims = claimed.exclude(claimed_by="").values_list("claimed_by", flat=True)
    assert len(claims) == BLOCK
    assert len(set(claims)) == 1
    return block, worker


def end(worker: subprocess.Popen[bytes]) -> None:
    """Let the worker end in good order."""
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0


def test_forms_are_answered_while_a_neighbour_in_the_same_block_is_at_work(
    child_environment: dict[str, str], tmp_path: Path, proof: Recorder
) -> None:
    runs: list[Counted] = []
    forms: list[AutomationTaskModel] = []
    answers: list[Answer] = []
    with posters(1, child_environment) as (poster,):
        for number in range(BLOCKS):
            folder = tmp_path / str(number)
            block, worker = block_at_work(folder, child_environment)
            since = time.monotonic()
            waiting = [form for run in block[1:] for form in asked(run)]
            for place, form in enumerate(waiting, 1):
                poster.post(form)
                if connection.vendor == "sqlite" and place == 1:
                    # Whoever works has the one lock: the others come to theirs after that, and
                    # are told to try again if it takes longer than ATM_LOCK_TIMEOUT.
                    time.sleep(min(ASLEEP, 3))
                    (folder / "gate").touch()
                answers.append(poster.answer())
                time.sleep(max(0, since + ASLEEP * place / len(waiting) - time.monotonic()))
            (folder / "gate").touch()
            end(worker)
            forms += waiting
            runs += block
        assert {answer.status for answer in answers} == {302}, answers
        rest = [form for run in runs for form in asked(run)]
        assert len(rest) == BLOCKS
        for form in rest:
            poster.post(form)
            assert poster.answer().status == 302
    assert each_counted_once(forms + rest)
    assert AutomationModel.run().ok
    found = audit(runs)
    done = f"{len(answers)} forms of runs in a block with one that is at work, {ASLEEP:g} s each"
    proof("P20", done=f"{done}: {times(answers)}", found=found)
    assert found.exact, found
    # SQLite has one writer, which is the one that sleeps: nothing is promised beside it.
    if ASLEEP and connection.vendor != "sqlite":
        assert in_time(answers), times(answers)


def test_the_form_of_the_very_run_that_is_at_work_waits_for_it(
    child_environment: dict[str, str], tmp_path: Path
) -> None:
    """The measuring finds a lock that is in the way, where there is one."""
    with posters(1, child_environment, "before_the_engine") as (poster,):
        block, worker = block_at_work(tmp_path / "block", child_environment)
        (form,) = asked(block[0])
        poster.post(form, gated=True)
        let_go(poster)
        time.sleep(0.3)  # it would be answered by now
        opened = time.monotonic()
        (tmp_path / "block" / "gate").touch()
        answer = poster.answer()
        end(worker)
    assert answer.status == 302, answer
    assert answer.begun + answer.took > opened
