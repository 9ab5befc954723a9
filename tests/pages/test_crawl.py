"""Every page, every verb, everybody: who may gets it, who may not changes nothing."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse

from automations import urls
from automations.message_links import message_link
from automations.models import AutomationAuditModel, AutomationModel, AutomationTaskModel
from automations.notices import signed
from automations.views.live import status_of
from tests.pages.conftest import browser
from tests.pages.crawl import (
    ANSWERS,
    AUDIT,
    CHANGES,
    NAMES,
    PREFERENCES,
    RUNS,
    TASKS,
    TOKEN,
    VERBS,
    WHO,
    Page,
    answer_of,
    changed,
    everything,
    expected,
    officials,
    runs_in,
)
from tests.testapp.inbox_processes import ByAnybody, ByHand, Review
from tests.testapp.language import Newsletter
from tests.testapp.processes import Fragile, Waiting

pytestmark = [pytest.mark.no_cover, pytest.mark.django_db]

#: Sent by whoever has the link, from wherever: that is what gives the right.
LINKS = ("message", "unsubscribe")
#: Who is tried on every database: who sees nothing, something, all; what differs between others is
#: what they may do, which no database decides.
EACH = ("anonymous", "stranger", "asked", "clerk", "manager")
EVERYBODY = [
    name if name in EACH else pytest.param(name, marks=pytest.mark.one_database) for name in NAMES
]
MODELS = {"runs": AutomationModel, "tasks": AutomationTaskModel, "audit": AutomationAuditModel}


@pytest.fixture
def everybody(people: dict[str, User], settings: Any) -> dict[str, User]:
    """The eleven kinds of users, and those who have rights on the rows of the package."""
    settings.ATM_HEALTH_TOKEN = TOKEN
    settings.ATM_EMAIL, settings.ATM_SITE = "each", "https://example.org"
    settings.ATM_BUDGET_SECONDS = 60  # else a busy machine leaves something for the scheduler
    Group.objects.create(name="reviewers")
    return people | officials()


@pytest.fixture
def pages(everybody: dict[str, User], asks: dict[str, AutomationTaskModel]) -> dict[str, Page]:
    """Every page that the table knows, by its name there."""
    run = asks["by_user"].automation_id
    failed = AutomationTaskModel.objects.get(automation=Fragile(fail=True).id, state="failed")
    held = Waiting()
    AutomationModel.objects.filter(pk=held.id).suspend(reason="for a while")
    rows = {
        "runs": failed.automation_id,
        "tasks": failed.pk,
        "audit": AutomationAuditModel.objects.get().pk,
    }
    group = {
        "automation": Fragile.get_automation_name(),
        "node": failed.status,
        "error": failed.error,
    }
    many = {**group, "act": "cancel", "all": "1", "reason": "so"}
    one = {"act": "cancel", "run-reason": "so"}
    chosen = {"action": "cancel_runs", "_selected_action": str(run), "confirmed": "1"}
    news = Newsletter(email="ada@example.org")

    def page(pattern: str, *args: Any, query: str = "", **more: Any) -> Page:
        return Page(pattern, reverse(f"automations:{pattern}", args=args) + query, **more)

    bearer = {"authorization": f"Bearer {TOKEN}"}
    found = {
        "health": page("health", headers={"authorization": "Bearer"}),
        "health, token": page("health", query="?max-incidents=9&max-age=-1", headers=bearer),
        "task_list": page("task_list"),
        "task_list, part": page("task_list", query="?part=live"),
        "task_act": page(
            "task_act", sent={"act": "take", "task": [t.pk for t in asks.values()]}, run=run
        ),
        "task, gone": page("task", 10**15, sent={"text": "x"}),
        "task_hold, gone": page("task_hold", 10**15, sent={"act": "take"}),
        "start_list": page("start_list"),
        "message": page("message", message_link(news, "confirm").split("/")[-1], run=news.id),
        "status": page("status", status_link(run, everybody["stranger"])),
        "notifications": page("notifications", sent={"by_email": "never"}),
        "unsubscribe": page("unsubscribe", signed(everybody["stranger"])),
        "error_report": page("error_report"),
        "error_report, group": page("error_report", query="?" + urlencode(group)),
        "incidents_act": page("incidents_act", sent=many, run=failed.automation_id),
        "dashboard": page("dashboard"),
        "process": page("process", Review.get_automation_name()),
        "process, file": page("process", Review.get_automation_name(), query="?format=svg"),
        "picture": page("picture", run),
        "picture, part": page("picture", run, query="?part=live"),
        "picture, file": page("picture", run, query="?format=bpmn"),
        "history": page("history", run),
        "history, part": page("history", run, query="?part=live"),
        "act": page("act", run, sent=one, run=run),
        "traceback": page("traceback", failed.automation_id, failed.pk),
        "admin, index": Page("app_list", reverse("admin:app_list", args=["automations"])),
    }  # fmt: skip
    for kind in ("user", "group", "right", "all"):
        task = asks[f"by_{kind}"]
        found[f"task, {kind}"] = page("task", task.pk, sent={"text": "mine"}, run=run)
        if kind in ("user", "all"):
            found[f"task_hold, {kind}"] = page("task_hold", task.pk, sent={"act": "take"}, run=run)
    starts = {"anybody": ByAnybody, "right": ByHand, "not by hand": Review}
    for kind, automation in starts.items():
        label = automation.get_automation_name()
        found[f"start, {kind}"] = page("start", label, sent={"title": "x", "hours": "3"})
    for kind, model in MODELS.items():
        for which in ("changelist", "add", "change", "delete", "history"):
            args = [rows[kind]] if which in ("change", "delete", "history") else []
            sent = {**chosen, "reason": "so", "post": "yes", "state": "finished"}
            if (kind, which) != ("runs", "changelist"):
                sent["action"] = "delete_selected"
            pattern = f"automations_{model._meta.model_name}_{which}"
            address = reverse(f"admin:{pattern}", args=args)
            found[f"admin, {kind} {which}"] = Page(pattern, address, sent, run)
    return found


def status_link(run: int, user: User) -> str:
    """Return what is signed in the address at which ``user`` sees where the run stands."""
    request = HttpRequest()
    request.user = user
    live = status_of(AutomationModel.objects.get(pk=run), request)["live"]
    return str(live.address).split("/")[-1]


def test_the_table_knows_every_address_there_is(pages: dict[str, Page]) -> None:
    assert set(pages) == set(WHO)
    assert {page.pattern for page in pages.values()} == {
        *(pattern.name for pattern in urls.urlpatterns),
        *(
            pattern.name
            for model, shown in admin.site._registry.items()
            if model._meta.app_label == "automations"
            for pattern in shown.get_urls()
            if pattern.name
        ),
        "app_list",
    }
    sent = {page for page in WHO if any(expected(page, name, "post") is None for name in NAMES)}
    assert sent == set(CHANGES)


@pytest.mark.parametrize("name", EVERYBODY)
def test_everybody_gets_what_is_theirs_and_what_is_not_sent_by_right_changes_nothing(
    everybody: dict[str, User], pages: dict[str, Page], name: str
) -> None:
    client = browser(everybody, name)
    wrong = {}
    for title, page in pages.items():
        before = everything()
        for verb in VERBS:
            wanted = expected(title, name, verb)
            if wanted is None:
                continue
            status = page.ask(client, verb)
            if status != wanted:
                wrong[title, verb] = (status, wanted)
        assert not changed(before, everything()), title
    assert not wrong


@pytest.mark.parametrize("name", EVERYBODY)
def test_what_is_sent_by_right_changes_what_it_should_and_nothing_else(
    everybody: dict[str, User], pages: dict[str, Page], name: str
) -> None:
    client = browser(everybody, name)
    for title, tables in CHANGES.items():
        if expected(title, name, "post") is not None:
            continue
        page, before = pages[title], everything()
        with transaction.atomic():
            status = page.ask(client, "post")
            after = everything()
            touched = {run for model in MODELS.values() for run in runs_in(model, before, after)}
            act = AutomationAuditModel.objects.order_by("pk").last()
            transaction.set_rollback(True)
        assert status == (200 if title in LINKS else 302), title
        may = title != "task_act" or any(
            answer_of(f"task, {kind}", name) == "form" for kind in ("user", "group", "right", "all")
        )
        assert changed(before, after) == (tables if may else set()), title
        if page.run:
            assert touched == ({page.run} if may else set()), title
        else:
            assert len(touched) == (0 if tables == {PREFERENCES} else 1), title
        if AUDIT in changed(before, after):
            assert act is not None
            assert (act.user, act.user_name) == (everybody[name], name), title


@pytest.mark.parametrize("title", [title for title in CHANGES if title not in LINKS])
def test_nothing_is_sent_without_the_token_against_forged_requests(
    everybody: dict[str, User], pages: dict[str, Page], title: str
) -> None:
    client = browser(everybody, "chief", enforce_csrf_checks=True)
    before = everything()
    assert pages[title].ask(client, "post") == 403
    assert not changed(before, everything())


def test_the_table_says_of_each_answer_what_it_is() -> None:
    answers = {answer for who in WHO.values() for answer in who}
    assert answers == set(ANSWERS) | {"401", "403", "404"}
    assert {RUNS, TASKS, AUDIT} == {model._meta.db_table for model in MODELS.values()}
