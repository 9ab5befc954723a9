"""One rule says who may do a task: the list, the page and the engine ask the same."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from django import forms
from django.contrib.auth.models import AnonymousUser, Group, Permission, User

from automations import flow
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.offers import asked_by, offer_for
from tests.plain import NOW

pytestmark = pytest.mark.django_db

PERMISSIONS = ["testapp.view_effect", "testapp.add_effect"]


@pytest.fixture
def world() -> dict[str, Any]:
    """Eleven kinds of users, and a task for each way to ask for one."""
    groups = [Group.objects.create(name=name) for name in ("one", "two")]
    rights = [Permission.objects.get(codename=name.split(".")[1]) for name in PERMISSIONS]
    users: dict[str, Any] = {"anonymous": AnonymousUser()}
    for name in ("stranger", "asked", "member", "holder", "half", "all", "byGroup", "inactive"):
        users[name] = User.objects.create(username=name)
    users["root"] = User.objects.create(username="root", is_superuser=True)
    users["oldRoot"] = User.objects.create(username="old", is_superuser=True, is_active=False)
    users["member"].groups.add(groups[0])
    users["holder"].user_permissions.add(*rights)
    users["half"].user_permissions.add(rights[0])
    users["all"].groups.add(groups[0])
    users["all"].user_permissions.add(*rights)
    users["byGroup"].groups.add(groups[1])
    groups[1].permissions.add(*rights)
    users["inactive"].groups.add(*groups)
    users["inactive"].is_active = False
    users["inactive"].save()
    run = AutomationModel.objects.create(automation_class="x")
    tasks = []
    for number, (user, group, permissions) in enumerate(
        itertools.product(
            [None, users["asked"], users["all"]],
            [None, *groups],
            [[], PERMISSIONS[:1], PERMISSIONS],
        )
    ):
        task = AutomationTaskModel(
            automation=run,
            status=f"ask{number}",
            state="waiting",
            requires_interaction=True,
            interaction_user=user,
            interaction_user_name=user.username if user else "",
            interaction_group=group,
            interaction_group_name=group.name if group else "",
            interaction_permissions=permissions,
        )
        task.offer = offer_for(asked_by(task))
        task.save()
        tasks.append(task)
    return {"users": users, "tasks": tasks, "groups": groups, "run": run}


def expected(user: Any, task: AutomationTaskModel) -> bool:
    """The rule, written down once more from the rights themselves."""
    if not user.is_authenticated or not user.is_active:
        return False
    if user.is_superuser:
        return True
    asked = [task.interaction_user, task.interaction_group, task.interaction_permissions]
    if not any(asked):
        return False
    held = {f"testapp.{right.codename}" for right in user.user_permissions.all()}
    for group in user.groups.all():
        held |= {f"testapp.{right.codename}" for right in group.permissions.all()}
    return (
        (task.interaction_user is None or task.interaction_user == user)
        and (task.interaction_group is None or task.interaction_group in user.groups.all())
        and set(task.interaction_permissions) <= held
    )


@pytest.mark.api("D6", "N8", "N9", "Form", "AutomationTaskModel")
def test_the_list_the_page_and_the_rule_agree_for_everybody(world: dict[str, Any]) -> None:
    allowed = 0
    for user in world["users"].values():
        listed = set(AutomationTaskModel.objects.doable_by(user))
        for task in world["tasks"]:
            wanted = expected(user, task)
            assert task.may_be_done_by(user) is wanted, (user, task)
            assert (task in listed) is wanted, (user, task)
            if user.is_authenticated:
                assert (user in task.get_users_with_permission()) is wanted, (user, task)
                plain = task.get_users_with_permission(include_superusers=False)
                assert (user in plain) is (wanted and not user.is_superuser), (user, task)
            allowed += wanted
    assert 0 < allowed < len(world["tasks"]) * len(world["users"])


def test_a_form_names_those_who_hold_its_permission_and_no_superuser_besides(
    world: dict[str, Any],
) -> None:
    names = {user.username for user in User.objects.filter(is_superuser=True)}
    found = flow.Form(forms.Form).Permission(PERMISSIONS[0]).get_users_with_permission()
    assert found.exists()
    assert not names & {user.username for user in found}


@pytest.mark.api("AutomationTaskModel")
def test_the_open_tasks_of_a_user_come_oldest_first(world: dict[str, Any]) -> None:
    tasks = AutomationTaskModel.get_open_tasks(world["users"]["root"])
    assert list(tasks) == world["tasks"]


@pytest.mark.parametrize("gone", ["asked", "one"])
def test_when_the_one_who_was_asked_is_gone_nobody_takes_the_place(
    world: dict[str, Any], gone: str
) -> None:
    users, groups = world["users"], world["groups"]
    if gone == "asked":
        tasks = [task for task in world["tasks"] if task.interaction_user == users["asked"]]
        users.pop("asked").delete()
    else:
        tasks = [task for task in world["tasks"] if task.interaction_group == groups[0]]
        groups[0].delete()
    for task in tasks:
        task.refresh_from_db()
        for name, user in users.items():
            user = User.objects.get(pk=user.pk) if user.pk else user
            assert task.may_be_done_by(user) is (name == "root")
            assert (task in AutomationTaskModel.objects.doable_by(user)) is (name == "root")
        assert list(task.get_users_with_permission()) == [users["root"]]


def test_closed_tasks_and_standing_runs_are_not_offered(world: dict[str, Any]) -> None:
    root = world["users"]["root"]
    first = world["tasks"][0]
    assert first.is_offered
    AutomationTaskModel.objects.filter(pk=first.pk).update(
        state="completed", finished=NOW, requires_interaction=False
    )
    first.refresh_from_db()
    assert not first.is_offered
    assert first not in AutomationTaskModel.objects.doable_by(root)
    AutomationModel.objects.update(state="suspended")
    assert not AutomationTaskModel.objects.doable_by(root).exists()


@pytest.mark.api("AutomationTaskModel")
def test_a_task_tells_how_long_it_has_been_open(world: dict[str, Any]) -> None:
    task = world["tasks"][0]
    assert 0 <= task.hours_since_created() < 0.1
    task.finished = NOW
    assert task.hours_since_created() == 0


@pytest.mark.api("AutomationTaskModel")
def test_a_task_tells_what_it_is(world: dict[str, Any]) -> None:
    task = world["tasks"][0]
    assert str(task) == "ask0 (waiting)"
    assert task.node_name == "ask0"
    assert task.is_open
    assert task.locked == 0
    task.automation.claimed_by = "me"
    assert task.locked == 1
    assert task.get_previous_tasks() == []
    assert list(task.get_next_tasks()) == []
    assert world["run"].paused_until is None
