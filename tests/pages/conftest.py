"""The people and the process that the tests of the pages know."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from automations.models import AutomationTaskModel
from tests.testapp.page_processes import Asks

NODES = ["by_user", "by_group", "by_right", "by_all"]
#: Who may do which of the tasks.
ENTITLED = {
    "asked": {"by_user"},
    "member": {"by_group"},
    "holder": {"by_right"},
    "all": {"by_group", "by_right", "by_all"},
    "root": set(NODES),
    "stranger": set(),
    "staff": set(),
    "viewer": set(),
    "inactive": set(),
    "former": set(),
    "anonymous": set(),
}


@pytest.fixture
def people(db: None) -> dict[str, User]:
    """Eleven kinds of users; the anonymous one is not in it."""
    members = Group.objects.create(name="members")
    right = Permission.objects.get(codename="view_effect")
    view = Permission.objects.get(codename="view_automationmodel")
    found = {
        name: User.objects.create(username=name, is_active=name != "inactive")
        for name in ENTITLED
        if name != "anonymous"
    }
    found["root"].is_superuser = True
    found["staff"].is_staff = True
    for name in ("member", "all", "inactive", "former"):
        found[name].groups.add(members)
    for name in ("holder", "all", "inactive"):
        found[name].user_permissions.add(right)
    found["viewer"].user_permissions.add(view)
    for user in found.values():
        user.save()
    return found


@pytest.fixture
def asks(people: dict[str, User]) -> dict[str, AutomationTaskModel]:
    """The tasks of a run that asks in every way, by the name of their node."""
    run = Asks()
    people["former"].groups.clear()
    tasks = AutomationTaskModel.objects.filter(automation=run.id, status__in=NODES)
    return {task.status: task for task in tasks}


def browser(people: dict[str, User], name: str, **options: Any) -> Client:
    """Return the browser of the person of that name."""
    client = Client(**options)
    if name != "anonymous":
        client.force_login(people[name])
    return client
