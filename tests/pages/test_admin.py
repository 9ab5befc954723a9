"""The admin shows runs, tasks and acts; nobody edits a row, and who acts is on record."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from automations.models import AutomationAuditModel, AutomationModel, AutomationTaskModel
from tests.pages.conftest import ENTITLED
from tests.pages.rows import make_run
from tests.pages.test_inbox import client_of
from tests.pages.test_pages import browser, fingerprint
from tests.testapp.dashboard_processes import Plain
from tests.testapp.processes import Fragile, Waiting

pytestmark = pytest.mark.django_db

MODELS = [AutomationModel, AutomationTaskModel, AutomationAuditModel]
VERBS = ["get", "head", "options", "post", "put", "patch", "delete"]
VIEW = ["view_automationmodel", "view_automationtaskmodel", "view_automationauditmodel"]
CHANGE = ["change_automationmodel", "change_automationtaskmodel"]


def page(model: Any, which: str, *args: Any) -> str:
    return reverse(f"admin:automations_{model._meta.model_name}_{which}", args=args)


def staff(*rights: str) -> User:
    """Return somebody who may enter the admin, and what else is given."""
    user = User.objects.create(username="staff of " + "".join(rights)[:80], is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return user


@pytest.fixture
def rows() -> list[Any]:
    """A run that has failed, its task, and an act on another."""
    run = Fragile(fail=True)
    held = Waiting()
    AutomationModel.objects.filter(pk=held.id).suspend(reason="for a while")
    failed = AutomationTaskModel.objects.get(automation=run.id, state="failed")
    return [AutomationModel.objects.get(pk=run.id), failed, AutomationAuditModel.objects.get()]


def addresses(rows: list[Any]) -> list[str]:
    """Return every page of the admin about the package."""
    found = [reverse("admin:app_list", args=["automations"])]
    for model, row in zip(MODELS, rows, strict=True):
        found += [page(model, "changelist"), page(model, "add")]
        found += [page(model, which, row.pk) for which in ("change", "delete", "history")]
    return found


@pytest.mark.parametrize("name", ENTITLED)
def test_no_page_of_the_admin_changes_anything_whatever_the_verb(
    people: dict[str, User], rows: list[Any], name: str
) -> None:
    before = fingerprint()
    client = browser(people, name)
    for address in addresses(rows):
        for verb in VERBS:
            response = getattr(client, verb)(address, {"state": "finished", "post": "yes"})
            assert response.status_code < 500, (verb, address)
            if name != "root":
                assert response.status_code in (302, 403, 404, 405), (verb, address)
    assert fingerprint() == before


def test_who_may_look_sees_names_and_the_way_to_the_page_of_a_run(rows: list[Any]) -> None:
    client = client_of(staff(*VIEW))
    run = rows[0].pk
    for model, row in zip(MODELS, rows, strict=True):
        assert client.get(page(model, "changelist")).status_code == 200
        shown = client.get(page(model, "change", row.pk))
        assert shown.status_code == 200
        assert "_save" not in shown.content.decode()
    listed = client.get(page(AutomationModel, "changelist")).content.decode()
    assert Fragile.get_verbose_name() in listed
    assert "cancel_runs" not in listed
    one = client.get(page(AutomationModel, "change", run)).content.decode()
    assert f'href="{reverse("automations:history", args=[run])}"' in one


def test_secrets_and_tracebacks_are_not_shown(rows: list[Any]) -> None:
    AutomationModel.objects.filter(pk=rows[0].pk).update(
        data={"api_key": "hush", "name": "<b>Ada</b>"}
    )
    client = client_of(staff(*VIEW))
    text = client.get(page(AutomationModel, "change", rows[0].pk)).content.decode()
    assert "hush" not in text
    assert "&lt;b&gt;Ada&lt;/b&gt;" in text
    assert "<b>Ada" not in text
    text = client.get(page(AutomationTaskModel, "change", rows[1].pk)).content.decode()
    assert "Traceback (most" not in text


@pytest.mark.parametrize(
    "query",
    ["q=1", "q=%00", f"q={'9' * 5000}", "q=Fragile", "of=gone", "of=%00", "state__exact=x", "p=99",
     "o=9.9", "e=1", "created__year=x"],
)  # fmt: skip
def test_no_address_of_a_list_is_an_error(rows: list[Any], query: str) -> None:
    client = client_of(staff(*VIEW))
    for model in MODELS:
        assert client.get(f"{page(model, 'changelist')}?{query}").status_code < 500


def test_one_can_filter_by_automation_and_search_by_number(rows: list[Any]) -> None:
    other = make_run(Plain)
    client = client_of(staff(*VIEW))

    def listed(model: Any, query: str) -> set[int]:
        response = client.get(f"{page(model, 'changelist')}?{query}")
        return set(response.context["cl"].queryset.values_list("pk", flat=True))

    label = Plain.get_automation_name()
    assert listed(AutomationModel, f"of={label}") == {other.pk}
    assert listed(AutomationModel, f"q={other.pk}") == {other.pk}
    assert listed(AutomationModel, f"q={other.key}") == {other.pk}
    run = rows[0]
    tasks = set(run.automationtaskmodel_set.values_list("pk", flat=True))
    assert listed(AutomationTaskModel, f"of={run.automation_class}") == tasks


def send(client: Client, action: str, *runs: int, **more: str) -> Any:
    sent = {"action": action, "_selected_action": [str(run) for run in runs], **more}
    return client.post(page(AutomationModel, "changelist"), sent)


def test_an_action_asks_for_a_reason_and_is_on_record(rows: list[Any]) -> None:
    user = staff(*VIEW, *CHANGE)
    client = client_of(user)
    going = Waiting().id
    before = fingerprint()
    asked = send(client, "cancel_runs", going)
    assert asked.status_code == 200
    assert "Reason" in asked.content.decode()
    refused = send(client, "cancel_runs", going, confirmed="1", reason=" ")
    assert refused.status_code == 200
    assert fingerprint() == before
    ended = make_run(Plain).pk
    done = send(client, "cancel_runs", going, ended, confirmed="1", reason="wrong <one>")
    assert done.status_code == 302
    assert AutomationModel.objects.get(pk=going).state == "cancelled"
    act = AutomationAuditModel.objects.get(automation=going)
    assert (act.action, act.user, act.reason) == ("cancel", user, "wrong <one>")
    listed = client.get(page(AutomationModel, "changelist")).content.decode()
    assert "Taken care of: 1. Left: 1." in listed
    shown = client.get(page(AutomationAuditModel, "change", act.pk)).content.decode()
    assert "wrong &lt;one&gt;" in shown


@pytest.mark.parametrize("odd", ["", "x", "\0", "-1", "1.5", "9" * 30, "9" * 5000])
def test_what_can_be_no_run_is_left_out_of_what_was_chosen(odd: str) -> None:
    client = client_of(staff(*VIEW, *CHANGE))
    run = Waiting().id
    sent = {"action": "suspend_runs", "confirmed": "1", "reason": "so", "index": "0"}
    address = page(AutomationModel, "changelist")
    assert client.post(address, {**sent, "_selected_action": odd}).status_code == 302
    assert not AutomationAuditModel.objects.exists()
    assert client.post(address, {**sent, "_selected_action": [odd, str(run)]}).status_code == 302
    assert AutomationAuditModel.objects.get().automation_id == run


def test_runs_are_suspended_and_go_on_from_the_admin() -> None:
    client = client_of(staff(*VIEW, *CHANGE))
    run = Waiting().id
    for action, state in (("suspend_runs", "suspended"), ("resume_runs", "running")):
        send(client, action, run, confirmed="1", reason="so")
        assert AutomationModel.objects.get(pk=run).state == state


@pytest.mark.parametrize("rights", [[], CHANGE[:1], CHANGE[1:]])
def test_only_who_may_act_on_the_page_of_a_run_acts_in_the_admin(rights: list[str]) -> None:
    client = client_of(staff(*VIEW, *rights))
    run = Waiting().id
    before = fingerprint()
    for action in ("suspend_runs", "resume_runs", "cancel_runs", "delete_selected"):
        send(client, action, run, confirmed="1", reason="so", post="yes")
    assert fingerprint() == before


def test_the_lists_cost_the_same_whatever_is_in_them(django_assert_max_num_queries: Any) -> None:
    client = client_of(staff(*VIEW))
    for number in (1, 30):
        for _ in range(number):
            Fragile(fail=True)
        for model in MODELS:
            with django_assert_max_num_queries(12):
                client.get(page(model, "changelist"))


def test_another_look_of_the_admin_takes_over_what_is_shown() -> None:
    from automations.admin import RunAdminMixin

    class Fancy(admin.ModelAdmin):  # type: ignore[type-arg] # not at run time
        list_filter_submit = True

    class FancyRuns(RunAdminMixin, Fancy):  # type: ignore[misc] # as ours
        pass

    made = FancyRuns(AutomationModel, admin.site)
    assert made.check() == []
    assert made.list_filter_submit
