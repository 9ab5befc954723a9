"""Starting runs by hand: who may, what is asked, and who is on record."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from automations import flow
from automations.hand_starts import startable_by
from automations.history import Names
from automations.models import AutomationAuditModel, AutomationModel, AutomationTaskModel
from tests.pages.conftest import ENTITLED
from tests.pages.test_inbox import client_of
from tests.pages.test_pages import browser, fingerprint
from tests.testapp.inbox_processes import ByAnybody, ByButton, ByHand, Limited, Review
from tests.testapp.models import IssueList

pytestmark = pytest.mark.django_db

LIST = "/automations/start"


def url(automation: Any) -> str:
    return reverse("automations:start", args=[automation.get_automation_name()])


@pytest.fixture
def ada() -> User:
    """Somebody who may start what asks for a right."""
    Group.objects.create(name="reviewers")
    user = User.objects.create(username="ada")
    user.user_permissions.add(Permission.objects.get(codename="view_effect"))
    return user


@pytest.mark.parametrize("name", ENTITLED)
@pytest.mark.parametrize("verb", ["get", "head", "post", "put", "patch", "delete", "options"])
def test_only_who_may_starts_a_run_and_only_by_post(
    people: dict[str, User], name: str, verb: str
) -> None:
    Group.objects.create(name="reviewers")
    client = browser(people, name)
    known = name not in ("anonymous", "inactive")
    for automation, may in ((ByHand, name in ("holder", "all", "root")), (ByAnybody, known)):
        before = fingerprint()
        status = getattr(client, verb)(url(automation), {"title": "x"}).status_code
        assert (fingerprint() != before) is (may and verb == "post"), automation
        if not known:
            assert status == 302
        elif not may:
            assert status == 404
        elif verb in ("get", "head", "options"):
            assert status == 200
        else:
            assert status == (302 if verb == "post" else 405)


def test_what_cannot_be_started_by_hand_looks_like_what_is_not_there(ada: User) -> None:
    client = client_of(ada)
    for address in (url(Review), "/automations/start/gone.Away", "/automations/start/x%00y"):
        assert client.get(address).status_code == 404
        assert client.post(address).status_code == 404


def test_the_list_says_what_one_may_start_and_why(ada: User, client: Client) -> None:
    page = client_of(ada).get(LIST).content.decode()
    for automation in (ByHand, ByAnybody, ByButton):
        assert url(automation) in page
    assert "Review what you name." in page
    assert "People see the first part" not in page
    assert url(Review) not in page
    stranger = User.objects.create(username="stranger")
    assert {each.__name__ for each in startable_by(stranger)} >= {"ByAnybody"}
    assert ByHand not in set(startable_by(stranger))
    assert ">Start</a>" in client_of(stranger).get("/automations/").content.decode()


def test_a_run_starts_with_what_is_entered_and_who_did_it_is_on_record(ada: User) -> None:
    issues = IssueList.objects.create(title="March")
    sent = {"title": "Door", "hours": "3", "issues": [issues.pk]}
    assert client_of(ada).post(url(ByHand), sent).url == "/automations/"
    run = AutomationModel.objects.get()
    assert run.data == {"title": "Door", "hours": 3, "token": "", "issues": [issues.pk]}
    assert AutomationTaskModel.objects.get(automation=run).state == "waiting"
    act = AutomationAuditModel.objects.get()
    assert (act.action, act.user, act.automation) == ("start", ada, run)


@pytest.mark.parametrize(
    "sent",
    [{}, {"title": "x" * 99}, {"title": "x", "hours": "many"}, {"title": "x", "issues": "7"}],
)
def test_what_is_not_valid_starts_nothing(ada: User, sent: dict[str, str]) -> None:
    before = fingerprint()
    response = client_of(ada).post(url(ByHand), sent)
    assert response.status_code == 200
    assert response.context["form"].errors
    assert fingerprint() == before


def test_the_object_of_a_model_form_is_what_the_run_is_bound_to(ada: User) -> None:
    assert client_of(ada).post(url(ByAnybody), {"title": "April"}).status_code == 302
    run = AutomationModel.objects.get()
    assert run.instance.issue_list == IssueList.objects.get(title="April")


def test_whoever_starts_what_asks_the_starter_first_is_taken_there(ada: User) -> None:
    response = client_of(ada).post(url(ByButton))
    task = AutomationTaskModel.objects.get()
    assert response.url == f"/automations/{task.pk}"
    again = client_of(ada).post(url(ByButton), follow=True)
    assert "goes on already" in again.content.decode()
    assert AutomationModel.objects.count() == 1
    assert AutomationAuditModel.objects.filter(action="start").count() == 1


def test_what_cannot_be_started_says_why_and_leaves_nothing(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: Any, **kwargs: Any) -> None:
        from automations.exceptions import InvalidData

        raise InvalidData("no <JSON>")

    monkeypatch.setattr("automations.engine.starting.start", fails)
    response = client_of(ada).post(url(ByAnybody), {"title": "April"})
    assert response.status_code == 200
    assert "no &lt;JSON&gt;" in response.content.decode()
    assert not IssueList.objects.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("start_form", "a.form"),
        ("start_permission", "nodot"),
        ("start_permission", 7),
        ("subject", "{a.b}"),
        ("subject", "{"),
        ("subject", "{0}"),
        ("subject", "{a!r}"),
        ("subject", "{a__gt}"),
        ("subject", 7),
    ],
)
def test_an_option_that_cannot_be_is_found_before_anything_runs(name: str, value: Any) -> None:
    class Odd(flow.Automation):
        Meta = type("Meta", (), {name: value})
        end = flow.End()

    problems = list(Odd._meta.options.problems("Odd"))
    assert [problem.code for problem in problems] == ["E127"]
    assert name in problems[0].message
    assert not Odd._meta.options.by_hand


def test_a_task_says_what_its_process_is(people: dict[str, User]) -> None:
    task = AutomationTaskModel.objects.get(automation=Limited().id, state="waiting")
    text = browser(people, "holder").get(f"/automations/{task.pk}").content.decode()
    assert "Limited: Asks somebody for a day." in text
    AutomationModel.objects.filter(pk=task.automation_id).update(automation_class="gone.Gone")
    assert Names.of(AutomationTaskModel.objects.get(pk=task.pk)).about == ""
