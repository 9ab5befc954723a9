"""The context of templates: the names that the page lists are there when a page is shown."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from automations.models import AutomationTaskModel
from automations.testing import assert_waiting_at
from tests.docs.pages import lacking, page, rows
from tests.testapp.page_processes import Asks
from tests.testapp.processes import Fragile

pytestmark = pytest.mark.django_db


def told(template: str) -> list[str]:
    """Return the names that the page lists for a template."""
    for row in rows(page("reference/templates")):
        if f"`{template}`" in row[0]:
            return re.findall(r"`([a-z_]\w*)`", row[2])
    raise AssertionError(template)


@pytest.fixture
def addresses(client: Any, settings: Any) -> dict[str, str]:
    """The pages that a superuser sees, by their templates."""
    settings.ATM_EMAIL = "each"
    settings.ATM_SITE = "https://example.org"
    Group.objects.create(name="members")
    User.objects.create(username="all")
    asked = User.objects.create_superuser("asked", email="asked@example.org")
    client.force_login(asked)
    run = Asks()
    task = assert_waiting_at(run, "by_user")
    failed = Fragile(fail=True)
    stopped = AutomationTaskModel.objects.get(automation=failed.id, state="failed")

    def at(name: str, *arguments: Any) -> str:
        return reverse(f"automations:{name}", args=arguments)

    return {
        "task_list.html": at("task_list"),
        "form_view.html": at("task", task.pk),
        "start_list.html": at("start_list"),
        "dashboard.html": at("dashboard"),
        "history.html": at("history", run.id),
        "picture.html": at("picture", run.id),
        "process.html": at("process", Asks.get_automation_name()),
        "error_report.html": at("error_report"),
        "preformatted_traceback.html": at("traceback", failed.id, stopped.pk),
        "notifications.html": at("notifications"),
    }


#: What a page lists beside the names: of an item in a list, and what is there if there is a reason.
OF_ITEMS = {"act", "depth", "description", "folded", "label", "verbose_name"}
SOMETIMES = {"busy", "error"}


def test_the_names_that_are_told_are_there(client: Any, addresses: dict[str, str]) -> None:
    for template, address in addresses.items():
        response = client.get(address)
        assert f"automations/{template}" in {used.name for used in response.templates}, template
        there = {name for layer in response.context for each in layer for name in each}
        assert lacking(told(template), there | OF_ITEMS | SOMETIMES) == [], template


def test_a_name_that_is_not_there_is_reported(client: Any, addresses: dict[str, str]) -> None:
    response = client.get(addresses["task_list.html"])
    there = {name for layer in response.context for each in layer for name in each}
    assert lacking([*told("task_list.html"), "made_up"], there) == ["made_up"]
