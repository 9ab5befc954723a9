"""Where runs are worked on: a dispatcher says where, never whether."""

from __future__ import annotations

import datetime
import socket
import time
from typing import Any

import pytest
import time_machine
from django.core.checks import run_checks
from django.db import transaction

from automations import flow
from automations.dispatch import base, claims, handing, working
from automations.dispatch.base import Dispatcher, get_dispatcher
from automations.dispatch.claims import QUEUED
from automations.engine import steps
from automations.exceptions import DispatchError
from automations.flow import this
from automations.models import AutomationModel, AutomationTaskModel
from tests.engine.rows import at, path, row
from tests.plain import HOUR, NOW
from tests.testapp.places import Both, Elsewhere, Near, Partly
from tests.testapp.processes import Straight

pytestmark = pytest.mark.django_db(transaction=True)

POST = "tests.dispatch.test_places.Post"


class Post(Dispatcher):
    """A queue that the test empties."""

    sent: list[tuple[int, datetime.datetime | None]] = []
    full = False

    def dispatch(self, run_id: int, at: datetime.datetime | None = None) -> None:
        """Remember the run."""
        if self.full:
            raise ConnectionRefusedError("no room")
        self.sent.append((run_id, at))

    @classmethod
    def deliver(cls) -> None:
        """Be the worker for all that was sent."""
        while cls.sent:
            run_id, when = cls.sent.pop(0)
            if when is None:
                working.work(run_id, POST)


@pytest.fixture(autouse=True)
def post() -> Any:
    """The queue, empty."""
    Post.sent.clear()
    Post.full = False
    base.get_dispatcher.cache_clear()
    return Post


def test_the_settings_say_where_runs_are_worked_on(post: Any, settings: Any) -> None:
    settings.ATM_DISPATCHER = POST
    run = Straight()
    assert path(run) == ["first"]
    assert post.sent == [(run.id, None)]
    assert row(run).claimed_by.startswith(QUEUED)
    assert AutomationModel.run().done == 0
    assert post.sent == [(run.id, None)]
    post.deliver()
    assert row(run).state == "finished"
    working.work(run.id, POST)  # a hint that comes twice
    assert row(run).state == "finished"


def test_an_automation_and_a_node_may_say_it_otherwise(post: Any) -> None:
    run = Elsewhere()
    assert post.sent == [(run.id, None)]
    assert path(run) == ["start"]
    post.deliver()
    # One node is for whoever sweeps.
    assert path(run) == ["start", "here"]
    AutomationModel.run()
    assert path(run) == ["start", "here", "end"]
    post.deliver()
    assert row(run).state == "finished"
    partly = Partly()
    assert path(partly) == ["here", "there"]
    post.deliver()
    assert path(partly) == ["here", "there", "again"]
    AutomationModel.run()
    assert row(partly).state == "finished"


def test_a_hint_goes_out_when_the_transaction_is_through(post: Any, settings: Any) -> None:
    settings.ATM_DISPATCHER = POST
    with transaction.atomic():
        run = Straight()
        assert post.sent == []
        # Nobody else sees the run, so a sweep in here does it all.
        other = Straight()
        assert AutomationModel.run().done == 8
    assert sorted(post.sent) == [(run.id, None), (other.id, None)]
    post.deliver()
    assert row(run).state == row(other).state == "finished"
    with transaction.atomic():
        handing.send(run.id, POST)
    assert post.sent == []


def test_a_queue_that_takes_nothing_delays_a_run_until_it_does(
    post: Any, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ATM_DISPATCHER = POST
    post.full = True
    run = Straight()
    assert "could not be dispatched" in caplog.text
    assert (row(run).state, row(run).claimed_by) == ("running", "")
    post.full = False
    AutomationModel.run()
    post.deliver()
    assert row(run).state == "finished"


def test_a_hint_that_is_lost_is_made_again_and_charges_nobody(post: Any, settings: Any) -> None:
    settings.ATM_DISPATCHER = POST
    run = Straight()
    for _ in range(5):
        post.sent.clear()
        past = steps.from_now(-datetime.timedelta(minutes=2))
        AutomationModel.objects.filter(pk=run.id).update(claimed_until=past)
        AutomationModel.run()
        assert post.sent == [(run.id, None)]
    assert at(run, "first").attempts == 0
    post.deliver()
    assert row(run).state == "finished"


def let_pass(run: Any, claims_of_time: float) -> None:
    """Let time go by for what stands on the run."""
    # A moment more, for SQLite tells the time by the millisecond.
    span = claims_of_time * datetime.timedelta(seconds=60, milliseconds=2)
    AutomationModel.objects.filter(pk=run.id).update(claimed_until=row(run).claimed_until - span)


@pytest.mark.parametrize(
    ("longest", "sent"),
    [(claims.LONGEST, [0, 1, 3, 7, 15, 23, 31]), pytest.param(1, range(33), id="always-one")],
)
def test_a_long_queue_is_not_made_longer_with_every_claim(
    post: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, longest: int, sent: Any
) -> None:
    monkeypatch.setattr(claims, "LONGEST", longest)
    settings.ATM_DISPATCHER = POST
    run = Straight()
    after = [0]
    for passed in range(1, 33):
        let_pass(run, 1)
        before = len(post.sent)
        AutomationModel.run()
        after += [passed] * (len(post.sent) - before)
    assert after == [*sent]
    assert at(run, "first").attempts == 0
    post.deliver()
    assert row(run).state == "finished"


def test_what_was_begun_and_lost_is_sent_again_after_one_claim_however_long_it_had_waited(
    post: Any, settings: Any
) -> None:
    settings.ATM_DISPATCHER = POST
    run = Straight()
    for _ in range(5):
        let_pass(run, 20)
        AutomationModel.run()
    post.sent.clear()
    claim = claims.new_claim()
    assert claims.take(run.id, NOW + 10000 * HOUR, claim) == (True, False)
    # Its worker dies here.
    let_pass(run, 1)
    AutomationModel.run()
    assert post.sent == [(run.id, None)]
    # Should that hint be lost, it is only one claim again.
    let_pass(run, 1)
    AutomationModel.run()
    assert post.sent == [(run.id, None)] * 2


def test_a_queue_that_could_not_be_told_is_told_by_the_next_sweep_however_often_it_was_told(
    post: Any, settings: Any
) -> None:
    settings.ATM_DISPATCHER = POST
    run = Straight()
    for _ in range(3):
        let_pass(run, 20)
        post.full = True
        AutomationModel.run()
        assert row(run).claimed_by == ""
        post.full = False
        AutomationModel.run()
        assert row(run).claimed_by.startswith(QUEUED)
    assert len(post.sent) == 4


def test_a_run_whose_worker_did_not_come_back_is_charged_only_where_it_is_worked_on(
    post: Any, settings: Any
) -> None:
    settings.ATM_DISPATCHER = POST
    run = Straight(autorun=False)
    past = steps.from_now(-datetime.timedelta(minutes=2))
    AutomationModel.objects.filter(pk=run.id).update(claimed_by="dead", claimed_until=past)
    AutomationModel.run()
    assert at(run, "first").attempts == 0
    assert post.sent == [(run.id, None)]
    AutomationModel.objects.filter(pk=run.id).update(claimed_by="dead", claimed_until=past)
    post.deliver()
    assert row(run).state == "finished"


def test_a_timer_that_is_near_is_told_to_the_queue(
    post: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ATM_DISPATCHER = POST
    with time_machine.travel(NOW, tick=False) as clock:
        near, far = Near(seconds=30), Near(seconds=3600)
        assert len(post.sent) == 2
        for run_id, _ in list(post.sent):
            post.sent.pop(0)
            working.work(run_id, POST)
        assert post.sent == [(near.id, NOW + datetime.timedelta(seconds=30))]
        clock.shift(HOUR)
        working.work(near.id, POST)
        assert row(near).state == "finished"
        assert row(far).state == "running"
        settings.ATM_SWEEP_TASKS = 1
        post.sent.clear()
        working.work(far.id, POST)
        # It was too much for one go.
        assert post.sent == [(far.id, None)]
        settings.ATM_CLOCK = lambda: NOW + 2 * HOUR
        post.sent.clear()
        other = Straight(autorun=False)
        working.work(other.id, POST)
        assert post.sent == []


@pytest.mark.parametrize("poll", [0, 5])
def test_a_condition_that_is_false_does_not_go_round_in_the_queue_without_a_pause(
    poll: int, post: Any, settings: Any, clock: time_machine.Traveller
) -> None:
    """With no time set, sweeps ask it; the timer beside it is told to the queue all the same."""
    settings.ATM_POLL = poll
    run = Both()
    worked = 0
    while post.sent and post.sent[0][1] is None:
        post.sent.pop(0)
        working.work(run.id, POST)
        worked += 1
        assert worked < 10
    assert post.sent == [(run.id, NOW + datetime.timedelta(seconds=poll or 30))]
    post.sent.clear()
    assert AutomationModel.run().done == 0
    clock.shift(datetime.timedelta(seconds=30))
    # Told by the queue, or found by a sweep: it ends.
    AutomationModel.run()
    post.deliver()
    assert row(run).state == "finished"


def test_what_becomes_true_is_worked_on_at_once(post: Any, clock: time_machine.Traveller) -> None:
    run = Both()
    post.deliver()
    post.sent.clear()
    run.data["ready"] = True
    run.save()
    AutomationModel.run()
    post.deliver()
    assert at(run, "condition").state == "completed"


def test_what_the_code_does_not_know_is_an_incident_wherever_it_is_found(
    post: Any, settings: Any
) -> None:
    run = Straight(autorun=False)
    AutomationTaskModel.objects.filter(automation=run.id).update(status="gone")
    settings.ATM_DISPATCHER = POST
    AutomationModel.run()
    assert row(run).state == "failed"
    assert post.sent == []


def test_threads_leave_timers_to_the_scheduler(settings: Any) -> None:
    from automations.dispatch.background import threads

    settings.ATM_DISPATCHER = "thread"
    run = Straight(autorun=False)
    get_dispatcher("thread").dispatch(run.id, at=NOW)
    threads().wait()
    assert path(run) == ["first"]
    get_dispatcher("thread").dispatch(run.id)
    threads().wait()
    assert row(run).state == "finished"


def test_a_backend_of_tasks_that_works_at_once_is_a_dispatcher_too(settings: Any) -> None:
    from automations.dispatch import django_tasks

    module = django_tasks.framework().__name__
    settings.TASKS = {
        "default": {"BACKEND": f"{module}.backends.immediate.ImmediateBackend", "QUEUES": []}
    }
    settings.ATM_DISPATCHER = "django_tasks"
    run = Straight()
    assert row(run).state == "finished"
    get_dispatcher("django_tasks").dispatch(run.id, at=NOW)
    settings.ATM_QUEUE = "special"
    assert django_tasks.options() == {"backend": "default", "queue_name": "special"}
    waiting = Straight(autorun=False)
    AutomationModel.objects.filter(pk=waiting.id).update(due=NOW)
    result = django_tasks.sweep.enqueue()
    assert "runs" in result.return_value


def test_celery_is_sent_near_timers_with_their_time(settings: Any) -> None:
    from celery import Celery

    from automations import tasks

    app = Celery("places", broker="memory://")
    app.set_default()
    app.set_current()
    sent: list[Any] = []

    def apply_async(args: Any, *, producer: Any, **how: Any) -> None:
        assert producer.connection.transport_options == {"max_retries": 0}
        sent.append((args, how))

    settings.ATM_QUEUE = "special"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks.work, "apply_async", apply_async)
        get_dispatcher("celery").dispatch(7, at=NOW)
        settings.ATM_QUEUE = ""
        get_dispatcher("celery").dispatch(8)
    plain = {"retry": False, "ignore_result": True}
    assert sent == [
        ((7,), plain | {"eta": NOW, "queue": "special"}),
        ((8,), plain),
    ]
    run = Straight(autorun=False)
    tasks.work(run.id)
    settings.ATM_DISPATCHER = "celery"
    tasks.work(run.id)
    assert row(run).state == "finished"
    assert "runs" in tasks.sweep()


def use_broker(address: str, **conf: Any) -> Any:
    """Let this process send to the broker there."""
    from celery import Celery

    app = Celery("places", broker=address)
    app.conf.update(conf)
    app.set_default()
    app.set_current()
    return app


@pytest.mark.parametrize("kind", ["redis", "amqp"])
@pytest.mark.parametrize("how", ["refuses", "is silent"])
def test_a_broker_that_is_away_is_asked_once_and_keeps_nobody(how: str, kind: str) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if how == "is silent":
            server.listen()
        use_broker(f"{kind}://127.0.0.1:{server.getsockname()[1]}//")
        base.get_dispatcher.cache_clear()
        begun = time.monotonic()
        for _ in range(10):
            with pytest.raises(Exception, match=r"refused|[Tt]im|not asked yet"):
                get_dispatcher("celery").dispatch(7)
        # Once a second at the most, and not ten times; Celery itself takes six for each.
        assert time.monotonic() - begun < 2.5
    base.get_dispatcher.cache_clear()


def test_celerys_own_producers_would_sleep_while_the_broker_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from kombu.utils import functional

    from automations.dispatch import celery

    class Slept(Exception):
        pass

    def sleep(seconds: float) -> None:
        raise Slept(seconds)

    app = use_broker("redis://127.0.0.1:1/0")
    monkeypatch.setattr(functional, "sleep", sleep)
    with pytest.raises(Slept):
        celery.work.apply_async((7,), retry=False)
    with pytest.raises(Exception, match="refused"), celery.producers().acquire() as producer:
        celery.work.apply_async((7,), retry=False, producer=producer)
    # A project that wants to be patient is asked, and so is each of several brokers.
    app = use_broker("redis://127.0.0.1:1/0;redis://127.0.0.1:2/0")
    with celery.producers().acquire() as producer:
        assert producer.connection.transport_options["max_retries"] == 1
    app.conf.broker_transport_options = {"max_retries": 7, "socket_timeout": 9}
    with celery.producers().acquire() as producer:
        options = producer.connection.transport_options
        assert (options["max_retries"], options["socket_timeout"]) == (7, 9)


def test_a_worker_that_cannot_tell_the_queue_of_a_timer_has_done_its_work(
    post: Any, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ATM_DISPATCHER = POST
    run = Near(seconds=30)
    post.full = True
    post.deliver()
    assert path(run) == ["first", "wait"]
    assert "could not be dispatched" in caplog.text


def test_a_dispatcher_that_is_not_there_is_told_with_what_there_is() -> None:
    with pytest.raises(DispatchError, match=r"no dispatcher 'pigeon'.*inline, thread"):
        get_dispatcher("pigeon")
    with pytest.raises(DispatchError, match="is no subclass"):
        get_dispatcher("tests.testapp.processes.Straight")


def test_a_check_finds_a_dispatcher_that_is_not_there(settings: Any) -> None:
    class Lost(flow.Automation):
        class Meta:
            dispatcher = "pigeon"

        start = flow.Execute(this.work).DispatchTo("thread")
        other = flow.Execute(this.work).DispatchTo("owl")
        end = flow.End()

        def work(self, task: Any) -> None:
            """Do nothing."""

    from automations import checks

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks.registry, "automations", lambda: [Lost])
        found = [error for error in checks.check_dispatchers() if error.id == "automations.E009"]
    assert [error.msg.split(":")[0] for error in found] == [
        f"Meta.dispatcher of {Lost._meta.label}",
        f".DispatchTo() of {Lost._meta.label}.other",
    ]
    settings.ATM_DISPATCHER = "stork"
    assert "ATM_DISPATCHER: There is no dispatcher 'stork'" in str(run_checks(tags=["automations"]))


def test_where_an_automation_is_dispatched_to_is_a_name() -> None:
    class Wrong(flow.Automation):
        class Meta:
            dispatcher = 7

        end = flow.End()

    problems = list(Wrong._meta.options.problems("Wrong"))
    assert [problem.message for problem in problems] == ["Meta.dispatcher of Wrong cannot be 7."]
