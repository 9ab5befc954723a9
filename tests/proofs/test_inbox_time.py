"""The inbox takes as long with ten thousand open tasks as with a hundred."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from automations.models import AutomationModel, AutomationTaskModel
from automations.models.offers import asked_by, offer_for
from tests.proofs.recording import Recorder
from tests.testapp.inbox_processes import Limited, Review

pytestmark = [
    pytest.mark.alone,
    pytest.mark.no_cover,
    pytest.mark.django_db(transaction=True),
]

#: How many tasks wait for people, and how many people and groups there are.
MANY = int(os.environ.get("ATM_PROOF_INBOX", "300"))
FEW, SHOWN = 100, 50
USERS, GROUPS = (1000, 50) if MANY >= 10_000 else (60, 10)
#: How often few and many take turns, and requests for each page in a turn.
TURNS, REQUESTS = (6, 7) if MANY >= 10_000 else (1, 1)
#: How much longer it may take with many.
LIMIT = 1.5
PAGES = ["", "?part=live", "?show=free", "?sort=due", "?sort=newest"]
#: The session, the user, her rights (two), the kinds of tasks, and those of the page.
QUERIES = 6
PERMISSION = "testapp.view_effect"


@pytest.fixture
def people() -> dict[str, Client]:
    """Who looks: one of a few groups, one of all groups, and a superuser; others are there."""
    groups = Group.objects.bulk_create(Group(name=f"group {at}") for at in range(GROUPS))
    users = User.objects.bulk_create(User(username=f"user {at}") for at in range(USERS))
    of_many = User.groups.through.objects
    of_many.bulk_create(
        User.groups.through(user=user, group=groups[(at + turn * 7) % GROUPS])
        for at, user in enumerate(users)
        for turn in range(5)
    )
    clerk, manager, chief = users[:3]
    manager.groups.set(groups)
    for user in (clerk, manager):
        user.user_permissions.add(Permission.objects.get(codename="view_effect"))
    User.objects.filter(pk=chief.pk).update(is_superuser=True)
    found = {name: Client() for name in ("clerk", "manager", "chief")}
    for client, user in zip(found.values(), (clerk, manager, chief), strict=True):
        client.force_login(user)
    return found


def open_tasks(number: int) -> None:
    """Let so many more runs wait for people: groups mostly, and whoever has a right, and users."""
    users, groups = list(User.objects.order_by("pk")), list(Group.objects.order_by("pk"))
    now, there = timezone.now(), AutomationModel.objects.count()
    places = range(there, there + number)
    runs = AutomationModel.objects.bulk_create(
        AutomationModel(
            automation_class=(Limited if asks(at) == "right" else Review).get_automation_name(),
            data={"title": f"Door {at}", "name": "Ada"},
            created=now - timedelta(minutes=at),
        )
        for at in places
    )
    tasks = [
        AutomationTaskModel(
            automation=run,
            status="ask",
            state="waiting",
            requires_interaction=True,
            created=run.created,
            due_date=now + timedelta(hours=at % 90 - 30),
            **whom(at, users, groups),
        )
        for at, run in zip(places, runs, strict=True)
    ]
    for task in tasks:
        task.offer = offer_for(asked_by(task))
    AutomationTaskModel.objects.bulk_create(tasks)


def asks(at: int) -> str:
    """Return of what kind a task is: of ten, seven ask a group, two a right, one a user."""
    return {3: "right", 6: "right", 9: "user"}.get(at % 10, "group")


def whom(at: int, users: list[User], groups: list[Group]) -> dict[str, Any]:
    """Return who is asked: at first, groups that the clerk is in."""
    if asks(at) == "right":
        return {"interaction_permissions": [PERMISSION]}
    if asks(at) == "user":
        user = users[at % len(users)]
        return {"interaction_user": user, "interaction_user_name": user.username}
    group = groups[(at % 5) * 7 % len(groups) if at < FEW else at % len(groups)]
    held = {"taken_by": users[at % 5], "taken_at": timezone.now()} if not at % 11 else {}
    return {"interaction_group": group, "interaction_group_name": group.name, **held}


def close_tasks(but: int) -> None:
    """Let only so many runs be there."""
    last = list(AutomationModel.objects.order_by("pk").values_list("pk", flat=True)[:but])[-1]
    AutomationTaskModel.objects.filter(automation__gt=last)._raw_delete(using="default")
    AutomationModel.objects.filter(pk__gt=last)._raw_delete(using="default")


def look_at_tables() -> None:
    """Let the database know how much there is, as it finds out by itself in a while."""
    tables = [model._meta.db_table for model in (AutomationModel, AutomationTaskModel)]
    say = {"postgresql": "VACUUM ANALYZE {}", "mysql": "ANALYZE TABLE {}"}.get(connection.vendor)
    with connection.cursor() as cursor:
        for table in tables if say else []:
            cursor.execute(say.format(connection.ops.quote_name(table)))  # type: ignore[union-attr] # not None here
            if connection.vendor == "mysql":
                cursor.fetchall()


def turns() -> Iterator[int]:
    """Yield how many tasks there are: few and many in turn."""
    open_tasks(FEW)
    for _ in range(TURNS):
        look_at_tables()
        yield FEW
        open_tasks(MANY - FEW)
        look_at_tables()
        yield MANY
        close_tasks(FEW)


def test_the_inbox_takes_as_long_with_many_tasks_as_with_few(
    people: dict[str, Client], record_property: Any, proof: Recorder
) -> None:
    took: dict[tuple[str, str, int], list[float]] = {}
    for number in turns():
        for page in PAGES:
            for name, client in people.items():
                with CaptureQueriesContext(connection) as queries:
                    answer = client.get("/automations/" + page)
                assert len(queries) <= QUERIES, [query["sql"] for query in queries]
                assert answer.status_code == 200
                see_that_it_is_right(name, page, number, answer)
                for _ in range(REQUESTS):
                    begun = time.perf_counter()
                    client.get("/automations/" + page)
                    took.setdefault((name, page, number), []).append(time.perf_counter() - begun)
    medians = {key: statistics.median(times) for key, times in took.items()}
    ratios = {
        (name, page): medians[name, page, MANY] / medians[name, page, FEW]
        for name, page, number in medians
        if number == FEW
    }
    record_property("milliseconds", {key: round(1000 * took) for key, took in medians.items()})
    record_property("ratios", {key: round(ratio, 2) for key, ratio in ratios.items()})
    if MANY >= 10_000:
        assert max(ratios.values()) <= LIMIT, ratios
    done = f"{MANY} open tasks, {USERS} users, {GROUPS} groups: the inbox takes "
    done += f"{max(ratios.values()):.2f} times as long as with {FEW}, and {QUERIES} queries"
    proof("P19", done=done, exact=MANY)


def see_that_it_is_right(name: str, page: str, number: int, answer: Any) -> None:
    """See that whoever looks sees what is theirs, counted and in the right order."""
    user = answer.wsgi_request.user
    doable = list(AutomationTaskModel.objects.doable_by(user).select_related("automation"))
    mine = [task for task in doable if task.taken_by_id in (None, user.pk)]
    if page == "?show=free":
        mine = [t for t in mine if t.taken_by_id is None and t.interaction_user_id != user.pk]
    if name == "chief":
        assert len(doable) == number
    order = {
        "?sort=due": lambda task: (task.due_date, task.created, task.pk),
        "?sort=newest": lambda task: (-task.created.timestamp(), -task.pk),
    }.get(page, lambda task: (task.created, task.pk))
    wanted = sorted(mine, key=order)[:SHOWN]
    assert [task.pk for task in answer.context["tasks"]] == [task.pk for task in wanted]
    assert answer.context["count"] == len(mine)
