"""What operators do to runs: retry, skip, cancel, suspend, resume; and what the project is told."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from automations import signals
from automations.dispatch import sweep
from automations.engine import incidents
from automations.exceptions import AutomationFinished, InvalidData, NodeNotFound, TaskClosed
from automations.models import AutomationAuditModel, AutomationModel, AutomationTaskModel
from tests.engine.rows import at, row, states
from tests.plain import HOUR
from tests.testapp.durable import Halting
from tests.testapp.language import Newsletter

in_all_ways = True


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create(username="ada")


@pytest.fixture
def needy(clock: time_machine.Traveller) -> Halting:
    """A run that has failed for want of an entry in its data."""
    run = Halting()
    run.send_message("answer")
    clock.shift(HOUR)
    AutomationModel.run()
    AutomationModel.run()
    assert row(run).state == "failed"
    return run


def audit(run: Any) -> list[tuple[str, str, Any]]:
    acts = AutomationAuditModel.objects.filter(automation=run.id).order_by("pk")
    return [(act.action, act.reason, act.changes) for act in acts]


def test_a_retry_may_put_the_data_right_key_by_key_and_says_so(needy: Halting) -> None:
    at(needy, "work").retry(reason="forgotten", data={"iban": "DE00", "answered": 1})
    assert row(needy).state == "finished"
    assert row(needy).data["iban"] == "DE00"
    changes = {"data": {"iban": [None, "DE00"], "answered": [None, 1]}}
    assert audit(needy) == [("retry", "forgotten", changes)]


def test_a_retry_with_data_that_changes_nothing_says_nothing_of_it(needy: Halting) -> None:
    at(needy, "work").retry(data={"ask": None})
    assert audit(needy) == [("retry", "", {})]
    with pytest.raises(InvalidData):
        at(needy, "work").retry(data={"iban": object()})
    assert row(needy).state == "failed"


def test_a_skip_may_say_what_came_of_it(needy: Halting) -> None:
    at(needy, "work").skip(result={"by": "hand"})
    assert at(needy, "work").result == {"by": "hand"}
    assert row(needy).state == "finished"
    assert audit(needy) == [("skip", "", {"result": {"by": "hand"}})]


def test_a_run_can_be_cancelled_wherever_it_stands(needy: Halting, ada: User) -> None:
    row(needy).cancel(user=ada, reason="gone")
    assert (row(needy).state, row(needy).finished, row(needy).due) == ("cancelled", True, None)
    assert states(needy)["work"] == "cancelled"
    assert at(needy, "work").message == "KeyError: 'iban'"
    other = Halting()
    row(other).cancel()
    assert states(other) == {"start": "completed", "ask": "cancelled", "pause": "cancelled"}
    for run in (needy, other):
        with pytest.raises(AutomationFinished, match="cannot be cancelled"):
            row(run).cancel()
        assert Halting.dispatch_message(run.id, "answer") is None
    assert audit(needy) == [("cancel", "gone", {})]


def test_a_cancelled_run_makes_room_for_another_of_its_kind() -> None:
    run = Newsletter(email="ada")
    row(run).cancel()
    assert Newsletter(email="ada").id != run.id


def test_a_suspended_run_stands_still_until_it_is_resumed(clock: time_machine.Traveller) -> None:
    run = Halting()
    row(run).suspend(reason="deploy")
    assert (row(run).state, row(run).finished, row(run).due) == ("suspended", False, None)
    clock.shift(2 * HOUR)
    AutomationModel.run()
    run.send_message("answer", None, {"yes": 1})
    assert states(run)["ask"] == "waiting"
    assert states(run)["pause"] == "ready"
    with pytest.raises(AutomationFinished, match="is suspended and cannot be suspended"):
        row(run).suspend()
    row(run).resume()
    assert states(run)["ask"] == "completed"
    assert states(run)["pause"] == "completed"
    assert row(run).data["ask"] == {"yes": 1}
    with pytest.raises(AutomationFinished, match="cannot be resumed"):
        row(run).resume()
    assert [act for act, *_ in audit(run)] == ["suspend", "resume"]


def test_a_whole_automation_is_frozen_and_goes_on(clock: time_machine.Traveller) -> None:
    runs = [Halting() for _ in range(3)]
    row(runs[0]).cancel()
    bystander = Newsletter(email="ada")
    assert AutomationModel.objects.of(Halting).suspend(reason="deploy") == 2
    assert row(bystander).state == "running"
    clock.shift(2 * HOUR)
    AutomationModel.run()
    assert [states(run)["pause"] for run in runs[1:]] == ["ready", "ready"]
    assert AutomationModel.objects.of(Halting).resume() == 2
    assert [states(run)["pause"] for run in runs[1:]] == ["completed", "completed"]


def test_a_run_that_ends_while_its_automation_is_frozen_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Halting()

    def ended(*args: Any, **kwargs: Any) -> None:
        raise AutomationFinished("just now")

    monkeypatch.setattr(incidents, "suspend", ended)
    assert AutomationModel.objects.of(Halting).suspend() == 0
    assert row(run).state == "running"


def test_what_the_code_knows_again_goes_on_with_the_next_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, lost, other = Halting(), Halting(), Halting()
    begun = row(run).created
    AutomationTaskModel.objects.filter(automation=run.id, status="ask").update(status="gone")
    AutomationModel.objects.filter(pk=lost.id).update(automation_class="gone.Away")
    two = [run.id, lost.id]
    AutomationTaskModel.objects.open().filter(automation__in=two).update(due=begun)
    AutomationModel.objects.filter(pk__in=two).update(due=begun)
    monkeypatch.setattr(sweep, "_healed", True)
    AutomationModel.run()
    assert [row(one).state for one in (run, lost, other)] == ["failed", "failed", "running"]
    monkeypatch.setattr(sweep, "_healed", False)
    assert AutomationModel.run().healed == 0
    AutomationTaskModel.objects.filter(status="gone").update(status="ask")
    AutomationModel.objects.filter(pk=lost.id).update(automation_class=Halting._meta.label)
    assert AutomationModel.run().healed == 0  # the same process has the same code
    monkeypatch.setattr(sweep, "_healed", False)
    report = AutomationModel.run()
    assert report.healed == 2
    assert "2 healed" in str(report)
    assert [row(one).state for one in (run, lost)] == ["running", "running"]
    assert ("retry", "The code knows it again.", {}) in audit(run)
    assert incidents.heal() == []


def test_what_somebody_has_taken_care_of_needs_no_healing(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Halting()
    begun = row(run).created
    AutomationTaskModel.objects.filter(automation=run.id, status="ask").update(
        state="failed", finished=begun, due=None, error=f"{NodeNotFound.__module__}.NodeNotFound"
    )
    AutomationModel.objects.filter(pk=run.id).update(
        state="failed", finished=True, ended=begun, due=None
    )

    def closed(*args: Any, **kwargs: Any) -> None:
        raise TaskClosed("done")

    monkeypatch.setattr(incidents, "retry", closed)
    assert incidents.heal() == []


# The command


def told(*arguments: Any, **options: Any) -> str:
    out = StringIO()
    call_command("automation_incidents", *arguments, stdout=out, stderr=out, **options)
    return out.getvalue()


def test_the_command_lists_what_has_failed_and_filters_it(
    needy: Halting, clock: time_machine.Traveller
) -> None:
    task, label = at(needy, "work"), Halting._meta.label
    listed = told()
    assert f"{task.pk}  " in listed
    assert f"run {needy.id}  {label}.work  KeyError: 'iban'" in listed
    assert "1 tasks have stopped their runs." in listed
    wrong: list[dict[str, Any]] = [
        {"automation": "no.Such"},
        {"node": "ask"},
        {"error": "ValueError"},
        {"older_than": 1},
    ]
    for options in wrong:
        assert "0 tasks" in told(**options)
    clock.shift(2 * HOUR)
    right: list[dict[str, Any]] = [
        {"automation": label},
        {"node": "work"},
        {"error": "Error"},
        {"older_than": 1},
    ]
    for options in right:
        assert "1 tasks" in told(**options)
    assert "0 tasks" in told("list", task.pk + 1)
    assert "1 tasks would be cancelled." in told("cancel", dry_run=True)
    assert row(needy).state == "failed"


def test_the_command_acts_and_writes_down_who(needy: Halting, ada: User) -> None:
    assert "1 tasks retried." in told("retry", user=ada.username, reason="again")
    assert row(needy).state == "failed"
    assert "1 tasks skipped." in told("skip", at(needy, "work").pk)
    assert row(needy).state == "finished"
    acts = AutomationAuditModel.objects.filter(automation=needy.id).order_by("pk")
    assert [(act.action, act.user_name, act.reason) for act in acts] == [
        ("retry", ada.username, "again"),
        ("skip", "", ""),
    ]
    with pytest.raises(CommandError, match="no user 'nobody'"):
        told("retry", user="nobody")


def test_the_command_cancels_and_says_what_could_not_be_done(
    needy: Halting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*args: Any, **kwargs: Any) -> None:
        raise TaskClosed("just now")

    with monkeypatch.context() as patch:
        patch.setattr(incidents, "retry", closed)
        with pytest.raises(CommandError, match="1 tasks could not be retried"):
            told("retry")
    assert "1 tasks cancelled." in told("cancel")
    assert row(needy).state == "cancelled"


# Signals

SIGNALS = ("run_started", "task_finished", "run_failed", "run_finished")


@pytest.fixture
def heard() -> Any:
    """What the signals have told: their name, sender and task."""
    told: list[tuple[str, Any, str]] = []

    def receiver(name: str) -> Any:
        def hear(sender: Any, run: AutomationModel, task: Any = None, **kwargs: Any) -> None:
            told.append((name, sender, task.status if task else ""))

        return hear

    receivers = {name: receiver(name) for name in SIGNALS}
    for name, hear in receivers.items():
        getattr(signals, name).connect(hear)
    signals.run_started.connect(raises)
    yield told
    signals.run_started.disconnect(raises)
    for name, hear in receivers.items():
        getattr(signals, name).disconnect(hear)


def raises(**kwargs: Any) -> None:
    raise RuntimeError("not our business")


@pytest.mark.parametrize("fails", [False, True])
def test_the_project_is_told_on_commit_what_happens(
    fails: bool,
    heard: Any,
    django_capture_on_commit_callbacks: Any,
    clock: time_machine.Traveller,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = Halting(**({} if fails else {"iban": "DE"}))
        run.send_message("answer")
        clock.shift(HOUR)
        AutomationModel.run()
        AutomationModel.run()
        if fails:
            row(run).cancel()
    names = [(name, task) for name, _, task in heard]
    assert all(sender is Halting for _, sender, _ in heard)
    assert names[0] == ("run_started", "")
    assert ("task_finished", "join") in names
    if fails:
        ends = [("run_failed", "work"), ("task_finished", "work"), ("run_finished", "")]
        assert names[-3:] == ends
    else:
        assert names[-2:] == [("task_finished", "end"), ("run_finished", "")]


def test_a_signal_of_a_class_that_is_gone_has_no_sender(
    heard: Any, django_capture_on_commit_callbacks: Any
) -> None:
    run = Halting()
    AutomationModel.objects.filter(pk=run.id).update(automation_class="gone.Away")
    heard.clear()
    with django_capture_on_commit_callbacks(execute=True):
        row(run).cancel()
    assert heard[-1] == ("run_finished", None, "")
