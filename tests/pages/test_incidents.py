"""What has gone wrong: runs stopped by an error, their tracebacks, tasks that nobody can do."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from automations.models import AutomationModel, AutomationTaskModel
from tests.pages.rows import add_failed_task, add_question, make_run
from tests.testapp.dashboard_processes import Plain
from tests.testapp.processes import Fragile

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    """Return the browser of a superuser."""
    client = Client()
    client.force_login(User.objects.create(username="root", is_superuser=True))
    return client


def report(client: Client, **query: Any) -> Any:
    """Return the report of incidents."""
    response = client.get(reverse("automations:error_report"), query)
    assert response.status_code == 200
    return response


@pytest.mark.api("D5")
def test_every_failed_run_is_reported_whatever_the_error(client: Client) -> None:
    messages = ["RuntimeError: x", "KeyError: 'a'", "StopIteration", "SystemExit: 1", ""]
    for message in messages:
        add_failed_task(make_run(Plain, "failed"), message=message)
    for state in ("running", "suspended", "finished", "cancelled"):
        make_run(Plain, state, tasks=1)
    response = report(client)
    found = response.context["automations"]
    assert {run.state for run, _ in found} == {"failed"}
    assert sorted(task.message for _, errors in found for task in errors) == sorted(messages)
    page = response.content.decode()
    assert "KeyError: &#x27;a&#x27;" in page
    for run, (task,) in found:
        assert reverse("automations:history", args=[run.pk]) in page
        assert reverse("automations:traceback", args=[run.pk, task.pk]) in page


def test_a_real_failure_is_reported_with_its_node_and_disappears_when_mended(
    client: Client,
) -> None:
    run = Fragile(fail=True)
    page = report(client).content.decode()
    assert "<strong>Risky</strong>" in page
    assert "RuntimeError: the wire is cut" in page
    run.data["fail"] = False
    run.save()
    AutomationTaskModel.objects.get(state="failed").retry()
    assert "No run has been stopped by an error." in report(client).content.decode()


def test_a_failed_run_without_a_failed_task_or_a_class_is_reported_too(client: Client) -> None:
    run = make_run("tests.gone.Gone", "failed")
    page = report(client).content.decode()
    assert f"Run {run.pk}" in page
    assert "Obsolete automation Gone" in page


def test_the_report_is_complete_and_paged_the_latest_first(client: Client) -> None:
    runs = [make_run(Plain, "failed", days=days) for days in range(120, 0, -1)]
    shown = [
        run for page in (1, 2, 3) for run, _ in report(client, page=page).context["automations"]
    ]
    assert shown == runs[::-1]
    assert 'href="?page=2"' in report(client).content.decode()


@pytest.mark.parametrize("query", ["page", "nobody"])
@pytest.mark.parametrize("value", ["0", "-1", "x", "9" * 400, "\0"])
def test_no_page_number_is_an_error(client: Client, query: str, value: str) -> None:
    make_run(Plain, "failed")
    report(client, **{query: value})


def test_the_report_costs_the_same_whatever_the_number_of_incidents(client: Client) -> None:
    def add() -> None:
        add_failed_task(make_run(Plain, "failed"))
        add_question(make_run(Plain, "running"), interaction_user_name="gone")

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            report(client)
        return len(queries)

    add()
    few = cost()
    for _ in range(20):
        add()
    assert cost() == few <= 8


# Tasks that nobody can do


def test_a_task_of_somebody_who_has_been_deleted_is_reported(client: Client) -> None:
    user, group = User.objects.create(username="gone"), Group.objects.create(name="left")
    run = make_run(Plain, "running")
    tasks = [
        add_question(run, interaction_user=user, interaction_user_name="gone"),
        add_question(run, interaction_group=group, interaction_group_name="left"),
        add_question(
            run,
            interaction_user=user,
            interaction_user_name="gone",
            interaction_group=group,
            interaction_group_name="left",
        ),
    ]
    add_question(run, interaction_permissions=["testapp.view_effect"])
    assert not AutomationTaskModel.objects.of_nobody().exists()
    assert "Tasks that nobody can do" not in report(client).content.decode()
    group.delete()
    assert set(AutomationTaskModel.objects.of_nobody()) == set(tasks[1:])
    user.delete()
    assert set(AutomationTaskModel.objects.of_nobody()) == set(tasks)
    page = report(client).content.decode()
    assert "Tasks that nobody can do" in page
    assert page.count("Waits for gone, who has been deleted.") == 2
    assert page.count("Waits for the group left, which has been deleted.") == 2


def test_a_task_is_nobodys_only_while_it_is_offered() -> None:
    gone = {"interaction_user_name": "gone"}
    assert not AutomationTaskModel.objects.of_nobody().exists()
    for state in ("suspended", "failed", "finished"):
        add_question(make_run(Plain, state), **gone)
    AutomationTaskModel.objects.create(
        automation=make_run(Plain, "running"), status="ask", state="ready", **gone
    )
    assert not AutomationTaskModel.objects.of_nobody().exists()
    task = add_question(make_run(Plain, "running"), **gone)
    assert list(AutomationTaskModel.objects.of_nobody()) == [task]


def test_tasks_of_nobody_are_paged_for_themselves(client: Client) -> None:
    run = make_run(Plain, "running")
    tasks = [add_question(run, interaction_user_name="gone") for _ in range(60)]
    first, second = report(client), report(client, nobody=2)
    assert [*first.context["nobody"], *second.context["nobody"]] == tasks
    assert 'href="?nobody=2"' in first.content.decode()


# Tracebacks


def test_a_traceback_is_shown_as_it_was_kept(client: Client) -> None:
    Fragile(fail=True)
    task = AutomationTaskModel.objects.get(state="failed")
    address = reverse("automations:traceback", args=[task.automation_id, task.pk])
    response = client.get(address)
    assert response.context["error"] == task.traceback
    page = response.content.decode()
    assert "<pre" in page
    assert "RuntimeError: the wire is cut" in page
    assert "swordfish" not in page
    history = client.get(reverse("automations:history", args=[task.automation_id]))
    assert f'href="{address}"' in history.content.decode()


def test_a_task_without_a_traceback_says_so(client: Client) -> None:
    run = make_run(Plain, tasks=1)
    task = run.automationtaskmodel_set.get()
    address = reverse("automations:traceback", args=[run.pk, task.pk])
    page = client.get(address).content.decode()
    assert "No traceback available." in page
    assert "<pre" not in page
    history = client.get(reverse("automations:history", args=[run.pk])).content.decode()
    assert address not in history


@pytest.mark.api("views")
def test_what_was_kept_of_an_error_is_shown_escaped(client: Client) -> None:
    script = "<script>alert(1)</script>"
    run = make_run(f"tests.gone.{script}", "failed")
    task = add_failed_task(run, status=script, message=script, traceback=script)
    AutomationModel.objects.filter(pk=run.pk).update(data={"x": script})
    alive = make_run(Plain, "running")
    add_question(alive, interaction_user_name=script, status=script)
    add_question(alive, interaction_group_name=script)
    for address in (
        reverse("automations:error_report"),
        reverse("automations:traceback", args=[run.pk, task.pk]),
        reverse("automations:history", args=[run.pk]),
        reverse("automations:dashboard"),
        reverse("automations:task_list"),
    ):
        page = client.get(address).content.decode()
        assert "<script>" not in page, address
        assert "&lt;script&gt;" in page, address
