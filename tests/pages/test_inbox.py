"""The inbox: who sees what, what is whose, what is late; and what people do there."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from automations.engine import holds
from automations.inbox import Inbox
from automations.models import AutomationAuditModel, AutomationTaskModel
from tests.pages.conftest import ENTITLED, NODES
from tests.pages.rows import add_question, make_run
from tests.pages.test_pages import browser, fingerprint
from tests.testapp.inbox_processes import Limited, Review

pytestmark = pytest.mark.django_db

INBOX = "/automations/"
ACT = "/automations/act"


@pytest.fixture
def reviewers() -> dict[str, User]:
    """Two members of the group that reviews are for."""
    group = Group.objects.create(name="reviewers")
    found = {name: User.objects.create(username=name) for name in ("ada", "bob")}
    for user in found.values():
        user.groups.add(group)
    return found


def asked(**data: Any) -> AutomationTaskModel:
    """Return the task of a new review."""
    return AutomationTaskModel.objects.get(automation=Review(**data).id, state="waiting")


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def shown(user: User, **wanted: str) -> list[int]:
    """Return the tasks that the user is shown, in their order."""
    return [task.pk for task in client_of(user).get(INBOX, wanted).context["tasks"]]


def act(user: User, name: str, *tasks: AutomationTaskModel, **more: str) -> Any:
    """Send what the user does to the tasks that are chosen."""
    sent = {"act": name, "task": [str(task.pk) for task in tasks], **more}
    return client_of(user).post(ACT, sent)


def act_alone(user: User, name: str, task: AutomationTaskModel, **more: str) -> Any:
    """Send what the user does to a task on its page."""
    address = reverse("automations:task_hold", args=[task.pk])
    return client_of(user).post(address, {"act": name, **more}, follow=True)


def holder(task: AutomationTaskModel) -> str | None:
    task.refresh_from_db()
    return task.taken_by.username if task.taken_by else None


# Who sees what


def test_the_inbox_and_the_rule_agree_for_everybody(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    for name, user in people.items():
        inbox = Inbox(user)
        doable = {task.status for task in inbox.doable}
        assert doable == (ENTITLED[name] if user.is_active else set()), name
        assert doable == {node for node in NODES if asks[node].may_be_done_by(user)}, name
        assert inbox.counts()["open"] == len(doable)
        assert set(inbox.choices()[1]) == doable


def test_a_replaced_rule_decides_the_inbox_too(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], settings: Any
) -> None:
    settings.ATM_USER_WITH_PERMISSIONS_MODEL_METHOD = "tests.pages.test_inbox.only_strangers"
    assert {task.status for task in Inbox(people["stranger"]).doable} == set(NODES)
    assert Inbox(people["stranger"]).counts()["open"] == len(NODES)
    assert Inbox(people["asked"]).counts()["open"] == 0


def only_strangers(task: Any, **options: Any) -> Any:
    """Let strangers do everything."""
    return User.objects.filter(username="stranger")


def test_what_is_mine_free_taken_and_done_is_told_apart(
    reviewers: dict[str, User], people: dict[str, User]
) -> None:
    free, mine, taken, done = (asked(title=title) for title in "abcd")
    ada, bob = reviewers["ada"], reviewers["bob"]
    act(ada, "take", mine)
    act(bob, "take", taken)
    address = reverse("automations:task", args=[done.pk])
    assert client_of(ada).post(address, {"approved": "on", "reason": "x"}).status_code == 302
    expected = {
        "open": [free.pk, mine.pk],
        "mine": [mine.pk],
        "free": [free.pk],
        "taken": [taken.pk],
        "done": [done.pk],
    }
    for show, tasks in expected.items():
        assert shown(ada, show=show) == tasks, show
    page = client_of(ada).get(INBOX)
    numbers = {show: number for show, _, number, _ in page.context["shows"]}
    assert numbers == {"open": 2, "mine": 1, "free": 1, "taken": 1, "done": None}
    assert shown(people["stranger"], show="done") == []


def test_what_one_alone_is_asked_to_do_is_mine_without_taking_it(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    assert shown(people["asked"], show="mine") == [asks["by_user"].pk]
    assert shown(people["asked"], show="free") == []


@pytest.mark.parametrize("given", [{"show": "x"}, {"sort": "\0"}, {"page": "-1"}, {"page": "zz"}])
def test_an_address_of_nonsense_shows_what_no_address_does(
    reviewers: dict[str, User], given: dict[str, str]
) -> None:
    task = asked()
    assert shown(reviewers["ada"], **given) == [task.pk]


@pytest.mark.parametrize("name", ["automation", "node", "q"])
def test_a_filter_of_nonsense_matches_nothing(reviewers: dict[str, User], name: str) -> None:
    asked(title="a")
    for value in ("nothing\0", "x" * 5000, "😀", "9" * 30, "%", "'; --"):
        response = client_of(reviewers["ada"]).get(INBOX, {name: value})
        assert list(response.context["tasks"]) == []
        assert "Nothing matches" in response.content.decode()


# Search, filter, sort


def test_a_search_finds_what_the_subject_shows_and_nothing_else(
    reviewers: dict[str, User],
) -> None:
    one = asked(title="Broken door", name="Éva", secret="hinge")
    other = asked(title="Window")
    ada = reviewers["ada"]
    assert shown(ada, q="door") == [one.pk]
    assert shown(ada, q="BROKEN") == [one.pk]
    assert shown(ada, q="hinge") == []
    assert shown(ada, q=str(other.automation_id)) == [other.pk]
    assert shown(ada, q="review") == [one.pk, other.pk]
    page = client_of(ada).get(INBOX, {"q": "door"}).content.decode()
    assert "Ask: Broken door for Éva" in page


def test_a_subject_hides_secrets_and_leaves_out_what_is_not_there(
    reviewers: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    from automations.history import subject_of

    run = asked(title="x").automation
    assert subject_of(run) == "x for"
    run.data = {"title": "<b>{name}</b>", "name": None}
    assert subject_of(run) == "<b>{name}</b> for"
    run.data = []
    assert subject_of(run) == "for"
    run.automation_class = "gone.Away"
    assert subject_of(run) == ""


def test_one_can_filter_by_automation_and_node(
    reviewers: dict[str, User], people: dict[str, User]
) -> None:
    review, limited = asked(), Limited()
    root = people["root"]
    label = Review.get_automation_name()
    assert shown(root, automation=label) == [review.pk]
    assert limited.id not in shown(root, automation=label)
    assert len(shown(root, node="ask")) == 2
    page = client_of(root).get(INBOX, {"automation": label, "node": "ask"})
    assert page.context["count"] == 1
    assert '<option value="ask" selected>' in page.content.decode()


def test_one_can_sort_by_age_and_by_due_date(reviewers: dict[str, User]) -> None:
    late, soon, never = asked(hours=-1), asked(hours=1), asked(hours=2)
    AutomationTaskModel.objects.filter(pk=never.pk).update(due_date=None)
    early = asked(hours=-5)
    ada = reviewers["ada"]
    in_order = [late.pk, soon.pk, never.pk, early.pk]
    assert shown(ada) == in_order
    assert shown(ada, sort="newest") == in_order[::-1]
    assert shown(ada, sort="due") == [early.pk, late.pk, soon.pk, never.pk]


def test_what_is_overdue_is_said_in_words_and_counted(reviewers: dict[str, User]) -> None:
    asked(hours=-1)
    asked(hours=1)
    page = client_of(reviewers["ada"]).get(INBOX)
    text = page.content.decode()
    assert page.context["overdue"] == 1
    assert text.count("Overdue</strong>") == 1
    assert "Overdue: 1" in text


def test_many_tasks_are_paged_and_a_filter_stays(reviewers: dict[str, User]) -> None:
    run = asked(title="a").automation
    group = Group.objects.get(name="reviewers")
    for _ in range(60):
        add_question(run, interaction_group=group, interaction_group_name="reviewers")
    ada = reviewers["ada"]
    assert len(shown(ada)) == 50
    assert len(shown(ada, page="2")) == 11
    assert len(shown(ada, page="99")) == 11
    page = client_of(ada).get(INBOX, {"sort": "newest", "q": "review"}).content.decode()
    assert 'href="?q=review&amp;sort=newest&amp;page=2"' in page


def test_the_inbox_costs_the_same_however_much_is_in_it(people: dict[str, User]) -> None:
    user = people["all"]
    groups = Group.objects.bulk_create(Group(name=f"g{number}") for number in range(50))
    user.groups.add(*groups[:20])
    client = client_of(user)
    costs = []
    run = make_run("gone.Away", "running")
    for number in (1, 100):
        for at in range(number):
            group = groups[at % 50]
            add_question(run, interaction_group=group, interaction_group_name=group.name)
            add_question(run, interaction_permissions=["testapp.view_effect"])
        with CaptureQueriesContext(connection) as queries:
            assert client.get(INBOX).status_code == 200
        costs.append(len(queries))
    # The session and the user, her permissions, the kinds of tasks, and those of the page.
    assert costs == [6, 6], [query["sql"] for query in queries]


# What people do


def test_several_tasks_are_taken_at_once_and_what_was_not_possible_is_said(
    reviewers: dict[str, User],
) -> None:
    one, two, gone = asked(), asked(), asked()
    ada, bob = reviewers["ada"], reviewers["bob"]
    act(bob, "take", gone)
    client = client_of(ada)
    sent = {"act": "take", "task": [one.pk, two.pk, gone.pk, "x", "9" * 30], "back": "/thanks/"}
    response = client.post(ACT, sent)
    assert (response.status_code, response.url) == (302, "/thanks/")
    assert [holder(task) for task in (one, two, gone)] == ["ada", "ada", "bob"]
    text = client.get(INBOX).content.decode()
    assert "Taken: 2." in text
    assert "somebody was faster: 1" in text
    act(ada, "give_back", one, two, gone)
    assert [holder(task) for task in (one, two, gone)] == [None, None, "bob"]


@pytest.mark.parametrize(
    "sent", [{}, {"act": "take"}, {"act": "eat", "task": "1"}, {"act": "take", "task": "-1"}]
)
def test_what_makes_no_sense_changes_nothing(
    reviewers: dict[str, User], sent: dict[str, str]
) -> None:
    asked()
    before = fingerprint()
    assert client_of(reviewers["ada"]).post(ACT, sent).url == INBOX
    assert fingerprint() == before


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example/", "javascript:x", "\0"])
def test_nobody_is_sent_to_another_site(reviewers: dict[str, User], back: str) -> None:
    task = asked()
    assert act(reviewers["ada"], "take", task, back=back).url == INBOX
    address = reverse("automations:task_hold", args=[task.pk])
    response = client_of(reviewers["ada"]).post(address, {"act": "give_back", "back": back})
    assert response.url == reverse("automations:task", args=[task.pk])


@pytest.mark.parametrize("name", ENTITLED)
@pytest.mark.parametrize("verb", ["get", "head", "put", "patch", "delete", "options", "post"])
def test_only_the_entitled_take_tasks_and_only_by_post(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], name: str, verb: str
) -> None:
    client = browser(people, name)
    for node in NODES:
        task = asks[node]
        before = fingerprint()
        address = reverse("automations:task_hold", args=[task.pk])
        status = getattr(client, verb)(address, {"act": "take"}).status_code
        getattr(client, verb)(ACT, {"act": "take", "task": str(task.pk)})
        may = verb == "post" and node in ENTITLED[name]
        assert (fingerprint() != before) is may
        assert holder(task) == (name if may else None)
        if verb == "post" and name not in ("anonymous", "inactive"):
            assert status == (302 if may else 403 if name == "viewer" else 404)
        assert status < 500
        AutomationTaskModel.objects.filter(pk=task.pk).update(taken_by=None, taken_at=None)


@pytest.mark.parametrize("back", ["?show=mine", "x", '"F', "a b", "admin", "#top"])
def test_what_is_no_name_of_a_page_is_no_error_once_tasks_are_taken(
    reviewers: dict[str, User], back: str
) -> None:
    task = asked()
    response = act(reviewers["ada"], "take", task, back=back)
    assert response.status_code == 302
    assert holder(task) == "ada"
    assert act(reviewers["ada"], "eat", task, back=back).status_code == 302


def test_a_task_is_taken_given_back_and_handed_over_on_its_page(
    reviewers: dict[str, User],
) -> None:
    task = asked()
    ada, bob = reviewers["ada"], reviewers["bob"]
    assert "Take it" in act_alone(ada, "", task).content.decode()
    assert "Taken by you" in act_alone(ada, "take", task).content.decode()
    assert holder(task) == "ada"
    act_alone(ada, "give_back", task)
    assert holder(task) is None
    page = act_alone(ada, "hand_over", task, to="bob", reason="on leave").content.decode()
    assert "bob has taken this task" in page
    assert holder(task) == "bob"
    act_alone(ada, "take", task)
    assert holder(task) == "bob"
    act_alone(ada, "take", task, **{"from": str(bob.pk)})
    assert holder(task) == "ada"
    acts = AutomationAuditModel.objects.order_by("pk").values_list("action", "user_name", "reason")
    assert list(acts) == [
        ("take", "ada", ""),
        ("give_back", "ada", ""),
        ("hand_over", "ada", "on leave"),
        ("take", "ada", ""),
    ]


@pytest.mark.parametrize("to", ["", "nobody", "eve", "gone", "\0", "x" * 1000])
def test_a_task_is_not_handed_over_to_who_may_not_do_it(
    reviewers: dict[str, User], to: str
) -> None:
    User.objects.create(username="eve")
    gone = User.objects.create(username="gone", is_active=False)
    gone.groups.add(Group.objects.get(name="reviewers"))
    task = asked()
    before = fingerprint()
    page = act_alone(reviewers["ada"], "hand_over", task, to=to)
    assert "Nobody of that name may do this task" in page.content.decode()
    assert fingerprint() == before


def test_a_form_of_a_task_that_somebody_took_meanwhile_is_refused_and_not_lost(
    reviewers: dict[str, User],
) -> None:
    task = asked()
    ada, bob = reviewers["ada"], reviewers["bob"]
    holds.take(task.automation_id, task.pk, bob)
    before = fingerprint()
    address = reverse("automations:task", args=[task.pk])
    response = client_of(ada).post(address, {"approved": "on", "reason": "all <fine>"})
    text = response.content.decode()
    assert response.status_code == 409
    assert "bob has taken this task" in text
    assert "all &lt;fine&gt;" in text
    assert fingerprint() == before
    act_alone(ada, "take", task, **{"from": str(bob.pk)})
    assert client_of(ada).post(address, {"approved": "on", "reason": "x"}).status_code == 302


def test_what_is_done_already_is_said_to_who_wants_to_take_it(reviewers: dict[str, User]) -> None:
    task = asked()
    address = reverse("automations:task", args=[task.pk])
    client_of(reviewers["bob"]).post(address, {"approved": "on", "reason": "x"})
    page = act_alone(reviewers["ada"], "take", task)
    assert page.status_code == 409
    assert "bob was faster" in page.content.decode()


def test_after_one_task_comes_the_next_mine_before_what_is_free(
    reviewers: dict[str, User],
) -> None:
    first, free, mine = asked(), asked(), asked()
    ada = reviewers["ada"]
    holds.take(mine.automation_id, mine.pk, ada)
    client = client_of(ada)
    sent = {"approved": "on", "reason": "x", "next": "1", "back": "/thanks/"}
    for task, following in ((first, mine), (mine, free)):
        response = client.post(reverse("automations:task", args=[task.pk]), sent)
        assert response.url == f"/automations/{following.pk}?back=%2Fthanks%2F"
    assert client.post(f"/automations/{free.pk}", sent).url == "/thanks/"


def test_the_page_of_a_task_tells_what_people_have_done_so_far(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    client_of(people["asked"]).post(f"/automations/{asks['by_user'].pk}", {"text": "<mine>"})
    page = client_of(people["member"]).get(f"/automations/{asks['by_group'].pk}").content.decode()
    assert "By user: asked" in page
    assert "mine" not in page


# Anywhere


def test_a_badge_counts_what_nobody_else_has_taken(reviewers: dict[str, User]) -> None:
    from tests.pages.test_tags import render

    badge = "{% load atm_tags %}{% automation_count %}"
    one, _ = asked(), asked()
    holds.take(one.automation_id, one.pk, reviewers["bob"])
    assert render(badge, reviewers["ada"]) == "1"
    assert render(badge, reviewers["bob"]) == "2"


def test_the_page_of_a_run_is_called_by_what_tells_it_from_others(
    reviewers: dict[str, User],
) -> None:
    chief = User.objects.create(username="chief", is_superuser=True)
    task = asked(title="<Door>", name="Ada")
    address = reverse("automations:history", args=[task.automation_id])
    page = client_of(chief).get(address).content.decode()
    assert f"<h1>Run {task.automation_id}: &lt;Door&gt; for Ada</h1>" in page
    assert f"<title>History · {task.automation_id} · &lt;Door&gt; for Ada</title>" in page
