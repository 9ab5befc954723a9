"""Incidents of one kind stand together, and some or all of them are taken care of at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from automations.engine import incidents
from automations.exceptions import RunBusy
from automations.models import AutomationAuditModel, AutomationModel, AutomationTaskModel
from tests.pages.rows import add_failed_task, make_run
from tests.pages.test_pages import fingerprint
from tests.testapp.dashboard_processes import Plain
from tests.testapp.processes import Fragile

pytestmark = pytest.mark.django_db

KIND = {
    "automation": "tests.testapp.processes.Fragile",
    "node": "risky",
    "error": "RuntimeError",
}


@pytest.fixture
def client() -> Client:
    """Return the browser of a superuser."""
    client = Client()
    client.force_login(User.objects.create(username="root", is_superuser=True))
    return client


@pytest.fixture
def failed() -> list[AutomationTaskModel]:
    """Three failed tasks of one kind, beside one of another."""
    add_failed_task(make_run(Plain, "failed"), error="KeyError", message="KeyError: 'a'")
    runs = [Fragile(fail=True).id for _ in range(3)]
    tasks = AutomationTaskModel.objects.filter(automation__in=runs, state="failed")
    return list(tasks.order_by("pk"))


def listed(client: Client, **query: Any) -> Any:
    """Return the page of incidents."""
    response = client.get(reverse("automations:error_report"), query)
    assert response.status_code == 200
    return response


def act(client: Client, **sent: Any) -> Any:
    """Send the form of the kind that `failed` has three of."""
    return client.post(reverse("automations:incidents_act"), KIND | sent)


def states(tasks: list[AutomationTaskModel]) -> list[str]:
    """Return the states of the tasks as they are now."""
    found = AutomationTaskModel.objects.filter(pk__in=[task.pk for task in tasks])
    return list(found.order_by("pk").values_list("state", flat=True))


def test_what_failed_in_the_same_way_is_one_line_with_its_number(
    client: Client, failed: list[AutomationTaskModel]
) -> None:
    response = listed(client)
    kinds = {(each.node, each.error): each.number for each in response.context["groups"]}
    assert kinds == {("risky", "RuntimeError"): 3, ("risky", "KeyError"): 1}
    page = response.content.decode()
    assert "RuntimeError: the wire is cut" in page
    (group,) = [each for each in response.context["groups"] if each.number == 3]
    assert f'href="?{group.query.replace("&", "&amp;")}"' in page
    shown = listed(client, **KIND)
    assert [run.pk for run, _ in shown.context["automations"]] == sorted(
        [task.automation_id for task in failed], reverse=True
    )
    assert "All of them: 3" in shown.content.decode()


def test_some_of_a_kind_are_retried_and_the_others_stay(
    client: Client, failed: list[AutomationTaskModel]
) -> None:
    response = act(client, act="retry", reason="mended", task=[failed[0].pk, failed[2].pk])
    assert response.status_code == 302
    assert states(failed) == ["ready", "failed", "ready"]
    acts = AutomationAuditModel.objects.values_list("action", "user_name", "reason")
    assert list(acts) == [("retry", "root", "mended")] * 2
    assert AutomationModel.objects.filter(state="running").count() == 2
    page = client.get(response.url).content.decode()
    assert "Taken care of: 2. Left: 0." in page


def test_all_of_a_kind_are_cancelled_and_nothing_of_another(
    client: Client, failed: list[AutomationTaskModel]
) -> None:
    response = act(client, act="cancel", reason="too late", all="1")
    assert response.url == reverse("automations:error_report")
    assert states(failed) == ["cancelled"] * 3
    assert AutomationModel.objects.filter(state="failed").count() == 1


def test_what_does_not_fit_into_one_request_is_left_and_said(
    client: Client, failed: list[AutomationTaskModel], settings: Any
) -> None:
    settings.ATM_BUDGET_TASKS = 2
    response = act(client, act="retry", reason="mended", all="1")
    assert states(failed) == ["ready", "ready", "failed"]
    assert "Taken care of: 2. Left: 1." in client.get(response.url).content.decode()
    settings.ATM_BUDGET_SECONDS = 0
    act(client, act="retry", reason="mended", all="1")
    assert states(failed) == ["ready", "ready", "failed"]


def test_what_somebody_else_is_at_is_left(
    client: Client, failed: list[AutomationTaskModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    retry = incidents.retry

    def busy(run_id: int, task_id: int, **how: Any) -> None:
        if task_id == failed[0].pk:
            raise RunBusy("busy")
        if task_id == failed[1].pk:
            retry(run_id, task_id)
        retry(run_id, task_id, **how)

    monkeypatch.setattr(incidents, "retry", busy)
    response = act(client, act="retry", reason="mended", all="1")
    assert states(failed) == ["failed", "ready", "ready"]
    assert "Taken care of: 1. Left: 1." in client.get(response.url).content.decode()


@pytest.mark.parametrize(
    "sent",
    [
        {"act": "retry", "all": "1", "reason": ""},
        {"act": "retry", "reason": "y"},
        {"act": "retry", "reason": "y", "task": ["x", "-1", "9" * 30, "9" * 18, "²", "\0"]},
        {"act": "retry", "reason": "y", "all": "1", "error": "Nothing"},
    ],
)
def test_what_was_entered_wrongly_changes_nothing(
    client: Client, failed: list[AutomationTaskModel], sent: dict[str, Any]
) -> None:
    before = fingerprint()
    assert act(client, **sent).status_code in (200, 302)
    assert fingerprint() == before


@pytest.mark.parametrize(
    "sent", [{"act": "skip"}, {"act": ""}, {"act": "retry", "node": "\0"}, {"act": "\0"}]
)
def test_what_is_no_act_or_no_kind_does_nothing(
    client: Client, failed: list[AutomationTaskModel], sent: dict[str, Any]
) -> None:
    before = fingerprint()
    response = act(client, all="1", reason="y", **sent)
    assert (response.status_code, response.url) == (302, reverse("automations:error_report"))
    assert fingerprint() == before


def test_a_task_of_another_kind_is_not_reached(
    client: Client, failed: list[AutomationTaskModel]
) -> None:
    other = AutomationTaskModel.objects.get(error="KeyError")
    before = fingerprint()
    assert act(client, act="cancel", reason="y", task=[other.pk]).status_code == 200
    assert fingerprint() == before


def test_a_kind_whose_class_is_gone_has_a_page(client: Client) -> None:
    add_failed_task(make_run("tests.gone.Gone", "failed"), status="lost", error="X")
    page = listed(client, automation="tests.gone.Gone", node="lost", error="X").content.decode()
    assert "Obsolete automation Gone · Lost · X" in page
    nothing = listed(client, automation="<b>", node="\ufffd", error="<script>").content.decode()
    assert "Nothing of this kind stands still any more." in nothing
    assert "<script>" not in nothing


@pytest.mark.parametrize("rights", [[], ["change_automationmodel"], ["view_automationmodel"]])
def test_only_who_may_change_runs_takes_care_of_them(
    failed: list[AutomationTaskModel], rights: list[str]
) -> None:
    user = User.objects.create(username="eve")
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = Client()
    client.force_login(user)
    before = fingerprint()
    assert act(client, act="retry", reason="y", all="1").status_code == 403
    assert fingerprint() == before


@pytest.mark.parametrize("verb", ["get", "head", "put", "patch", "delete"])
def test_it_is_sent_and_not_fetched(client: Client, verb: str) -> None:
    assert getattr(client, verb)(reverse("automations:incidents_act")).status_code == 405
