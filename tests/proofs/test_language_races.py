"""Messages, starts and schedules from many processes at once: nothing lost, nothing twice."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter as Tally
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connection

from automations.definition import known
from automations.dispatch.schedules import start_scheduled
from automations.models import AutomationModel, AutomationTaskModel
from tests.plain import DAY, NOW
from tests.proofs.recording import Recorder
from tests.proofs.schedulers import WORKER, start, step_forever, wait_until, workers
from tests.proofs.test_races import at_once
from tests.testapp.language import Counter, Newsletter, Ping
from tests.testapp.models import Effect

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

#: How long two runs play with each other, in seconds; 20 for the full proof.
PLAY = float(os.environ.get("ATM_PROOF_PLAY", "2"))
#: How many messages four processes send to one run; 10,000 for the full proof.
MESSAGES = int(os.environ.get("ATM_PROOF_MESSAGES", "200"))


def released(
    gate: Path,
    number: int,
    environment: dict[str, str],
    *arguments: Callable[[int], str],
    seconds: float = 120,
) -> list[int]:
    """Start processes that begin together; return their exit codes, after so long at the most."""
    workers = [
        start(WORKER, str(gate), *(give(at) for give in arguments), environment=environment)
        for at in range(number)
    ]
    assert wait_until(lambda: len(list(gate.parent.glob("ready-*"))) == number)
    gate.touch()
    return [worker.wait(seconds) for worker in workers]


@pytest.mark.api("E14", "unique")
def test_twenty_connections_that_start_the_same_unique_run_get_one(
    child_environment: dict[str, str], tmp_path: Path
) -> None:
    codes = released(
        tmp_path / "gate",
        2,
        child_environment,
        lambda _: "unique",
        lambda _: "ada@example.org",
        lambda _: "10",
    )
    assert codes == [0, 0]
    run = AutomationModel.objects.get()
    assert run.automation_class == Newsletter.get_automation_name()
    tasks = AutomationTaskModel.objects.filter(automation=run)
    assert sorted(tasks.values_list("status", flat=True)) == ["start", "wait"]


@pytest.mark.api("A14")
def test_messages_and_steps_never_lose_each_others_data(
    child_environment: dict[str, str], tmp_path: Path, proof: Recorder
) -> None:
    run = Counter(autorun=False, messages=MESSAGES)
    # Else each message runs 100 tasks of the loop, and does little but that.
    child_environment["ATM_TEST_BUDGET"] = "2" if MESSAGES > 1000 else "10"
    worker = step_forever(child_environment)
    try:
        codes = released(
            tmp_path / "gate",
            4,
            child_environment,
            lambda _: "send",
            lambda _: str(run.id),
            lambda at: f"p{at}",
            lambda _: str(MESSAGES // 4),
            seconds=120 + MESSAGES / 5,
        )
        assert codes == [0] * 4
        assert wait_until(run.finished)
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    data = AutomationModel.objects.get(pk=run.id).data
    effects = Tally(Effect.objects.values_list("node", flat=True))
    assert data["received"] == effects["message"] == MESSAGES
    assert data["steps"] == effects["step"]
    assert {data[f"from_p{at}"] for at in range(4)} == {MESSAGES // 4}
    done = f"{MESSAGES} messages from 4 processes to a run that is stepped"
    proof("P10", done=done, exact=1)


def test_two_runs_that_message_each_other_from_four_workers_never_stop(
    child_environment: dict[str, str], proof: Recorder
) -> None:
    pairs = []
    for _ in range(3):
        one = Ping(turns=10**9)
        two = Ping(turns=10**9, other=one.id)
        one.data["other"] = two.id
        one.save()
        pairs += [one, two]
    with workers(4, child_environment):
        for at in range(0, len(pairs), 2):
            Ping.dispatch_message(pairs[at].id, "ball", None, {"turn": 0})
            Ping.dispatch_message(pairs[at + 1].id, "ball", None, {"turn": 0})
        time.sleep(PLAY)
    states = set(AutomationModel.objects.values_list("state", flat=True))
    assert states == {"running"}
    effects = Tally(Effect.objects.filter(node="ball").values_list("task", flat=True))
    assert max(effects.values()) == 1
    completed = AutomationTaskModel.objects.filter(status="more", state="completed")
    assert len(effects) == completed.count() > 6 * PLAY
    # Every ball that was thrown has been caught once, or lies where it will be.
    thrown = AutomationTaskModel.objects.filter(status="throw", state="completed").count()
    caught = AutomationTaskModel.objects.filter(status="wait", state="completed").count()
    assert 0 <= thrown + 6 - caught <= 6
    done = f"3 pairs of runs that message each other, 4 workers, {PLAY:g} s: no message lost"
    proof("P10", done=done, exact=len(pairs))


@pytest.mark.parametrize("schedulers", [4])
@pytest.mark.api("E14")
def test_any_number_of_schedulers_start_one_run_for_each_due_time(
    schedulers: int, monkeypatch: pytest.MonkeyPatch, proof: Recorder
) -> None:
    from tests.testapp import scheduled

    known.add(scheduled.Weekly._meta)
    try:
        with time_machine.travel(NOW, tick=False):
            start_scheduled(NOW)
        for week in range(1, 6):
            moment: Any = NOW + week * 7 * DAY
            found = at_once(*[lambda moment=moment: start_scheduled(moment)] * schedulers)
            assert sorted(started for started, _ in found) == [0] * (schedulers - 1) + [1], found
        assert AutomationModel.objects.count() == 5
        assert connection.vendor
        proof("P9", done=f"5 due times, {schedulers} schedulers at once: one start each", exact=5)
    finally:
        known._by_label.pop(scheduled.Weekly.get_automation_name())
