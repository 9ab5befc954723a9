"""Inboxes count what is offered: that is true at any time, and counted as the rule says."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from automations.inbox import Inbox
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.offers import LONGEST, Asked, asked_by, offer_for, read_offer
from tests.models.test_permissions import world  # noqa: F401 - a fixture
from tests.pages.rows import add_question, make_run
from tests.testapp.inbox_processes import Review, Twofold

pytestmark = pytest.mark.django_db

PAGE = 50


def offered() -> dict[int, str]:
    """Return the offers of all tasks that have one."""
    with_offer = AutomationTaskModel.objects.exclude(offer="").order_by("pk")
    return dict(with_offer.values_list("pk", "offer"))


def expected() -> dict[int, str]:
    """Return what should be offered, worked out from the rows of tasks and runs."""
    waiting = AutomationTaskModel.objects.offered().select_related("automation")
    return {task.pk: offer_for(asked_by(task)) for task in waiting.order_by("pk")}


def counted_one_by_one(user: Any) -> Counter[str]:
    """Return what an inbox counts, asked of each task."""
    counts: Counter[str] = Counter()
    for task in AutomationTaskModel.objects.offered().select_related("automation"):
        if not task.may_be_done_by(user):
            continue
        if task.taken_by_id is None:
            hold = "mine" if task.interaction_user_id == user.pk else "free"
        else:
            hold = "mine" if task.taken_by_id == user.pk else "taken"
        counts[hold] += 1
        if hold != "taken":
            counts["open"] += 1
            counts["overdue"] += task.due_date is not None and task.due_date < timezone.now()
    return counts


# Who is asked, and counted


def test_inboxes_count_what_the_rule_says_for_all_that_can_be_asked(
    world: dict[str, Any],  # noqa: F811 - the fixture
) -> None:
    users = [user for user in world["users"].values() if user.pk]
    tasks = world["tasks"]
    for at, task in enumerate(tasks):
        task.taken_by = users[at % 3] if at % 2 else None
        task.due_date = timezone.now() + timedelta(hours=at % 5 - 2) if at % 4 else None
        task.save()
    users.append(User.objects.create(username="chief", is_superuser=True))
    for user in users:
        assert Counter(Inbox(user).counts()) == counted_one_by_one(user), user


def test_tasks_of_deleted_users_and_groups_are_counted_for_superusers_only(
    world: dict[str, Any],  # noqa: F811 - the fixture
) -> None:
    world["users"].pop("asked").delete()
    world["groups"][0].delete()
    chief = User.objects.create(username="chief", is_superuser=True)
    assert Inbox(chief).counts()["open"] == len(world["tasks"])
    for user in User.objects.exclude(pk=chief.pk):
        assert Counter(Inbox(user).counts()) == counted_one_by_one(user), user


def test_names_too_long_for_the_index_are_counted_all_the_same() -> None:
    group = Group.objects.create(name="many")
    ada = User.objects.create(username="ada")
    ada.groups.add(group)
    run = AutomationModel.objects.create(automation_class="app." + "C" * 250)
    for at in range(6):
        add_question(run, status="n" * 254 + str(at % 2), interaction_group=group)
    assert all(read_offer(offer) is None for offer in offered().values())
    inbox = Inbox(ada)
    assert inbox.counts()["open"] == 6
    assert sorted(inbox.choices()[1]) == ["n" * 254 + "0", "n" * 254 + "1"]


def test_an_offer_says_what_is_asked_and_fits_into_the_index() -> None:
    asked = Asked("app.Größe", "frage", names_user=True, names_group=False, permissions=["a.b"])
    assert read_offer(offer_for(asked)) == asked
    assert offer_for(asked).isascii()
    longest = asked._replace(permissions=["a" * 1000])
    assert len(offer_for(longest)) <= LONGEST
    assert offer_for(longest) != offer_for(longest._replace(node="other"))


def test_names_that_differ_by_case_only_are_told_apart_on_every_database() -> None:
    chief = User.objects.create(username="chief", is_superuser=True)
    run = make_run(Review, "running")
    add_question(run, status="ask")
    add_question(run, status="Ask")
    assert sorted(Inbox(chief).choices()[1]) == ["Ask", "ask"]


# When something is offered


def test_what_is_offered_follows_the_run_whatever_happens_to_it() -> None:
    chief = User.objects.create(username="chief", is_superuser=True)
    Group.objects.create(name="reviewers")
    review = Review(title="a")
    run = AutomationModel.objects.get(pk=review.id)
    assert len(offered()) == 1
    assert offered() == expected()
    run.suspend()
    assert offered() == expected() == {}
    run.resume()
    assert len(offered()) == 1
    assert offered() == expected()
    client = Client()
    client.force_login(chief)
    task = AutomationTaskModel.objects.get(automation=run, state="waiting")
    client.post(reverse("automations:task", args=[task.pk]), {"approved": "on", "reason": "x"})
    task.refresh_from_db()
    assert task.state == "completed"
    assert offered() == expected() == {}


def test_what_a_failed_run_asked_is_offered_again_when_it_goes_on() -> None:
    for goes_on in ("retry", "skip"):
        run = AutomationModel.objects.get(pk=Twofold(fails=True).id)
        assert run.state == "failed"
        assert AutomationTaskModel.objects.filter(automation=run, state="waiting").exists()
        assert offered() == expected() == {}
        failed = AutomationTaskModel.objects.get(automation=run, state="failed")
        if goes_on == "retry":
            failed.retry(data={"fails": False})
        else:
            failed.skip()
        assert len(offered()) == 1
        assert offered() == expected()
        run.refresh_from_db()
        run.cancel()
        assert offered() == expected() == {}


# In the order of their due dates


@pytest.mark.parametrize("dated", [0, 20, 60, 100, 130])
def test_pages_by_due_date_have_all_tasks_once_and_in_order(dated: int) -> None:
    chief = User.objects.create(username="chief", is_superuser=True)
    run, now = make_run(Review, "running"), timezone.now()
    tasks = [
        add_question(
            run,
            created=now - timedelta(minutes=at * 7 % 31),
            due_date=now + timedelta(hours=at * 11 % 17) if at < dated else None,
        )
        for at in range(130)
    ]
    client = Client()
    client.force_login(chief)
    shown = []
    for page in (1, 2, 3):
        answer = client.get("/automations/", {"sort": "due", "page": str(page)})
        shown += [task.pk for task in answer.context["tasks"]]
    last = now + timedelta(days=365)
    wanted = sorted(tasks, key=lambda task: (task.due_date or last, task.created, task.pk))
    assert shown == [task.pk for task in wanted]
