"""What is done to one run changes nothing of another, however alike they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db.models import Model

from automations import settings
from automations.dispatch import inline
from automations.dispatch.advancing import advance
from automations.dispatch.claims import claim_runs
from automations.engine import blocks, holds, incidents, outside, retention, sending, steps
from automations.engine.attention import delay
from automations.engine.bursts import burst
from automations.engine.run_row import write_due
from automations.engine.starting import save_data
from automations.models import (
    AutomationAuditModel,
    AutomationMessageModel,
    AutomationModel,
    AutomationObjectModel,
    AutomationTaskModel,
)
from tests.engine.rows import at
from tests.engine.test_outside import taken
from tests.plain import HOUR
from tests.testapp.background import Export
from tests.testapp.forms import ApprovalForm
from tests.testapp.inbox_processes import Review
from tests.testapp.language import DAY, Hourly, Newsletter, Order, Sender
from tests.testapp.models import IssueList, Ticket
from tests.testapp.processes import Bound, Fragile, Nested, Straight, Waiting

pytestmark = pytest.mark.django_db

TABLES: list[type[Model]] = [
    AutomationModel,
    AutomationTaskModel,
    AutomationMessageModel,
    AutomationObjectModel,
    AutomationAuditModel,
]


def rows(run: Any) -> list[Any]:
    """Return all that is known of the run."""
    return [
        list(
            table._default_manager.filter(
                **{"pk" if table is AutomationModel else "automation": run.id}
            )
            .order_by("pk")
            .values()
        )
        for table in TABLES
    ]


def person(name: str = "ada") -> User:
    """Return a member of the group that forms ask."""
    user, _ = User.objects.get_or_create(username=name)
    user.groups.add(Group.objects.get_or_create(name="reviewers")[0])
    return user


def failed() -> Any:
    return Fragile(fail=True)


def newsletter() -> Any:
    return Newsletter(email=f"{AutomationModel.objects.count()}@example.com")


def suspended() -> Any:
    run = Fragile()
    incidents.suspend(run.id)
    return run


def asking() -> Any:
    person()
    return Review(title="One")


def taken_by_a_person() -> Any:
    run = asking()
    holds.take(run.id, at(run, "ask").pk, person())
    return run


def with_a_kept_message() -> Any:
    run = Order()
    run.send_message("sent")
    return run


def in_the_background() -> Any:
    run = Export(autorun=False)
    assert steps.step(run.id).outside
    return run


def at_work() -> Any:
    run = in_the_background()
    taken(run)
    return run


def bound() -> Any:
    issues = IssueList.objects.create(title="Issues")
    return Bound(issue_list=issues, ticket=Ticket.objects.create(), autorun=False)


def hourly() -> Any:
    run = Hourly()
    for hour in range(1, 8):
        advance(run.id, now=settings.now() + hour * HOUR)
    return run


def claimed() -> Any:
    run = Straight(autorun=False)
    assert claim_runs([run.id], settings.now(), "me")
    return run


def retried(run: Any) -> None:
    incidents.retry(run.id, at(run, "risky").pk, data={"fail": False}, user=person())
    advance(run.id)


def completed(run: Any) -> None:
    form = ApprovalForm({"approved": "on", "reason": "good"})
    assert form.is_valid()
    inline.submit(run.id, at(run, "ask").pk, form, person())


def worked(run: Any) -> None:
    context = taken(run)
    assert outside.record(context, outside.do(context)).obtained


def worked_in_vain(run: Any) -> None:
    assert outside.record(taken(run), ValueError("no")).postponed


def renewed(run: Any) -> None:
    assert outside.renew(at(run, "work").pk, "me", 0.5, "half")


def follows_data(run: Any) -> None:
    run.data["issue_list"] = IssueList.objects.create(title="Others").pk
    run.save()


def repeated(run: Any) -> None:
    for hour in range(8, 15):
        advance(run.id, now=settings.now() + hour * HOUR)


def sends(run: Any) -> None:
    Sender(to=run.id)


def in_a_block(run: Any) -> None:
    assert blocks.block([run.id], claim="me", now=settings.now())


def deleted(run: Any) -> None:
    assert retention.delete_runs([run.id])


#: How a run comes to stand somewhere, and what is done to it there.
DEEDS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "a burst": (lambda: Straight(autorun=False), lambda run: burst(run.id, most=9)),
    "a step": (lambda: Waiting(autorun=False), lambda run: steps.step(run.id)),
    "a block": (claimed, in_a_block),
    "branches": (lambda: Nested(autorun=False), lambda run: advance(run.id)),
    "a failure": (lambda: Fragile(fail=True, autorun=False), lambda run: advance(run.id)),
    "a retry": (failed, retried),
    "a skip": (failed, lambda run: incidents.skip(run.id, at(run, "risky").pk, result=1)),
    "a cancel": (failed, lambda run: incidents.cancel(run.id, reason="over")),
    "a suspend": (Fragile, lambda run: incidents.suspend(run.id)),
    "a resume": (suspended, lambda run: incidents.resume(run.id)),
    "a form": (asking, completed),
    "a task taken": (asking, lambda run: holds.take(run.id, at(run, "ask").pk, person())),
    "a task given back": (
        taken_by_a_person,
        lambda run: holds.give_back(run.id, at(run, "ask").pk, person()),
    ),
    "a task handed over": (
        taken_by_a_person,
        lambda run: holds.hand_over(run.id, at(run, "ask").pk, person(), person("bob")),
    ),
    "a message": (newsletter, lambda run: run.send_message("confirm")),
    "a message that is kept": (Order, lambda run: run.send_message("sent")),
    "a kept message taken": (with_a_kept_message, lambda run: run.send_message("paid")),
    "a message of a run": (Order, sends),
    "a time-out": (Order, lambda run: advance(run.id, now=settings.now() + 15 * DAY)),
    "work outside": (in_the_background, worked),
    "work outside in vain": (in_the_background, worked_in_vain),
    "a claim renewed": (at_work, renewed),
    "objects": (bound, follows_data),
    "data": (Waiting, lambda run: save_data(run.id, {}, {"ready": True})),
    "history": (hourly, repeated),
    "a delay": (
        Waiting,
        lambda run: delay(at(run, "condition").pk, run.id, settings.now() + HOUR),
    ),
    "a due time": (Waiting, lambda run: write_due(run.id)),
    "a task sent later": (
        Waiting,
        lambda run: sending.later(run.id, at(run, "timer").pk, settings.now() + HOUR),
    ),
    "a deletion": (Straight, deleted),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_what_is_done_to_one_run_changes_nothing_of_those_before_and_after_it(deed: str) -> None:
    make, do = DEEDS[deed]
    before, run, after = make(), make(), make()
    known = [rows(before), rows(after)]
    own = rows(run)
    do(run)
    assert [rows(before), rows(after)] == known
    assert (rows(run) != own) is (deed != "a due time")
