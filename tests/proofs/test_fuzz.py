"""Whatever is sent to the pages: no error of the server, nothing half done, each act on record."""

from __future__ import annotations

import os
import time
from collections import Counter
from copy import deepcopy
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core import signing
from django.db import transaction
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings

from automations import notices
from automations.engine import holds
from automations.message_links import message_link
from automations.models import AutomationAuditModel, AutomationModel, AutomationTaskModel
from automations.views.acts import ReasonForm
from tests.pages.crawl import (
    AUDIT,
    NOTICES,
    PREFERENCES,
    RUNS,
    TASKS,
    TOKEN,
    Rows,
    changed,
    everything,
)
from tests.proofs.hostile import ELEMENT, Request, Target, requests
from tests.proofs.recording import Recorder
from tests.testapp.forms import ApprovalForm
from tests.testapp.formset_processes import Order
from tests.testapp.inbox_processes import ByAnybody, ByButton, ByHand, Review, ReviewForm
from tests.testapp.language import IssueListForm, Makes, Newsletter
from tests.testapp.page_processes import Asks, Everything
from tests.testapp.processes import Fragile, Waiting

pytestmark = [
    pytest.mark.no_cover,
    pytest.mark.django_db,
    # Django's own, of a date that somebody writes into an address of its admin.
    pytest.mark.filterwarnings("ignore:DateTimeField .* received a naive datetime"),
]

#: How many requests are sent.
POSTS = int(os.environ.get("ATM_TEST_POSTS", "150"))
#: Seconds of the processor that an answer takes at the most.
SLOWEST = 2
DRAFTS, OBJECTS, MESSAGES = (
    f"automations_automation{name}model" for name in ("draft", "object", "message")
)
OF_RUNS = {RUNS, TASKS, OBJECTS, MESSAGES, "testapp_issuelist", "testapp_webinar"}
#: The nodes that are forms.
FORMS = {"by_user", "by_group", "by_right", "by_all", "ask", "make", "change", "other", "lines"}
#: Who takes part, beside somebody who is not logged in.
PEOPLE = ["ada", "all", "asked", "stranger", "chief"]


@pytest.fixture
def browsers(settings: Any, tmp_path: Any) -> dict[str, Client]:
    """The browser of each of the people."""
    settings.MEDIA_ROOT = str(tmp_path)
    settings.ATM_HEALTH_TOKEN = TOKEN
    settings.ATM_EMAIL = "each"
    settings.ATM_BUDGET_SECONDS = 60  # else a busy machine leaves something for the scheduler
    found = {"anonymous": Client()}
    groups = [Group.objects.create(name=name) for name in ("members", "reviewers")]
    for name in PEOPLE:
        chief = name == "chief"
        user = User.objects.create(username=name, is_staff=chief, is_superuser=chief)
        if name == "all":
            user.groups.set(groups)
            user.user_permissions.add(Permission.objects.get(codename="view_effect"))
        found[name] = Client()
        found[name].force_login(user)
    return found


@pytest.fixture
def targets(browsers: dict[str, Client]) -> list[Target]:
    """Every address of the package that takes parameters or is sent something."""
    asks, news = Asks(), Newsletter(email="ada@example.org")
    tasks = {
        task.status: task
        for run in (asks, Makes(), Review(title="x", hours=1), Order())
        for task in AutomationTaskModel.objects.filter(automation=run.id, state="waiting")
    }
    failed = AutomationTaskModel.objects.get(automation=Fragile(fail=True).id, state="failed")
    held = Waiting().id
    AutomationModel.objects.filter(pk=held).suspend(reason="for a while")
    holds.take(tasks["ask"].automation_id, tasks["ask"].pk, User.objects.get(username="all"))
    pks, back = [str(task.pk) for task in tasks.values()], ["/thanks/"]
    group = {
        "automation": [Fragile.get_automation_name()],
        "node": [failed.status],
        "error": [failed.error],
    }
    prefix = f"task-{failed.pk}"
    reason = ["so"]
    inbox = {
        "show": ["open", "mine", "free", "taken", "done"],
        "sort": ["oldest", "newest", "due"],
        "automation": [Asks.get_automation_name()],
        "node": ["ask", "by_user"],
        "q": ["Review", "x", "1"],
        "page": ["1", "2"],
        "part": ["live"],
    }
    whole = {"run-reason": reason}
    mend = {
        "task": [str(failed.pk)],
        f"{prefix}-reason": reason,
        f"{prefix}-changes": ["", '{"fail": false}'],
        f"{prefix}-result": ["", "1"],
    }
    say = {
        "message-message": ["confirm", "book", "choose", "catch", "fail", "unkeepable"],
        "message-content": ["", '{"seats": 1, "email": "a"}', '{"yes": true}'],
        "message-reason": reason,
    }
    of_runs = {
        asks.id: {"act": ["cancel", "suspend"], **whole},
        failed.automation_id: {"act": ["retry", "skip", "cancel"], **whole, **mend},
        held: {"act": ["resume", "cancel"], **whole},
        news.id: {"act": ["message"], **whole, **say},
    }
    listed = {
        "action": ["cancel_runs", "suspend_runs", "resume_runs"],
        "_selected_action": [str(asks.id), str(held)],
        "confirmed": ["1"],
        "reason": reason,
        "select_across": ["0", "1"],
        "index": ["0"],
        "q": ["1"], "of": [Asks.get_automation_name()], "state__exact": ["running"],
        "p": ["1"], "o": ["1", "-2.1"], "created__gte": ["2026-01-01"], "all": [""],
    }  # fmt: skip
    for name in ("confirmed", "reason"):  # most of the time, so that something is done
        listed[name] *= 3
    operated = ("cancel", "suspend", "resume")

    unsubscribing = signing.dumps(User.objects.get(username="ada").pk, salt=notices.SALT)

    def url(name: str, *args: Any) -> str:
        return reverse(name if ":" in name else f"automations:{name}", args=args)

    found = [
        Target("inbox", url("task_list"), inbox, by="all"),
        Target("many", url("task_act"),
               {"act": ["take", "give_back"], "task": pks, "back": back},
               by="all", acts=("take", "give_back")),
        Target("dashboard", url("dashboard"), {"history": ["7", "0"]}),
        Target("process", url("process", Asks.get_automation_name()),
               {"history": ["7", "0"], "format": ["svg", "bpmn", "mermaid"]}),
        Target("process", url("process", "x"), {"format": ["svg"]}),
        Target("incidents", url("error_report"), {**group, "page": ["1"], "nobody": ["1"]}),
        Target("group", url("incidents_act"),
               {**group, "act": ["retry", "cancel"], "all": ["1"], "task": [str(failed.pk)],
                "reason": reason},
               form=ReasonForm, acts=("retry", "cancel")),
        Target("traceback", url("traceback", failed.automation_id, failed.pk)),
        Target("status", url("status", "x"), by="anonymous"),
        Target("choice", url("notifications"), {"by_email": ["each", "never"]}, by="all"),
        Target("leave", url("unsubscribe", unsubscribing), {"List-Unsubscribe": ["One-Click"]},
               by="anonymous"),
        Target("health", url("health"), {"max-age": ["1"], "max-incidents": ["x"]}),
        Target("runs", url("admin:automations_automationmodel_changelist"), listed, acts=operated),
        Target("tasks", url("admin:automations_automationtaskmodel_changelist"), listed),
        Target("audit", url("admin:automations_automationauditmodel_changelist"), listed),
    ]  # fmt: skip
    for run, of_run in of_runs.items():
        shown = {"page": ["1"], "part": ["live"], "task": [str(failed.pk)], "all": ["1"]}
        found.append(Target("history", url("history", run), shown))
        shown = {"format": ["svg", "bpmn"], "part": ["live"]}
        found.append(Target("picture", url("picture", run), shown))
        acts = (*operated, "retry", "skip", "message")
        found.append(Target("act", url("act", run), of_run, acts=acts))
    sent = {"back": back, "next": ["1"], "draft": ["1"]}
    lines = {
        "form-TOTAL_FORMS": ["1", "2", "3", "5", "6", "99999"],
        "form-INITIAL_FORMS": ["0"],
        "form-0-article": ["door", "lock"],
        "form-0-pieces": ["1", "2"],
        "form-1-article": ["lock"],
        "form-1-pieces": ["3"],
        "form-1-note": ["", "[1]"],
        "form-1-DELETE": ["", "on"],
    }
    found.append(
        Target("task", url("task", tasks.pop("lines").pk), lines, None, "all", ("complete",))
    )
    for node, task in tasks.items():
        form = {"ask": ApprovalForm, "make": IssueListForm}.get(node, Everything)
        by = {"by_user": "asked", "make": "ada"}.get(node, "all")
        found.append(Target("task", url("task", task.pk), sent, form, by, ("complete",)))
        hold = {"act": ["take", "give_back", "hand_over"], "to": ["all", "chief"], "back": back}
        hold |= {"reason": reason, "from": ["1", "2", "3"]}
        acts = ("take", "give_back", "hand_over")
        found.append(Target("hold", url("task_hold", task.pk), hold, by=by, acts=acts))
    for automation, form in ((ByHand, ReviewForm), (ByAnybody, IssueListForm), (ByButton, None)):
        address = url("start", automation.get_automation_name())
        found.append(Target("start", address, {}, form, "all", ("start",)))
    for name in ("confirm", "book", "choose", "fail", "unkeepable"):
        known = {"email": ["a"], "seats": ["1", "x"], "yes": ["on"], "fails": ["1"]}
        links = [message_link(to, name) for to in (news, Newsletter)]
        found += [Target("message", link, known, by="anonymous") for link in links]
    return found


def see_that_all_is_whole(request: Request, before: Rows, after: Rows) -> Counter[str]:
    """See that nothing is half done, and all that is done on record; return what was done."""
    moved = changed(before, after)
    kept = {act[0] for act in before[AUDIT]}
    acts = [act for act in AutomationAuditModel.objects.all() if act.pk not in kept]
    if request.verb != "POST":
        assert not moved
    if request.target.title == "message":
        assert not acts
    else:
        assert bool(moved & OF_RUNS) == bool(acts), moved
    assert moved <= OF_RUNS | {AUDIT, DRAFTS, NOTICES, PREFERENCES, "testapp_effect"}, moved
    assert PREFERENCES not in moved or request.target.title in ("choice", "leave")
    for act in acts:
        assert act.user_name == request.who
        assert act.user is not None
        assert act.user.username == request.who
        assert act.action in request.target.acts
        assert act.time is not None
    for run in AutomationModel.objects.all():
        tasks = AutomationTaskModel.objects.filter(automation=run)
        going_on = run.state in ("running", "suspended")
        assert tasks.open().exists() == going_on or run.state == "failed", run.state
        assert tasks.filter(state="failed").exists() == (run.state == "failed")
        if run.automation_class == Asks.get_automation_name() and going_on:
            asked = tasks.filter(status__startswith="by_")
            assert asked.filter(state__in=["waiting", "completed"]).count() == 4
        for task in tasks.filter(requires_interaction=False, state="completed"):
            done = AutomationAuditModel.objects.filter(task=task, action="complete").count()
            assert done == (task.status in FORMS), task
            if done:
                assert task.get_next_tasks().count() == 1
    done = AutomationAuditModel.objects.filter(action="complete").select_related("task")
    assert all(act.task is not None and act.task.state == "completed" for act in done)
    return Counter(act.action for act in acts)


def see_that_it_is_an_answer(request: Request, response: Any) -> None:
    """See that the answer is no error of the server, leads nowhere else, and shows no element."""
    documented = request.target.title in ("health", "act", "task", "message")
    assert response.status_code < 500 or (response.status_code == 503 and documented)
    if response.status_code in (301, 302):
        where = urlsplit(response.url.replace("\\", "/").strip())
        assert (where.scheme, where.netloc) == ("", ""), response.url
    if response.get("Content-Type", "").startswith("text/html"):
        assert ELEMENT not in response.content.decode()


def test_whatever_is_sent_is_answered_and_all_that_is_done_is_on_record(
    browsers: dict[str, Client],
    targets: list[Target],
    record_property: Any,
    proof: Recorder,
) -> None:
    before = everything()
    cookies = {name: deepcopy(client.cookies) for name, client in browsers.items()}
    done: Counter[str] = Counter()
    statuses: Counter[int] = Counter()
    took: list[float] = []
    slow: list[tuple[float, Request]] = []

    @hypothesis_settings(
        max_examples=POSTS,
        suppress_health_check=list(HealthCheck),
    )
    @given(requests(targets, [*PEOPLE, "anonymous"]))
    def one(request: Request) -> None:
        client = browsers[request.who]
        client.cookies = deepcopy(cookies[request.who])
        with transaction.atomic():
            begun = time.process_time()
            response = request.send(client)
            spent = time.process_time() - begun
            see_that_it_is_an_answer(request, response)
            done.update(see_that_all_is_whole(request, before, everything()))
            transaction.set_rollback(True)
        if spent >= SLOWEST:
            # Asked once more: what a page loads when it is asked for first says nothing of it.
            client.cookies = deepcopy(cookies[request.who])
            with transaction.atomic():
                begun = time.process_time()
                request.send(client)
                spent = time.process_time() - begun
                transaction.set_rollback(True)
            slow.append((spent, request))
        took.append(spent)
        statuses[response.status_code] += 1

    one()
    record_property("statuses", sorted(statuses.items()))
    record_property("acts", sorted(done.items()))
    assert max(took) < SLOWEST, slow
    proof(
        "P14", "P18",
        done=f"{POSTS} random requests to every page, the slowest took {max(took):.1f} s: no error "
        f"of the server, and each of {sum(done.values())} acts that came of them on record",
        exact=POSTS,
    )  # fmt: skip
