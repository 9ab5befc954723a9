"""A broker that forgets all it has, again and again, while the workers of its queue are killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from django.db import connection

from automations.dispatch.celery import CeleryDispatcher
from automations.models import AutomationModel, AutomationTaskModel
from tests import forks
from tests.proofs.counting import audit
from tests.proofs.queues import Broker, Queue
from tests.proofs.recording import Recorder
from tests.proofs.schedulers import wait_until
from tests.proofs.test_outside_processes import whole
from tests.testapp.background import Twofold
from tests.testapp.models import Effect
from tests.testapp.proof_processes import SHAPES, Counted, Line

pytestmark = [
    pytest.mark.processes,
    pytest.mark.no_cover,
    pytest.mark.django_db(transaction=True),
]


def size(name: str, small: int) -> int:
    """Return how much is done; what carries the hints knows nothing of the database."""
    wanted = int(os.environ.get(f"ATM_PROOF_QUEUE_{name}", small))
    return wanted if connection.vendor == "postgresql" else min(wanted, small)


RUNS, KILLS, RESTARTS = size("RUNS", 60), size("KILLS", 3), size("RESTARTS", 1)
FULL = KILLS > 3
#: How many seconds a claim lasts.
CLAIM = 3 if FULL else 1
#: How many runs are under way at least. Of these a worker fetches eight ahead, and as many
#: messages are lost with it; there have to be others, so that whoever is killed is at work.
LOAD = 60 if FULL else 20
#: How many tasks are done between two kills at the most, so that all of them fall into the work.
SHARE = 8 * RUNS // KILLS if FULL else 10
#: The scheduler of a project whose Celery is set up, as its own ``manage.py`` would run it.
SCHEDULER = """
import django
import tests.celery_app
django.setup()
from django.core.management import call_command
call_command("automation_step", "--every", "0.2")
"""


@pytest.fixture
def broker() -> Iterator[Broker]:
    """A broker of the test's own, running."""
    own = Broker()
    own.start()
    yield own
    own.kill()


@pytest.fixture
def queue(broker: Broker, settings: Any, child_environment: dict[str, str]) -> Iterator[Queue]:
    """A queue of Celery's at that broker, in use, without a worker yet."""
    more = {
        "ATM_TEST_CLAIM": str(CLAIM),
        "ATM_TEST_ATTEMPTS": "50",  # the kills are not the tasks' fault
        "ATM_TEST_TASK_SECONDS": "0.02" if FULL else "0.01",
    }
    found = Queue.make("redis", child_environment | more, broker.address)
    settings.ATM_CLAIM = CLAIM
    found.use(settings)
    yield found
    found.end()


@contextmanager
def scheduler(queue: Queue) -> Iterator[None]:
    """Sweep in a process of its own, which has to come through all that happens meanwhile."""
    process = forks.Popen(
        [sys.executable, "-c", SCHEDULER],
        env=queue.environment | {"ATM_TEST_DISPATCHER": queue.dispatcher},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def alive() -> int:
    """Return how many runs have not ended."""
    return AutomationModel.objects.filter(finished=False).count()


class Crew:
    """
    Two workers: while one is killed and begins anew, the other works.

    One that ends by itself is started anew, as whoever keeps workers running does it: Celery's does
    so if the broker goes away while it is about to begin.
    """

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.members = [(queue.start(), 0) for _ in range(2)]
        #: How many were killed, and how many of them left a claim behind: work that was in hand.
        self.kills = self.at_work = 0
        #: How many have ended by themselves.
        self.gone = 0

    def supervise(self) -> None:
        """Start those anew that have ended by themselves."""
        for position, (worker, since) in enumerate(self.members):
            if worker.poll() is not None:
                self.gone += 1
                self.queue.workers.remove(worker)
                self.members[position] = (self.queue.start(), since)

    def processes(self) -> set[int]:
        """Return the processes of the oldest worker that have left an effect or have a claim."""
        worker, since = self.members[0]
        seen = set(Effect.objects.filter(pk__gt=since).values_list("process", flat=True))
        return {pid for pid in seen | set(claiming()) if belongs(pid, worker)}

    def kill(self, *, anew: bool) -> None:
        """Kill the oldest worker with all its processes; perhaps start another in its place."""
        self.supervise()
        worker, _ = self.members[0]
        processes = self.processes()
        self.queue.kill(worker)
        self.kills += 1
        self.at_work += any(pid in processes for pid in claiming())
        last = Effect.objects.order_by("-pk").values_list("pk", flat=True).first()
        self.members = [self.members[1]]
        if anew:
            self.members.append((self.queue.start(), last or 0))


def belongs(pid: int, worker: subprocess.Popen[bytes]) -> bool:
    """Return whether it is a process of the worker's that lives."""
    try:
        return os.getpgid(pid) == worker.pid
    except ProcessLookupError:
        return False


def claiming() -> list[int]:
    """Return the processes that have a claim on a run or a task, dead or alive."""
    found: list[int] = []
    for model in (AutomationModel, AutomationTaskModel):
        claimed = model.objects.exclude(claimed_by="").exclude(claimed_by__startswith="queued:")
        found += [int(by.split(":")[1]) for by in claimed.values_list("claimed_by", flat=True)]
    return found


class Load:
    """The runs that are started: all shapes in turn, and every tenth with work outside."""

    def __init__(self) -> None:
        self.counted: list[Counted] = []
        self.outside: list[Twofold] = []

    def __len__(self) -> int:
        return len(self.counted) + len(self.outside)

    def start(self, number: int) -> list[int]:
        """Start so many; return which."""
        before = len(self)
        new: list[Counted] = []
        for position in range(before, before + number):
            if position % 10 == 9:
                self.outside.append(Twofold())
                new.append(self.outside[-1])
            else:
                self.counted.append(SHAPES[len(self.counted) % len(SHAPES)]())
                new.append(self.counted[-1])
        return [run.id for run in new]


def timed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the list to which this process adds how long it takes to send each message."""
    took: list[float] = []
    dispatch = CeleryDispatcher.dispatch

    def measured(self: CeleryDispatcher, run_id: int, at: datetime | None = None) -> None:
        begun = time.monotonic()
        try:
            dispatch(self, run_id, at)
        finally:
            took.append(time.monotonic() - begun)

    monkeypatch.setattr(CeleryDispatcher, "dispatch", measured)
    return took


def test_a_broker_that_is_restarted_empty_while_workers_are_killed_loses_nothing(
    queue: Queue,
    broker: Broker,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Any,
    proof: Recorder,
) -> None:
    seed = random.randrange(2**32)
    record_property("seed", seed)
    chance = random.Random(seed)
    took = timed(monkeypatch)
    load, lost, longest = Load(), 0, 0.0
    crew = Crew(queue)
    restarts = set(chance.sample(range(KILLS), RESTARTS))
    with scheduler(queue):
        for turn in range(KILLS):
            load.start(max(0, RUNS * turn // KILLS - len(load.counted)))
            if turn in restarts:
                load.start(LOAD)
                lost += broker.waiting(queue.name)
                broker.kill()
                took.clear()
                # To start a run is possible all the same, and nobody waits for it.
                started = load.start(5)
                longest = max(longest, *took)
                states = AutomationModel.objects.filter(pk__in=started)
                assert set(states.values_list("state", flat=True)) <= {"running", "finished"}
                time.sleep(chance.uniform(0, 1))
                broker.start()

            # Kills are spread over all of the work, and each worker has begun with its own.
            goal = Effect.objects.count() + chance.randint(1, SHARE)

            def has_worked(goal: int = goal) -> bool:
                crew.supervise()
                if alive() < LOAD:
                    load.start(5)
                return Effect.objects.count() >= goal and bool(crew.processes())

            wait_until(has_worked, seconds=15)
            time.sleep(chance.uniform(0, 0.3))
            crew.kill(anew=turn + 1 < KILLS)
        while len(load.counted) < RUNS:
            load.start(1)

        def all_ended() -> bool:
            crew.supervise()
            return not alive()

        finished = wait_until(all_ended, seconds=600 if FULL else 180)
    found = audit(load.counted)
    done = f"{crew.kills} kills of Celery's workers, {crew.at_work} of them with a run in hand, "
    done += f"{RESTARTS} restarts of the broker, which has forgotten {lost} messages, "
    done += f"{2 * len(load.outside)} works in the background"
    proof("P1", "P5", done=done, found=found)
    assert finished, (seed, found)
    assert found.exact, (seed, found)
    whole(load.outside)
    assert not AutomationModel.objects.exclude(claimed_by="").exists()
    assert set(AutomationTaskModel.objects.values_list("attempts", flat=True)) == {0}
    if FULL:  # of a few kills and one restart it is luck what they hit, and how fast the machine is
        assert lost
        assert crew.at_work
        # Workers outlive the broker; only where one was about to begin it is started again.
        assert crew.gone <= RESTARTS
        # Celery by itself would have taken six seconds for each.
        assert longest < 1


def test_without_a_sweep_the_audit_finds_runs_stuck_that_a_broker_has_forgotten(
    queue: Queue, broker: Broker
) -> None:
    runs: list[Counted] = [shape() for shape in SHAPES]
    assert broker.waiting(queue.name) == len(runs)
    broker.kill()
    broker.start()
    assert broker.waiting(queue.name) == 0
    queue.start()
    after = Line()
    assert wait_until(lambda: audit([after]).exact)
    # The worker works, more than a claim's time has passed, and nobody looks for what is due.
    time.sleep(CLAIM)
    found = audit(runs)
    assert found.stuck == found.lost == [run.id for run in runs]
    assert not found.doubled
    with scheduler(queue):
        assert wait_until(lambda: not alive())
    assert audit(runs).exact
