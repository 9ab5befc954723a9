"""A scheduler that sleeps is woken for what it does not know, and for nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import takewhile
from statistics import median
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.conf import settings as project
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from automations import settings
from automations.dispatch import advancing, inline, listening
from automations.dispatch.listening import Listener, of_its_own
from automations.dispatch.noops import move_on
from automations.dispatch.sweep import sweep
from automations.dispatch.waking import Waker
from automations.engine import incidents, locking, notifying, steps
from automations.engine.notifying import channel, going_on_with, notify_left, resident
from automations.management.commands import automation_step
from automations.models import AutomationModel, AutomationSweepModel, AutomationTaskModel
from tests.engine.rows import at, row
from tests.plain import DAY
from tests.proofs.schedulers import wait_until
from tests.testapp.durable import Halting
from tests.testapp.forms import ApprovalForm
from tests.testapp.language import Opened, Order, Ping, RareFollower, Sender, opened
from tests.testapp.models import IssueList, Ticket
from tests.testapp.processes import Fragile, Loop, Offer, Straight, Waiting
from tests.testapp.promises import After, Before
from tests.testapp.waking import Soon

pytestmark = pytest.mark.django_db(transaction=True)

postgresql = pytest.mark.skipif(
    project.VENDOR != "postgresql", reason="Only PostgreSQL has NOTIFY."
)

#: Longer than any test may take.
LONG = 60.0


@pytest.fixture
def wanted(settings: Any) -> None:
    """Let schedulers be woken."""
    settings.ATM_NOTIFY = True


class Ears:
    """A second connection that hears every notification."""

    def __init__(self) -> None:
        self.database = of_its_own(locking.connection())
        with self.database.cursor() as cursor:
            cursor.execute(f"LISTEN {channel()}")

    def heard(self) -> int:
        """Return how often somebody was woken since the last time: what came before a last word."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, 'that is all')", [channel()])
        told = self.database.connection.notifies(timeout=LONG)
        return sum(1 for _ in takewhile(lambda one: not one.payload, told))


@pytest.fixture
def ears(wanted: None) -> Iterator[Ears]:
    """Hear whom this process wakes."""
    found = Ears()
    yield found
    found.database.close()


def answered() -> ApprovalForm:
    """Return a form that somebody has filled in."""
    form = ApprovalForm({"approved": "on", "reason": "good"})
    assert form.is_valid()
    return form


# What others have to do


def left_to_others(settings: Any) -> None:
    Straight(autorun=False)


def over_budget(settings: Any) -> None:
    settings.ATM_BUDGET_TASKS = 3
    Loop()


def over_budget_in_a_transaction(settings: Any) -> None:
    with transaction.atomic():
        over_budget(settings)


def form_over_budget(settings: Any) -> None:
    settings.ATM_BUDGET_TASKS = 1
    ada = User.objects.create(username="ada")
    run = Offer(asked="ada")
    inline.submit(run.id, at(run, "ask").pk, answered(), ada)


def timer(settings: Any) -> None:
    Soon(wait=10)


def timer_of_a_sweep(settings: Any) -> None:
    with going_on_with(None):
        run = Soon(wait=10, autorun=False)
    AutomationModel.run()
    assert at(run, "timer").state == "ready"


def sweep_that_is_stopped(settings: Any) -> None:
    with going_on_with(None), transaction.atomic():
        runs = [Straight(autorun=False) for _ in range(2)]
    with resident():
        sweep(stopped=runs[0].finished)
    assert not runs[1].finished()


def message_of_a_sweep(settings: Any) -> None:
    with resident():
        run = Order()
        with going_on_with(None):
            Sender(to=run.id, autorun=False)
        AutomationModel.run()


def condition_that_may_be_true_now(settings: Any) -> None:
    with resident():
        run = Waiting()
    run.data["ready"] = True
    run.save()


def object_that_was_saved(settings: Any) -> None:
    listed, ticket = IssueList.objects.create(title="old"), Ticket.objects.create()
    with resident():
        RareFollower(issue_list=listed, ticket=ticket)
    listed.title = "new"
    listed.save()


def retried_by_nobody(settings: Any) -> None:
    with resident():
        run = Fragile(fail=True)
    incidents.retry(run.id, AutomationTaskModel.objects.get(state="failed").pk)


def resumed_by_nobody(settings: Any) -> None:
    with resident():
        run = Halting()
        row(run).suspend()
    incidents.resume(run.id)


def locked_for_a_moment(settings: Any) -> None:
    with resident(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(advancing, "burst", lambda *a, **k: [steps.Step(obtained=False)])
        Straight()


def delayed_by_the_database(settings: Any) -> None:
    with resident(), pytest.MonkeyPatch.context() as patch:
        delayed = [steps.Step(task_id=1, delayed=True)]
        patch.setattr(advancing, "burst", lambda *a, **k: delayed)
        Straight()


def messages_over_budget(settings: Any) -> None:
    one, two = Ping(turns=9), Ping(turns=9)
    one.data["other"], two.data["other"] = two.id, one.id
    with going_on_with(one.id), going_on_with(two.id):
        one.save()
        two.save()
    settings.ATM_BUDGET_TASKS = 3
    one.send_message("ball", data={"turn": 1})


@postgresql
@pytest.mark.parametrize(
    "leave",
    [
        left_to_others,
        over_budget,
        over_budget_in_a_transaction,
        form_over_budget,
        timer,
        timer_of_a_sweep,
        sweep_that_is_stopped,
        message_of_a_sweep,
        condition_that_may_be_true_now,
        object_that_was_saved,
        retried_by_nobody,
        resumed_by_nobody,
        locked_for_a_moment,
        delayed_by_the_database,
        messages_over_budget,
    ],
)
def test_others_are_woken_once_for_what_is_left_to_them(
    ears: Ears, settings: Any, leave: Callable[[Any], None]
) -> None:
    leave(settings)
    assert ears.heard() == 1


@postgresql
@pytest.mark.parametrize("budget", range(1, 10))
def test_others_are_woken_if_and_only_if_something_is_left_that_is_due(
    ears: Ears, settings: Any, budget: int
) -> None:
    order = Order()
    settings.ATM_BUDGET_TASKS = budget
    Sender(to=order.id)
    free = AutomationModel.objects.filter(due__lte=timezone.now(), claimed_by="")
    assert bool(ears.heard()) == free.exists()


# What this process does


def started_and_run() -> None:
    assert Straight().finished()


def started_in_a_transaction() -> None:
    with transaction.atomic():
        assert Straight().finished()


def undone() -> None:
    with transaction.atomic():
        Straight(autorun=False)
        transaction.set_rollback(True)


def timer_in_a_long_time() -> None:
    Soon(wait=3601)


def timer_of_a_resident() -> None:
    with going_on_with(None):
        Soon(wait=10, autorun=False)
    with resident():
        assert AutomationModel.run().done == 1


def swept() -> None:
    with going_on_with(None):
        runs = [Straight(autorun=False) for _ in range(3)]
    AutomationModel.run()
    assert all(run.finished() for run in runs)


def form_and_what_follows() -> None:
    ada = User.objects.create(username="ada")
    with resident():
        run = Offer(asked="ada")
    inline.submit(run.id, at(run, "ask").pk, answered(), ada)
    assert run.finished()


def message_and_what_follows() -> None:
    run = Order()
    assert run.send_message("paid", data={})
    assert Order.broadcast_message("sent", data={}) == [True]
    assert run.finished()


def message_to_another() -> None:
    run = Order()
    assert Sender(to=run.id).finished()
    assert at(run, "paid").state == "completed"


def started_by_a_message() -> None:
    run = Order.create_on_message("paid")
    assert at(run, "paid").state == "completed"


def started_by_a_signal() -> None:
    with transaction.atomic():
        opened.send(sender="door", number=3)
    assert AutomationModel.objects.get(automation_class=Opened.get_automation_name()).finished


def retried_and_run() -> None:
    with resident():
        run = Fragile(fail=True)
    task = AutomationTaskModel.objects.get(state="failed")
    with resident():
        task.retry(data={"fail": False})
    assert row(run).state == "running"


def skipped_and_run() -> None:
    with resident():
        Fragile(fail=True)
        AutomationTaskModel.objects.get(state="failed").skip()


def resumed_and_run() -> None:
    with resident():
        run = Halting()
        row(run).suspend()
        row(run).resume()


def changed_and_run() -> None:
    with resident():
        run = Waiting()
        run.data["ready"] = True
        run.run()
    assert at(run, "condition").state == "completed"


def changed_and_sent_to() -> None:
    with resident():
        run = Order()
        run.data["more"] = 1
        run.send_message("paid", data={})


def condition_that_stays_false() -> None:
    with resident():
        Waiting()
    for _ in range(2):
        AutomationModel.run()


def healed() -> None:
    with resident():
        run = Fragile(fail=True)
        error = "automations.exceptions.NodeNotFound"
        AutomationTaskModel.objects.filter(state="failed").update(error=error)
        assert incidents.heal() == [run.id]


@postgresql
@pytest.mark.parametrize(
    "do",
    [
        started_and_run,
        started_in_a_transaction,
        undone,
        timer_in_a_long_time,
        timer_of_a_resident,
        swept,
        form_and_what_follows,
        message_and_what_follows,
        message_to_another,
        started_by_a_message,
        started_by_a_signal,
        retried_and_run,
        skipped_and_run,
        resumed_and_run,
        changed_and_run,
        changed_and_sent_to,
        condition_that_stays_false,
        healed,
    ],
)
def test_nobody_is_woken_for_what_this_process_does_itself(
    ears: Ears, do: Callable[[], None]
) -> None:
    do()
    assert ears.heard() == 0


@postgresql
def test_a_run_that_is_started_on_schedule_wakes_nobody(
    ears: Ears, weekly: Any, clock: time_machine.Traveller
) -> None:
    AutomationModel.run()
    clock.shift(7 * DAY)
    assert AutomationModel.run().started == 1
    assert AutomationModel.objects.get().finished
    assert ears.heard() == 0


@postgresql
def test_a_run_that_is_moved_on_from_a_node_wakes_nobody(ears: Ears) -> None:
    Group.objects.create(name="members")
    with resident():
        run = Before()
    AutomationModel.objects.filter(pk=run.id).update(automation_class=After._meta.label)
    move_on()
    assert row(run).due <= settings.now()
    assert ears.heard() == 0


# Once in a transaction


def notifications(queries: CaptureQueriesContext) -> int:
    """Return how many of the statements were notifications."""
    return len([query for query in queries if "pg_notify" in query["sql"]])


@postgresql
def test_a_transaction_notifies_once(ears: Ears) -> None:
    with CaptureQueriesContext(connection) as queries:
        for _ in range(2):
            with transaction.atomic():
                for _ in range(5):
                    Straight(autorun=False)
    assert notifications(queries) == 2
    assert ears.heard() == 2


@postgresql
def test_what_a_savepoint_has_undone_does_not_count(ears: Ears) -> None:
    with transaction.atomic():
        with transaction.atomic():
            Straight(autorun=False)
            transaction.set_rollback(True)
        Straight(autorun=False)
        with transaction.atomic():
            Straight(autorun=False)
    assert ears.heard() == 1


@pytest.mark.parametrize("value", [False, True])
def test_nothing_is_said_unless_it_is_wanted_and_the_database_can(
    settings: Any, value: bool
) -> None:
    settings.ATM_NOTIFY = value
    can = value and connection.vendor == "postgresql"
    with CaptureQueriesContext(connection) as queries:
        Straight(autorun=False)
        notify_left()
    assert notifications(queries) == 2 * can
    complaints: list[str] = []
    with Listener(complaints.append) as listener:
        listener.listen()
        assert len(listener.sockets()) == can
        listener.hear()
    assert complaints == []


# Who listens


@pytest.fixture
def complaints() -> list[str]:
    """What a listener has complained of."""
    return []


@pytest.fixture
def listener(
    wanted: None, complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Listener]:
    """Something that listens, and is not patient."""
    monkeypatch.setattr(listening, "RETRY", 0)
    with Listener(complaints.append) as found:
        found.listen()
        yield found


def sleeps(listener: Listener) -> bool:
    """Return whether nothing wakes whoever sleeps now, for as long as it takes to be sure."""
    with Waker(listener) as waker:
        begun = time.monotonic()
        waker.sleep(0.5)
        return time.monotonic() - begun >= 0.5


@postgresql
def test_a_notification_ends_one_sleep(listener: Listener) -> None:
    with Waker(listener) as waker:
        notify_left()
        begun = time.monotonic()
        waker.sleep(LONG)
        assert time.monotonic() - begun < LONG / 2
    assert sleeps(listener)


@postgresql
def test_a_connection_that_breaks_is_told_once_and_made_again(
    listener: Listener, complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    listener.listen()
    with connection.cursor() as cursor, Waker(listener) as waker:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE query LIKE 'LISTEN%%' AND datname = current_database()"
        )
        begun = time.monotonic()
        while listener.sockets() and time.monotonic() - begun < LONG:
            waker.sleep(LONG)
        assert time.monotonic() - begun < LONG / 2
    assert "looks at its interval only" in complaints.pop()
    with monkeypatch.context() as patch:
        patch.setattr(listening, "of_its_own", nowhere)
        for _ in range(2):
            listener.listen()
            assert listener.sockets() == []
    assert complaints == []
    listener.listen()
    notify_left()
    assert not sleeps(listener)


def nowhere(usual: Any) -> Any:
    """Return a connection to where no server is."""
    found = of_its_own(usual)
    found.settings_dict |= {"HOST": "127.0.0.1", "PORT": "1"}
    return found


@postgresql
def test_a_connection_that_is_closed_already_is_told(
    listener: Listener, complaints: list[str]
) -> None:
    assert listener._database is not None
    listener._database.connection.close()
    assert listener.sockets() == []
    assert len(complaints) == 1


@postgresql
def test_who_cannot_listen_tries_again_after_a_while(
    wanted: None, complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Any] = []

    def count(usual: Any) -> Any:
        tried.append(usual)
        return nowhere(usual)

    monkeypatch.setattr(listening, "of_its_own", count)
    with Listener(complaints.append) as listener:
        for _ in range(3):
            listener.listen()
    assert len(tried) == len(complaints) == 1


@postgresql
def test_the_connection_is_none_of_a_pool() -> None:
    usual = connection.copy()
    usual.settings_dict |= {"OPTIONS": {"pool": True, "connect_timeout": 1}, "AUTOCOMMIT": False}
    own = of_its_own(usual).settings_dict
    assert "pool" not in own["OPTIONS"]
    assert own["OPTIONS"]["connect_timeout"] == 1
    assert own["AUTOCOMMIT"]
    assert usual.settings_dict["OPTIONS"]["pool"]


def test_notifications_are_taken_also_with_psycopg2() -> None:
    polled: list[bool] = []
    connected = SimpleNamespace(poll=lambda: polled.append(True), notifies=["one", "two"])
    listening.take(connected)
    assert polled == [True]
    assert connected.notifies == []


@postgresql
def test_who_is_to_be_woken_does_not_sleep_longer_than_others_look_ahead(wanted: None) -> None:
    assert automation_step.pause(7200) == notifying.HORIZON.total_seconds()


@postgresql
def test_who_leaves_lets_the_others_wait_for_what_only_it_knew(
    ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    with going_on_with(None):
        run = Soon(wait=10, autorun=False)
    monkeypatch.setattr(Waker, "sleep", lambda self, seconds: self.stop(signal.SIGTERM))
    call_command("automation_step", every=60, verbosity=0)
    assert at(run, "timer").state == "ready"
    assert ears.heard() == 1


# Real processes

#: Seconds after its time at which a timer fires at the latest: what is promised is proved where
#: nothing else runs; beside other tests it is enough to be far from the minute of the interval.
LATE = 0.2 if os.environ.get("ATM_PROOF_SCALE") else 5


@pytest.fixture
def sleeper(wanted: None, child_environment: dict[str, str]) -> Iterator[None]:
    """Let another process sleep that looks once a minute."""
    process = subprocess.Popen(
        [sys.executable, "-m", "django", "automation_step", "--every", "60"],
        env=child_environment | {"ATM_TEST_NOTIFY": "1"},
        stdout=subprocess.DEVNULL,
    )
    try:
        # It listens before its first sweep, so nothing that comes now is missed.
        assert wait_until(AutomationSweepModel.objects.exists)
        yield
        assert process.poll() is None
    finally:
        process.terminate()
        assert process.wait(LONG) == 0


@postgresql
@pytest.mark.processes
@pytest.mark.alone
def test_a_timer_that_another_process_has_set_fires_at_its_time(sleeper: None) -> None:
    runs = [Soon(wait=1 + number / 3) for number in range(5)]
    assert wait_until(lambda: all(run.finished() for run in runs), 30)
    late = []
    for run in runs:
        timer = at(run, "timer")
        due = timer.created.timestamp() + run.data["wait"]
        late.append(timer.finished.timestamp() - due)
    assert min(late) >= 0
    assert median(late) < LATE, late


@postgresql
@pytest.mark.processes
@pytest.mark.alone
def test_what_another_process_leaves_is_run_at_once(sleeper: None) -> None:
    took = []
    for _ in range(5):
        begun = time.monotonic()
        run = Straight(autorun=False)
        assert wait_until(run.finished, 30)
        took.append(time.monotonic() - begun)
    assert median(took) < 5 * LATE, took
