"""What operators do on the page of a run: with a reason, on record, and nothing by mistake."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from automations.engine import incidents
from automations.exceptions import RunBusy
from automations.models import (
    AutomationAuditModel,
    AutomationMessageModel,
    AutomationModel,
    AutomationTaskModel,
)
from automations.views import acts
from tests.pages.rows import make_run
from tests.pages.test_pages import fingerprint
from tests.testapp.language import Newsletter, Order
from tests.testapp.processes import Fragile, Straight, Waiting

pytestmark = pytest.mark.django_db

CHANGE = ["change_automationmodel", "change_automationtaskmodel"]


@pytest.fixture
def ada() -> User:
    """Somebody who may see and change runs."""
    user = User.objects.create(username="ada")
    user.user_permissions.set(Permission.objects.filter(codename__in=CHANGE))
    return user


@pytest.fixture
def client(ada: User) -> Client:
    """Return the browser of somebody who may see and change runs."""
    client = Client()
    client.force_login(ada)
    return client


@pytest.fixture
def failed() -> AutomationTaskModel:
    """The failed task of a run."""
    return AutomationTaskModel.objects.get(automation=Fragile(fail=True).id, state="failed")


def do(client: Client, run: int, act: str, prefix: str = "run", **entered: Any) -> Any:
    """Send the form ``prefix`` on the page of the run."""
    sent = {f"{prefix}-{name}": value for name, value in entered.items()}
    if prefix.startswith("task-"):
        sent["task"] = prefix.removeprefix("task-")
    return client.post(reverse("automations:act", args=[run]), sent | {"act": act})


def page_of(client: Client, run: int) -> str:
    """Return the page of the run."""
    response = client.get(reverse("automations:history", args=[run]))
    assert response.status_code == 200
    return str(response.content.decode())


def on_record(run: int) -> list[tuple[str, str, str]]:
    """Return the acts on record: what, who, why."""
    found = AutomationAuditModel.objects.filter(automation=run).order_by("pk")
    return list(found.values_list("action", "user_name", "reason"))


# A failed task


def test_a_form_that_nobody_has_filled_in_is_empty(
    client: Client, failed: AutomationTaskModel
) -> None:
    assert "null" not in page_of(client, failed.automation_id)
    assert "null" not in page_of(client, Newsletter(email="a@example.org").id)


def test_a_failed_task_is_retried_with_changed_data_and_the_page_says_who_did_it(
    client: Client, failed: AutomationTaskModel
) -> None:
    run = failed.automation_id
    response = do(
        client, run, "retry", f"task-{failed.pk}", reason="the wire is new", changes='{"fail": 0}'
    )
    assert (response.status_code, response.url) == (302, f"/automations/dashboard/{run}")
    failed.refresh_from_db()
    assert (failed.state, failed.result) == ("completed", "fine")
    assert on_record(run) == [("retry", "ada", "the wire is new")]
    page = page_of(client, run)
    assert "the wire is new" in page
    assert "Task retried · Risky" in page
    assert "{&quot;data&quot;: {&quot;fail&quot;: [true, 0]}}" in page


def test_a_failed_task_is_skipped_with_a_result(
    client: Client, failed: AutomationTaskModel
) -> None:
    response = do(
        client,
        failed.automation_id,
        "skip",
        f"task-{failed.pk}",
        reason="done by hand",
        result='"by hand"',
    )
    assert response.status_code == 302
    failed.refresh_from_db()
    assert (failed.state, failed.result) == ("skipped", "by hand")
    assert on_record(failed.automation_id) == [("skip", "ada", "done by hand")]


def test_a_task_that_somebody_else_has_taken_care_of_is_not_touched_again(
    client: Client, failed: AutomationTaskModel
) -> None:
    failed.skip()
    before = fingerprint()
    run = failed.automation_id
    response = do(client, run, "retry", f"task-{failed.pk}", reason="again")
    assert response.status_code == 409
    assert fingerprint() == before


def test_what_is_taken_care_of_between_the_look_and_the_lock_is_told(
    client: Client, failed: AutomationTaskModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    retry = incidents.retry

    def late(*args: Any, **kwargs: Any) -> None:
        failed.skip()
        retry(*args, **kwargs)

    monkeypatch.setattr(incidents, "retry", late)
    response = do(client, failed.automation_id, "retry", f"task-{failed.pk}", reason="again")
    assert response.status_code == 409
    assert "Somebody was faster" in response.content.decode()
    assert [act for act, _, _ in on_record(failed.automation_id)] == ["skip"]


@pytest.mark.parametrize(
    "entered",
    [
        {"reason": ""},
        {"reason": "  "},
        {"reason": "x" * 501},
        {"reason": "y", "changes": "no JSON"},
        {"reason": "y", "changes": "[1]"},
        {"reason": "y", "changes": "NaN"},
        {"reason": "y", "changes": '{"a": ' + "9" * 5000 + "}"},
        {"reason": "y", "changes": "[" * 5000 + "]" * 5000},
        {"reason": "y", "changes": '{"a": "\\u0000"}'},
        {"reason": "y", "changes": '{"a": Infinity}'},
    ],
)
def test_what_was_entered_wrongly_changes_nothing_and_is_shown_again(
    client: Client, failed: AutomationTaskModel, entered: dict[str, str]
) -> None:
    before = fingerprint()
    response = do(client, failed.automation_id, "retry", f"task-{failed.pk}", **entered)
    assert response.status_code == 200
    assert response.context["acts"].mend(failed).errors
    assert fingerprint() == before


def test_a_run_that_is_being_worked_on_keeps_what_was_entered(
    client: Client, failed: AutomationTaskModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*args: Any, **kwargs: Any) -> None:
        raise RunBusy("busy")

    monkeypatch.setattr(incidents, "retry", busy)
    response = do(client, failed.automation_id, "retry", f"task-{failed.pk}", reason="my reason")
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    page = response.content.decode()
    assert "being worked on just now" in page
    assert 'value="my reason"' in page


# The run as a whole


def test_a_run_is_suspended_resumed_and_cancelled(client: Client) -> None:
    run = Waiting().id
    for act, state in [("suspend", "suspended"), ("resume", "running"), ("cancel", "cancelled")]:
        page = page_of(client, run)
        assert f'value="{act}"' in page
        assert do(client, run, act, reason=f"to {act}").status_code == 302
        assert AutomationModel.objects.get(pk=run).state == state
    assert on_record(run) == [(act, "ada", f"to {act}") for act in ("suspend", "resume", "cancel")]


@pytest.mark.parametrize("act", ["suspend", "resume", "cancel", "retry", "skip", "message"])
def test_a_run_that_has_ended_offers_nothing_and_takes_nothing(client: Client, act: str) -> None:
    run = Straight().id
    assert "<form" not in page_of(client, run)
    before = fingerprint()
    response = do(client, run, act, reason="why not")
    assert response.status_code == 409
    assert "There was nothing of that kind to do." in response.content.decode()
    assert fingerprint() == before


@pytest.mark.parametrize("act", ["", "delete", "resume", "\0", "retry"])
def test_an_act_that_is_not_offered_does_nothing(client: Client, act: str) -> None:
    run = Waiting().id
    before = fingerprint()
    assert do(client, run, act, reason="y").status_code == 409
    assert fingerprint() == before


@pytest.mark.parametrize("task", ["", "x", "9" * 30, "-1", "\0"])
def test_a_task_that_is_not_there_is_no_error(
    client: Client, failed: AutomationTaskModel, task: str
) -> None:
    before = fingerprint()
    response = do(client, failed.automation_id, "retry", f"task-{task}", reason="y")
    assert response.status_code == 409
    assert fingerprint() == before


def test_a_task_of_another_run_is_not_reached(client: Client, failed: AutomationTaskModel) -> None:
    other = Fragile(fail=True).id
    before = fingerprint()
    assert do(client, other, "retry", f"task-{failed.pk}", reason="y").status_code == 409
    assert fingerprint() == before


# Messages


def test_a_message_is_sent_and_on_record_with_what_was_sent(client: Client) -> None:
    run = Newsletter(email="a@example.org").id
    page = page_of(client, run)
    assert '<option value="confirm">' in page
    entered = {"message": "confirm", "token": "by phone", "content": "", "reason": "she called"}
    assert do(client, run, "message", "message", **entered).status_code == 302
    assert "by phone" in Newsletter(automation_id=run).data.values()
    assert AutomationModel.objects.get(pk=run).state == "finished"
    assert on_record(run) == [("message", "ada", "she called")]
    act = AutomationAuditModel.objects.get()
    assert act.changes == {"message": "confirm", "token": "by phone"}
    assert "by phone" not in page_of(client, run).partition("What people did")[2]


@pytest.mark.parametrize(
    "entered",
    [
        {"message": "book", "content": ""},
        {"message": "book", "content": '{"email": "a", "seats": "many"}'},
        {"message": "nobody"},
        {"message": "confirm", "content": "[]"},
        {"message": "confirm", "token": "\0"},
    ],
)
def test_a_message_that_is_not_received_is_refused_and_not_on_record(
    client: Client, entered: dict[str, str]
) -> None:
    run = Newsletter(email="a@example.org").id
    before = fingerprint()
    response = do(client, run, "message", "message", reason="y", **entered)
    assert response.status_code == 200
    assert response.context["acts"].message.errors
    assert fingerprint() == before


def test_what_a_receiver_raises_is_told_and_nothing_is_kept(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: Any, token: Any, data: Any) -> None:
        self.data["half"] = True
        raise RuntimeError("<b>no</b>")

    monkeypatch.setattr(Newsletter, "receive_confirm", fails)
    run = Newsletter(email="a@example.org").id
    before = fingerprint()
    response = do(client, run, "message", "message", message="confirm", reason="y")
    assert response.status_code == 200
    assert "&lt;b&gt;no&lt;/b&gt;" in response.content.decode()
    assert fingerprint() == before


@pytest.mark.parametrize(("owner", "heard"), [(Newsletter, []), (Order, ["paid", "sent"])])
def test_a_failed_run_is_sent_only_what_its_nodes_wait_for(
    client: Client, owner: Any, heard: list[str]
) -> None:
    run = owner(**{"email": "a@example.org"} if owner is Newsletter else {}).id
    failed = {"state": "failed", "finished": True, "due": None, "ended": timezone.now()}
    AutomationModel.objects.filter(pk=run).update(**failed)
    assert acts.listening(AutomationModel.objects.get(pk=run)) == heard
    response = do(client, run, "message", "message", message=(heard or ["confirm"])[0], reason="y")
    assert response.status_code == (302 if heard else 409)
    assert AutomationMessageModel.objects.filter(automation=run).count() == len(heard[:1])
    assert len(on_record(run)) == len(heard[:1])


# Who and what


@pytest.mark.parametrize("rights", [[], CHANGE[:1], CHANGE[1:], ["view_automationmodel"]])
def test_only_who_may_change_runs_acts_on_them(
    failed: AutomationTaskModel, rights: list[str]
) -> None:
    user = User.objects.create(username="eve")
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = Client()
    client.force_login(user)
    before = fingerprint()
    for act in ("retry", "cancel"):
        response = do(client, failed.automation_id, act, f"task-{failed.pk}", reason="y")
        assert response.status_code == 403
    assert fingerprint() == before


@pytest.mark.parametrize("verb", ["get", "head", "put", "patch", "delete"])
def test_an_act_is_sent_and_not_fetched(client: Client, verb: str) -> None:
    run = Waiting().id
    before = fingerprint()
    assert getattr(client, verb)(reverse("automations:act", args=[run])).status_code == 405
    assert fingerprint() == before


def test_an_act_needs_its_token_against_forgery(ada: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    run = Waiting().id
    before = fingerprint()
    assert do(client, run, "cancel", reason="y").status_code == 403
    assert fingerprint() == before


def test_a_run_that_is_gone_has_no_page_to_act_on(client: Client) -> None:
    assert do(client, 0, "cancel", reason="y").status_code == 404


def test_data_is_shown_without_what_is_called_a_secret(client: Client) -> None:
    run = Waiting(city="Köln", api_token="hush", many=[1, {"password": "hush"}]).id
    page = page_of(client, run)
    assert "Köln" in page
    assert '<th scope="row" class="atm-long">many</th>' in page
    assert "hush" not in page


def test_a_run_whose_class_is_gone_can_still_be_cancelled(client: Client) -> None:
    run = make_run("tests.gone.Gone", "running").pk
    assert "Send a message" not in page_of(client, run)
    assert do(client, run, "cancel", reason="gone").status_code == 302
    assert AutomationModel.objects.get(pk=run).state == "cancelled"


def test_the_page_costs_the_same_whatever_people_did(client: Client) -> None:
    run = Waiting().id

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            page_of(client, run)
        return len(queries)

    do(client, run, "suspend", reason="y")
    few = cost()
    for _ in range(5):
        do(client, run, "resume", reason="y")
        do(client, run, "suspend", reason="y")
    assert cost() == few
