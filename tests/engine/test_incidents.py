"""A failing task stops its run, and a person gets it going again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User

from automations.engine import incidents, people, starting, steps
from automations.exceptions import AutomationFinished, NotAllowed, TaskClosed
from automations.models import AutomationAuditModel, AutomationModel, AutomationTaskModel
from tests.engine.rows import at, row, states
from tests.plain import HOUR, NOW, PlainContext
from tests.testapp import processes
from tests.testapp.forms import ApprovalForm
from tests.testapp.models import Effect
from tests.testapp.processes import Fragile, Offer, Single, Straight, Waiting

in_all_ways = True


@pytest.fixture
def failed(clock: time_machine.Traveller) -> Fragile:
    """A run one branch of which has failed while the others wait."""
    run = Fragile(fail=True, autorun=False)
    steps.step(run.id)
    for task in ("ask", "patient", "risky"):
        assert at(run, task).state == "ready"
    AutomationTaskModel.objects.filter(automation=run.id, status="risky").update(
        due=row(run).created + HOUR
    )
    run.run()
    clock.shift(HOUR)
    AutomationTaskModel.objects.filter(automation=run.id, status="patient").update(
        due=row(run).created + 2 * HOUR
    )
    AutomationModel.run()
    return run


@pytest.mark.api("D5", "D10", "N7")
def test_a_failure_stops_the_run_and_is_kept(failed: Fragile) -> None:
    task, run = at(failed, "risky"), row(failed)
    assert (run.state, run.finished, run.due) == ("failed", True, None)
    assert failed.finished()
    assert task.state == "failed"
    assert task.message == "RuntimeError: the wire is cut"
    assert task.traceback.rstrip().endswith("RuntimeError: the wire is cut")
    assert "in risk" in task.traceback


@pytest.mark.api("views")
def test_the_traceback_shows_no_local_variables(failed: Fragile) -> None:
    report = at(failed, "risky").traceback
    assert "in risk" in report
    assert "swordfish" not in report


@pytest.mark.api("D5")
def test_while_failed_the_open_tasks_stand_still(
    failed: Fragile, clock: time_machine.Traveller
) -> None:
    assert {at(failed, name).due for name in ("patient", "ask")} == {None}
    assert not at(failed, "ask").is_offered
    assert not AutomationTaskModel.objects.offered().exists()
    clock.shift(100 * HOUR)
    assert AutomationModel.run().looked_at == 0


def test_a_form_of_a_failed_run_cannot_be_completed(failed: Fragile) -> None:
    root = User.objects.create(username="root", is_superuser=True)
    with pytest.raises(TaskClosed):
        people.submit(failed.id, at(failed, "ask").pk, valid_form(), root)


@pytest.mark.api("D5", "N7", "Split")
def test_retrying_takes_the_task_up_again(failed: Fragile) -> None:
    mia = User.objects.create(username="mia")
    failed.data["fail"] = False
    failed.save()
    at(failed, "risky").retry(mia, "wire mended")
    assert row(failed).state == "running"
    assert states(failed)["risky"] == "completed"
    assert states(failed)["ask"] == "waiting"
    assert at(failed, "ask").is_offered
    entry = AutomationAuditModel.objects.get(automation=failed.id)
    assert (entry.action, entry.user, entry.user_name) == ("retry", mia, "mia")
    assert entry.reason == "wire mended"
    assert str(entry) == "retry by mia"


@pytest.mark.api("D5")
def test_skipping_leaves_the_work_undone_and_goes_on(failed: Fragile) -> None:
    at(failed, "risky").skip(reason="not worth it")
    assert states(failed)["risky"] == "skipped"
    assert row(failed).state == "running"
    assert not Effect.objects.exists()
    assert AutomationAuditModel.objects.get().user_name == ""


def test_a_wait_goes_on_as_if_nothing_had_happened(
    failed: Fragile, clock: time_machine.Traveller, told: list[Any]
) -> None:
    at(failed, "risky").skip()
    assert told == [("patient", failed.id)]  # its hour was over


def test_a_retry_that_fails_again_is_an_incident_again(failed: Fragile) -> None:
    at(failed, "risky").retry()
    assert row(failed).state == "failed"
    assert AutomationTaskModel.objects.filter(status="risky").count() == 1


@pytest.mark.parametrize("act", [incidents.retry, incidents.skip])
def test_only_a_failed_task_can_be_retried_or_skipped(act: Callable[..., None]) -> None:
    run = Straight()
    with pytest.raises(TaskClosed, match="has not failed"):
        act(run.id, at(run, "first").pk)
    starting.kill(run.id)
    with pytest.raises(TaskClosed, match="There is no run"):
        act(run.id, 0)


def test_two_people_cannot_retry_the_same_failure(failed: Fragile) -> None:
    at(failed, "risky").skip()
    with pytest.raises(TaskClosed):
        at(failed, "risky").skip()


@pytest.mark.api("D5", "kill")
def test_cancelling_ends_a_failed_run_with_all_that_is_open(
    failed: Fragile, clock: time_machine.Traveller
) -> None:
    mia = User.objects.create(username="mia")
    run = row(failed)
    run.cancel(mia, "ordered twice")
    assert (run.state, run.finished, run.ended, run.due) == ("cancelled", True, NOW + HOUR, None)
    assert {states(failed)[name] for name in ("risky", "patient", "ask")} == {"cancelled"}
    assert at(failed, "risky").message == "RuntimeError: the wire is cut"
    entry = AutomationAuditModel.objects.get(automation=run)
    assert (entry.action, entry.user, entry.task, entry.reason) == (
        "cancel",
        mia,
        None,
        "ordered twice",
    )
    clock.shift(100 * HOUR)
    assert AutomationModel.run().looked_at == 0
    with pytest.raises(AutomationFinished, match="is cancelled and cannot be cancelled"):
        run.cancel()
    with pytest.raises(TaskClosed):
        at(failed, "risky").retry()
    with pytest.raises(AutomationFinished):
        row(Straight()).cancel()


@pytest.mark.api("unique")
def test_a_cancelled_run_makes_room_for_a_new_one() -> None:
    run = Single()
    row(run).cancel()
    assert run.finished()
    assert row(run).unique_key is None
    assert Single().id != run.id


# What the code no longer knows


@pytest.mark.api("D9", "A26")
def test_a_class_that_the_code_no_longer_has_is_an_incident() -> None:
    run = Straight(autorun=False)
    other = Straight(autorun=False)
    AutomationModel.objects.filter(pk=run.id).update(automation_class="tests.gone.Gone")
    report = AutomationModel.run()
    assert (report.failed, other.finished()) == (1, True)
    task = AutomationTaskModel.objects.get(automation=run.id)
    assert task.message.startswith("AutomationNotFound: The code has no automation 'tests.gone")


@pytest.mark.parametrize(
    "name", ["tests.plain.NOW", "tests.plain.PlainContext", "tests.testapp.broken.Automation"]
)
@pytest.mark.api("AutomationModel")
def test_a_path_that_leads_to_no_automation_is_an_incident(name: str) -> None:
    run = Straight(autorun=False)
    AutomationModel.objects.filter(pk=run.id).update(automation_class=name)
    AutomationModel.run()
    assert AutomationModel.objects.get(pk=run.id).state == "failed"


@pytest.mark.api("changing a process")
def test_a_node_that_the_code_no_longer_has_is_an_incident_and_heals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Straight(autorun=False)
    task = AutomationTaskModel.objects.filter(automation=run.id)
    task.update(status="fist")
    AutomationModel.run()
    assert "did you mean 'first'?" in at(run, "fist").message
    task.update(status="first")
    at(run, "first").retry()
    assert run.finished()


# Who may complete a form, asked again under the lock


def valid_form() -> ApprovalForm:
    """A form that has been filled in well."""
    form = ApprovalForm({"approved": "on", "reason": "good"})
    assert form.is_valid()
    return form


def test_a_right_taken_away_counts_under_the_lock() -> None:
    eve = User.objects.create(username="eve")
    run = Fragile()
    permission = Permission.objects.get(codename="view_effect")
    eve.user_permissions.add(permission)
    assert at(run, "ask").may_be_done_by(eve)  # and remembers it
    eve.user_permissions.remove(permission)
    with pytest.raises(NotAllowed, match=r"eve may not complete task \d+ \(ask\)"):
        people.submit(run.id, at(run, "ask").pk, valid_form(), eve)
    eve.delete()
    with pytest.raises(NotAllowed):
        people.submit(run.id, at(run, "ask").pk, valid_form(), User(pk=0, username="eve"))
    assert at(run, "ask").state == "waiting"


def test_completing_twice_does_nothing_twice() -> None:
    ada = User.objects.create(username="ada")
    run = Offer(asked="ada")
    task_id = at(run, "ask").pk
    people.submit(run.id, task_id, valid_form(), ada)
    with pytest.raises(TaskClosed):
        people.submit(run.id, task_id, valid_form(), ada)
    assert AutomationAuditModel.objects.count() == 1


def test_the_form_of_a_killed_run_cannot_be_completed() -> None:
    ada = User.objects.create(username="ada")
    run = Offer(asked="ada")
    task_id = at(run, "ask").pk
    starting.kill(run.id)
    with pytest.raises(TaskClosed):
        people.submit(run.id, task_id, valid_form(), ada)


@pytest.mark.api("Form")
def test_a_person_who_is_asked_by_a_wrong_key_is_an_incident(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes.Offer, "asked", lambda self, task: 4711)
    run = Offer(asked="nobody")
    assert "the user with the primary key 4711, which does not exist" in at(run, "ask").message


def test_a_permission_that_is_no_dotted_name_is_an_incident() -> None:
    from automations import flow
    from automations.exceptions import DefinitionError

    node: Any = flow.Form(ApprovalForm).Permission("change")
    with pytest.raises(DefinitionError, match=r"needs 'app_label\.codename', not 'change'"):
        node.execute(PlainContext())


# Conditions


@pytest.mark.api("AsSoonAs", "A15")
def test_a_condition_is_that_of_its_own_run(clock: time_machine.Traveller, told: list[Any]) -> None:
    first, second, third = (Waiting() for _ in range(3))
    second.data["ready"] = True
    second.save()
    AutomationModel.run()
    assert [run_id for what, run_id in told if what == "met"] == [second.id]
    assert {states(run)["condition"] for run in (first, third)} == {"ready"}


@pytest.mark.api("N4", "AsSoonAs")
def test_a_condition_is_asked_once_per_sweep_and_writes_nothing(
    clock: time_machine.Traveller, told: list[Any], django_assert_num_queries: Any
) -> None:
    run = Waiting()
    told.clear()
    before = row(run).updated
    clock.shift(HOUR / 2)
    with django_assert_num_queries(2):
        report = AutomationModel.run()
    assert (report.looked_at, report.runs) == (1, 0)
    assert told == [("asked", run.id)]
    assert row(run).updated == before


@pytest.mark.api("A14")
def test_a_condition_is_looked_at_again_as_soon_as_the_data_changes(
    clock: time_machine.Traveller, told: list[Any]
) -> None:
    run = Waiting()
    clock.shift(HOUR)
    AutomationModel.run()
    assert ("met", run.id) in told
    assert run.finished()


@pytest.mark.api("A12", "AfterWaiting")
def test_a_timer_in_one_branch_never_delays_another(
    clock: time_machine.Traveller, told: list[Any]
) -> None:
    run = Waiting()
    run.data["ready"] = True
    run.save()
    AutomationModel.run()
    assert ("met", run.id) in told
    assert states(run)["timer"] == "ready"


def test_with_a_pause_conditions_are_asked_less_often(
    clock: time_machine.Traveller, told: list[Any], settings: Any
) -> None:
    settings.ATM_POLL = 60
    run = Waiting()
    told.clear()
    AutomationModel.run()
    clock.shift(59)
    AutomationModel.run()
    assert told == []
    clock.shift(1)
    AutomationModel.run()
    AutomationModel.run()
    assert told == [("asked", run.id)]
    run.data["ready"] = True
    run.save()
    AutomationModel.run()
    assert ("met", run.id) in told


def test_with_a_pause_a_deadline_is_kept_all_the_same(
    clock: time_machine.Traveller, settings: Any
) -> None:
    settings.ATM_POLL = 7 * 3600
    User.objects.create(username="ada")
    run = Offer(asked="ada")
    for _ in range(24):
        assert at(run, "ask").state == "waiting"
        clock.shift(HOUR)
        AutomationModel.run()
    assert at(run, "ask").state == "skipped"


def test_a_condition_that_raises_is_an_incident(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Any, task: Any) -> bool:
        raise ZeroDivisionError

    run = Waiting()
    monkeypatch.setattr(processes.Waiting, "ready", broken)
    assert AutomationModel.run().failed == 1
    assert at(run, "condition").message == "ZeroDivisionError"
