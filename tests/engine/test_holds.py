"""Who is at a task: people take one, give it back, hand it over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from automations.dispatch import inline
from automations.engine import holds
from automations.exceptions import NotAllowed, TaskClosed, TaskTaken
from automations.models import AutomationAuditModel, AutomationModel, AutomationTaskModel
from tests.plain import NOW
from tests.testapp.forms import ApprovalForm
from tests.testapp.inbox_processes import Review

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> dict[str, User]:
    """Two members of the group that is asked, a stranger, and somebody who may do everything."""
    group = Group.objects.create(name="reviewers")
    found = {name: User.objects.create(username=name) for name in ("ada", "bob", "eve", "root")}
    for name in ("ada", "bob"):
        found[name].groups.add(group)
    found["root"].is_superuser = True
    found["root"].save()
    return found


@pytest.fixture
def task(people: dict[str, User]) -> AutomationTaskModel:
    """A task that the group is asked to do."""
    return AutomationTaskModel.objects.get(automation=Review(title="One").id, state="waiting")


def take(task: AutomationTaskModel, user: User, **more: Any) -> None:
    holds.take(task.automation_id, task.pk, user, **more)


def holder(task: AutomationTaskModel) -> str | None:
    """Return the name of whoever has taken the task."""
    task.refresh_from_db()
    assert (task.taken_by is None) is (task.taken_at is None)
    return task.taken_by.username if task.taken_by else None


def complete(task: AutomationTaskModel, user: User) -> None:
    form = ApprovalForm({"approved": "on", "reason": "good"})
    assert form.is_valid()
    inline.submit(task.automation_id, task.pk, form, user)


def on_record() -> list[tuple[str, str, Any]]:
    acts = AutomationAuditModel.objects.order_by("pk")
    return [(act.action, act.user_name, act.changes) for act in acts]


def test_who_takes_a_task_has_it_and_is_on_record_once(
    task: AutomationTaskModel, people: dict[str, User]
) -> None:
    take(task, people["ada"])
    take(task, people["ada"])
    assert holder(task) == "ada"
    assert on_record() == [("take", "ada", {})]


def test_what_somebody_has_taken_nobody_else_takes_or_completes(
    task: AutomationTaskModel, people: dict[str, User]
) -> None:
    take(task, people["ada"])
    for name in ("bob", "root"):
        with pytest.raises(TaskTaken, match="ada") as refused:
            take(task, people[name])
        assert refused.value.by == people["ada"]
        with pytest.raises(TaskTaken, match="ada"):
            complete(task, people[name])
        with pytest.raises(TaskTaken, match="ada"):
            holds.give_back(task.automation_id, task.pk, people[name])
        with pytest.raises(TaskTaken, match="ada"):
            holds.hand_over(task.automation_id, task.pk, people[name], people["bob"])
    assert holder(task) == "ada"
    complete(task, people["ada"])
    assert AutomationModel.objects.get(pk=task.automation_id).state == "finished"


def test_whoever_may_do_it_takes_over_what_that_very_person_has(
    task: AutomationTaskModel, people: dict[str, User]
) -> None:
    take(task, people["ada"])
    with pytest.raises(TaskTaken):
        take(task, people["bob"], over_from=people["root"].pk)
    take(task, people["bob"], over_from=people["ada"].pk)
    assert holder(task) == "bob"
    assert on_record()[-1] == ("take", "bob", {"from": "ada"})


def test_what_is_given_back_anybody_who_may_do_it_completes(
    task: AutomationTaskModel, people: dict[str, User]
) -> None:
    take(task, people["ada"])
    holds.give_back(task.automation_id, task.pk, people["ada"])
    holds.give_back(task.automation_id, task.pk, people["ada"])
    assert holder(task) is None
    complete(task, people["bob"])
    assert [action for action, *_ in on_record()] == ["take", "give_back", "complete"]
    assert set(AutomationAuditModel.objects.values_list("task", flat=True)) == {task.pk}


def test_a_task_is_handed_over_to_who_may_do_it_and_to_nobody_else(
    task: AutomationTaskModel, people: dict[str, User]
) -> None:
    with pytest.raises(NotAllowed):
        holds.hand_over(task.automation_id, task.pk, people["ada"], people["eve"])
    assert holder(task) is None
    holds.hand_over(task.automation_id, task.pk, people["ada"], people["bob"], reason="yours")
    holds.hand_over(task.automation_id, task.pk, people["ada"], people["bob"])
    assert holder(task) == "bob"
    assert on_record() == [("hand_over", "ada", {"to": "bob"})]
    assert AutomationAuditModel.objects.get().reason == "yours"


def test_who_may_not_do_a_task_does_nothing_to_it(
    task: AutomationTaskModel, people: dict[str, User]
) -> None:
    run, eve = task.automation_id, people["eve"]
    gone = User(pk=10**6, username="gone")
    for user in (eve, gone):
        for act in (
            lambda user=user: holds.take(run, task.pk, user),
            lambda user=user: holds.give_back(run, task.pk, user),
            lambda user=user: holds.hand_over(run, task.pk, user, people["ada"]),
        ):
            with pytest.raises(NotAllowed):
                act()
    assert holder(task) is None
    assert on_record() == []


def test_what_does_not_wait_any_more_nobody_takes(
    task: AutomationTaskModel, people: dict[str, User]
) -> None:
    complete(task, people["ada"])
    with pytest.raises(TaskClosed):
        take(task, people["bob"])
    with pytest.raises(TaskClosed):
        take(AutomationTaskModel(pk=task.pk, automation_id=10**6), people["bob"])


def test_a_task_that_a_deleted_user_had_is_free(
    task: AutomationTaskModel, people: dict[str, User]
) -> None:
    take(task, people["ada"])
    people["ada"].delete()
    complete(task, people["bob"])


@pytest.mark.parametrize(
    ("data", "due"),
    [
        ({}, timedelta(days=2)),
        ({"hours": 3}, timedelta(hours=3)),
        ({"hours": -3}, timedelta(hours=-3)),
    ],
)
def test_a_task_knows_by_when_people_should_have_done_it(
    clock: Any, people: dict[str, User], data: dict[str, Any], due: timedelta
) -> None:
    run = Review(title="One", **data)
    assert AutomationTaskModel.objects.get(automation=run.id).due_date == NOW + due


def test_without_a_due_date_it_is_when_the_task_times_out(
    clock: Any, people: dict[str, User]
) -> None:
    from tests.testapp.inbox_processes import Limited

    run = Limited()
    tasks = AutomationTaskModel.objects.filter(automation=run.id, state="waiting")
    assert {task.status: task.due_date for task in tasks} == {"ask": NOW + timedelta(days=1)}
