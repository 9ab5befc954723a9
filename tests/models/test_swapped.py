"""A project may say itself who is asked: by the three settings that go together."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.test import Client
from django.urls import reverse

from automations import flow
from automations.models import AutomationTaskModel
from tests.engine.rows import at
from tests.testapp.language import Approval

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> dict[str, User]:
    return {name: User.objects.create(username=name) for name in ("ada", "boss", "eve", "ask")}


@pytest.fixture
def swapped(settings: Any) -> None:
    settings.ATM_GROUP_MODEL = "auth.Group"
    settings.ATM_USER_WITH_PERMISSIONS_FORM_METHOD = "tests.testapp.swapped.for_form"
    settings.ATM_USER_WITH_PERMISSIONS_MODEL_METHOD = "tests.testapp.swapped.for_task"


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.api("D24", "settings")
def test_who_the_method_returns_may_act_and_nobody_else(
    people: dict[str, User], swapped: None, listed: bool
) -> None:
    run = Approval(asked="eve", listed=listed)
    task = at(run, "ask")
    assert [name for name, user in people.items() if task.may_be_done_by(user)] == ["eve"]
    assert not task.may_be_done_by(AnonymousUser())
    assert list(AutomationTaskModel.objects.doable_by(people["eve"])) == [task]
    assert not AutomationTaskModel.objects.doable_by(people["ada"]).exists()
    for name, status in (("ada", 404), ("eve", 302)):
        client = Client()
        client.force_login(people[name])
        response = client.post(reverse("automations:task", args=[task.pk]), {"reason": "x"})
        assert response.status_code == status


@pytest.mark.api("D24", "settings")
def test_the_method_of_the_form_gets_the_node(people: dict[str, User], swapped: None) -> None:
    assert list(Approval.ask.get_users_with_permission()) == [people["ask"]]


class Anything(forms.Form):
    pass


@pytest.mark.api("Form")
def test_a_form_tells_whom_it_asks_as_far_as_the_class_says(people: dict[str, User]) -> None:
    staff = Group.objects.create(name="staff")
    right = Permission.objects.get(codename="view_effect")
    people["ada"].groups.add(staff)
    people["ada"].user_permissions.add(right)
    people["eve"].groups.add(staff)
    people["boss"].user_permissions.add(right)

    def asked(node: flow.Form) -> set[str]:
        return set(node.get_users_with_permission().values_list("username", flat=True))

    form = flow.Form(Anything)
    assert asked(form.User(username="ada")) == {"ada"}
    assert asked(form.Group(name="staff")) == {"ada", "eve"}
    assert asked(form.Permission("testapp.view_effect")) == {"ada", "boss"}
    assert asked(form.Permission("testapp.view_effect").Group(name="staff")) == {"ada"}
    assert asked(form.User(lambda task: 1).Permission(lambda task: "x.y")) == set()
    assert asked(form) == set()
