"""
Whatever is asked often is answered by an index, also where 95 of 100 rows are history.

The statements are caught while the package does its work, and explained by the database. The table
of schedules is not looked at: it has one row for each class of the code.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection

from automations import delivery, health, notices, settings
from automations.dispatch.claims import claim_runs, give_back, has_claim, new_claim, queue, renew
from automations.dispatch.claims import take as take_run
from automations.dispatch.lanes import Lane, Lanes
from automations.dispatch.peek import idle_runs
from automations.engine import blocks, outside, retention, sending
from automations.engine.blocks import block
from automations.engine.steps import step
from automations.history import entries
from automations.inbox import Inbox, Wanted
from automations.management.commands import automation_step
from automations.models import (
    AutomationAuditModel,
    AutomationMessageModel,
    AutomationModel,
    AutomationNoticeModel,
    AutomationObjectModel,
    AutomationTaskModel,
)
from tests.crowds import look_at_tables, multiply
from tests.plans import END, ORDER, SEARCH, WHOLE, Look, caught
from tests.testapp.background import Export
from tests.testapp.inbox_processes import Review
from tests.testapp.language import Order, Sender
from tests.testapp.models import IssueList
from tests.testapp.processes import Nested, OnePerAddress, Straight, Waiting

pytestmark = [pytest.mark.no_cover, pytest.mark.django_db]

#: Runs that have ended, and runs of each kind that goes on.
ENDED, GOING_ON = 19_000, 250
#: Of these every one is due now.
DUE = 40
HOUR = timedelta(hours=1)

#: By table and columns.
Indexes = set[tuple[str, tuple[str, ...]]]

RUN, TASK, MESSAGE = "run", "task", "message"
BY_KEY = ("id",)
DUE_RUNS, DUE_OF_CLASS = ("due", "id"), ("automation_class", "due", "id")
STATES = ("state", "automation_class")
OF_RUN = ("automation_id", "state")


@pytest.fixture(scope="module")
def crowd(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Let there be a lot of history, and runs of each kind that goes on."""
    with django_db_blocker.unblock():
        User.objects.bulk_create(User(username=f"user {at}") for at in range(200))
        Group.objects.create(name="reviewers")
        history()
        for automation, due in ((Waiting, HOUR), (Waiting, -HOUR), (Review, None), (Order, HOUR)):
            going_on(automation, GOING_ON if due is None or due > -HOUR else DUE, due)
        told()
        look_at_tables()
        yield
        call_command("flush", verbosity=0, interactive=False)


def history() -> None:
    """Let many runs of two classes have ended; some have received messages, and know people."""
    run = Straight()
    last = AutomationModel.objects.get(pk=run.id)
    multiply(last, ENDED)
    AutomationModel.objects.update(ended=settings.now() - 90 * 24 * HOUR)
    others = AutomationModel.objects.filter(pk__gt=last.pk + ENDED // 2)
    others.update(automation_class=Order.get_automation_name())
    some = list(AutomationTaskModel.objects.values_list("pk", "automation")[: ENDED // 4])
    then, user = settings.now() - 90 * 24 * HOUR, User.objects.earliest("pk")
    AutomationMessageModel.objects.bulk_create(
        AutomationMessageModel(automation_id=run, name="paid", key=f"{pk}", taken=then)
        for pk, run in some
    )
    AutomationAuditModel.objects.bulk_create(
        AutomationAuditModel(automation_id=run, task_id=pk, user=user, action="complete", time=then)
        for pk, run in some
    )
    AutomationObjectModel.objects.bulk_create(
        AutomationObjectModel(
            automation_id=run, name=f"list {pk}", model="testapp.issuelist", object_key=str(pk)
        )
        for pk, run in some
    )


def going_on(automation: Any, number: int, due: timedelta | None) -> None:
    """Let so many runs stand where one stands that has just been begun, due after that time."""
    run = AutomationModel.objects.get(pk=automation().id)
    moment = due and settings.now() + due
    AutomationModel.objects.filter(pk=run.pk).update(due=moment)
    open_tasks = AutomationTaskModel.objects.open().filter(automation=run)
    open_tasks.filter(due__isnull=False).update(due=moment)
    multiply(run, number)


def told() -> None:
    """Let people be still to be told of tasks."""
    asking = AutomationTaskModel.objects.offered()[:20]
    AutomationNoticeModel.objects.bulk_create(
        AutomationNoticeModel(task=task, kind="assigned", user=user, due=settings.now() + HOUR)
        for task in asking
        for user in User.objects.all()
    )


def some_of(automation: Any) -> AutomationModel:
    """Return a run of the class that goes on."""
    return next(iter(AutomationModel.objects.filter(state="running").of(automation)))


def due_block() -> list[AutomationModel]:
    """Return the runs that are due."""
    return next(Lanes().blocks(settings.now()))


def lane() -> None:
    """Take the first two blocks of a lane."""
    found = Lane(Waiting.get_automation_name(), settings.now())
    for _ in range(2):
        list(found.block())


def stepped() -> None:
    """Do what is due in a few runs, in one transaction."""
    due, claim = [run.pk for run in due_block()[:5]], new_claim()
    assert claim_runs(due, settings.now(), claim)
    assert block(due, claim=claim, now=settings.now())


def claimed() -> None:
    """Claim what is due, renew the claims, note that they are dispatched, and give them back."""
    ids, claim = [run.pk for run in due_block()], new_claim()
    assert claim_runs(ids, settings.now(), claim)
    renew(ids, claim)
    assert has_claim(ids[0], claim)
    queue(ids, claim)
    take_run(ids[0], settings.now(), claim)
    give_back(ids, claim)


def work_outside() -> None:
    """Take a work that is done outside of a transaction, say how far it is, and record it."""
    run = Export(autorun=False)
    assert step(run.id).outside
    task = AutomationTaskModel.objects.get(automation=run.id)
    taken = outside.take(run.id, task.pk, "ours")
    assert taken is not None
    assert outside.renew(task.pk, "ours", 0.5, "half")
    outside.record(taken, outside.do(taken))


def page_of_a_run() -> None:
    """Read what the page of a run shows."""
    run = some_of(Waiting)
    entries(run, None)
    list(AutomationAuditModel.objects.filter(automation=run).order_by("-pk")[:20])


def sent() -> None:
    """Send a message from a run to another one."""
    order = some_of(Order)
    Sender(to=order.pk)
    Sender(to=order.key)


def deleted() -> None:
    """Delete the first batches of history."""
    assert sum(1 for _ in itertools.islice(retention.delete_in_batches(30, batch=10), 2)) == 2


def inbox(show: str = "open", sort: str = "oldest") -> None:
    """Read what the page of an inbox shows."""
    user = User.objects.latest("pk")
    user.groups.set(Group.objects.all())
    mine, wanted = Inbox(user), Wanted(show=show, sort=sort)
    assert mine.counts()["open"] == GOING_ON
    list(mine.in_pages(wanted)[0:50])
    mine.next()


def unique() -> None:
    """Start a run of which there is one already."""
    OnePerAddress(email="ada@example.com", autorun=False)
    assert not OnePerAddress(email="ada@example.com", autorun=False).is_new


#: What is done often, and the looks that it takes at least.
HOT: dict[str, tuple[Callable[[], Any], Indexes]] = {
    "a sweep looks for due runs": (due_block, {(RUN, DUE_RUNS)}),
    "a lane looks for due runs of a class": (lane, {(RUN, DUE_OF_CLASS)}),
    "a block is claimed": (claimed, {(RUN, BY_KEY)}),
    "conditions are asked": (
        lambda: idle_runs(due_block(), settings.now()),
        {(TASK, OF_RUN)},
    ),
    "a block is stepped": (stepped, {(RUN, BY_KEY), (TASK, OF_RUN), (TASK, BY_KEY)}),
    "branches are joined": (
        Nested,
        {(TASK, ("previous_id", "status")), (TASK, ("fork_id",)), (TASK, OF_RUN)},
    ),
    "a scheduler works out how long to sleep": (
        lambda: automation_step.pause(3600, settings.now()),
        {(RUN, DUE_RUNS)},
    ),
    "notices are looked for": (
        lambda: notices.send_due(lambda: False),
        {("notice", ("due",))},
    ),
    "a monitor asks": (health.read, {(RUN, DUE_RUNS), (TASK, OF_RUN), (RUN, STATES)}),
    "a message reaches a run": (
        lambda: Order(automation_id=some_of(Order).pk).send_message("paid"),
        {(MESSAGE, ("automation_id", "taken"))},
    ),
    "a run sends a message": (
        sent,
        {(MESSAGE, ("key", "automation_id")), (RUN, ("key",)), (RUN, BY_KEY)},
    ),
    "a message reaches a class": (
        lambda: Order.broadcast_message("sent"),
        {(RUN, STATES), (RUN, BY_KEY)},
    ),
    "a run sends to all of a class": (
        lambda: sending.receivers_of({"run": None, "automation": Order._meta.label}),
        {(RUN, STATES)},
    ),
    "a run is found by its key": (
        lambda: delivery.find(Order._meta, some_of(Order).key),
        {(RUN, ("key",))},
    ),
    "a unique run is started": (unique, {(RUN, ("automation_class", "unique_key"))}),
    "runs of an object are looked for": (
        lambda: list(AutomationModel.objects.for_object(IssueList(pk=7))),
        {("object", ("model", "object_key")), (RUN, BY_KEY)},
    ),
    "a work is done outside": (work_outside, {(TASK, BY_KEY), (TASK, OF_RUN), (RUN, BY_KEY)}),
    "a page of a run is read": (page_of_a_run, {(TASK, OF_RUN)}),
    "an inbox is read": (inbox, {(TASK, ("requires_interaction", "created"))}),
    "an inbox is read by due date": (
        partial(inbox, sort="due"),
        {(TASK, ("requires_interaction", "due_date", "created"))},
    ),
    "the tasks that others have taken are read": (partial(inbox, "taken"), set()),
    "what somebody has done is read": (partial(inbox, "done"), {("audit", ("user_id",))}),
    "history is deleted": (deleted, {(RUN, BY_KEY), (TASK, OF_RUN), (TASK, BY_KEY)}),
}


@pytest.mark.parametrize("name", HOT)
def test_what_is_asked_often_is_answered_by_an_index(
    name: str, crowd: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.ATM_EMAIL = True
    # In the transaction of a test nobody may hang up, and on SQLite a block is over in 10 ms.
    monkeypatch.setattr(automation_step, "close_old_connections", lambda: None)
    monkeypatch.setattr(blocks, "longest", lambda: 60)
    work, wanted = HOT[name]
    with caught() as found:
        work()
    looks = found.looks()
    assert looks, "Nothing was asked."
    assert not too_wide(looks)
    answered = answers(looks, wanted)
    assert wanted <= answered, (wanted - answered, looks)


def answers(looks: dict[str, list[Look]], wanted: Indexes) -> Indexes:
    """Return which indexes were asked; of those that are ``wanted`` also which at one end."""
    seen = [look for some in looks.values() for look in some]
    at_end = {look.table for look in seen if look.way == END}
    ends = {(table, columns) for table, columns in wanted if table in at_end}
    return ends | {(look.table, look.columns) for look in seen if look.way == SEARCH}


def too_wide(looks: dict[str, list[Look]]) -> list[tuple[str, Look]]:
    """Return the statements that read a whole table, or an index beyond its beginning."""
    return [
        (sql, look)
        for sql, some in looks.items()
        for look in some
        if look.way == WHOLE or (look.way == ORDER and (" LIMIT " not in sql or " WHERE " in sql))
    ]


FAULTS: dict[str, Callable[[], Any]] = {
    "by a column without an index": lambda: AutomationModel.objects.filter(version=7).count(),
    "by the end of a text": lambda: AutomationModel.objects.filter(key__endswith="x").exists(),
    "in an order without an index": lambda: AutomationTaskModel.objects.order_by("message").first(),
    "what has no order": lambda: list(AutomationMessageModel.objects.values_list("pk")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_statement_without_an_index_is_found(fault: str, crowd: None) -> None:
    with caught() as found:
        FAULTS[fault]()
    assert too_wide(found.looks())


@pytest.mark.parametrize("name", ["a sweep looks for due runs", "a monitor asks"])
def test_an_index_that_is_gone_is_missed(name: str, crowd: None) -> None:
    if connection.vendor == "mysql":
        pytest.skip("MariaDB commits when an index is dropped.")
    work, wanted = HOT[name]
    with connection.cursor() as cursor:
        for index in AutomationModel._meta.indexes:
            cursor.execute(f"DROP INDEX {connection.ops.quote_name(index.name)}")
    with caught() as found:
        work()
    looks = found.looks()
    assert too_wide(looks)
    assert not wanted <= answers(looks, wanted)
