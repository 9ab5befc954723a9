"""Tasks that are alike for an inbox, counted by what they ask for, in one statement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import BooleanField, Case, Count, Q, Value, When

from automations.models import AutomationTaskModel
from automations.models.offers import Asked, asked_by, read_offer
from automations.models.task_queries import ASKING, TaskQuerySet

#: What holds for tasks that are offered, as the index of the offers knows it.
OFFERED = Q(offer__gt="")
#: What is counted of each kind: all, those with a due date, and those that are overdue.
NUMBERS = ("number", "dated", "overdue")


class Kind(NamedTuple):
    """
    Tasks that are alike: how many of them there are, have a due date, and are overdue.

    ``hold`` says who has them: the user ("mine"), nobody ("free") or another ("taken").
    """

    automation: str
    node: str
    permissions: tuple[str, ...]
    hold: str
    number: int
    dated: int
    overdue: int


def count_all(tasks: TaskQuerySet, user: Any, now: datetime) -> list[Kind]:
    """Count the tasks for somebody who may do them all, whomever they name."""
    own = Q(interaction_user=user.pk)
    rows = list(
        _grouped(tasks, "offer", "taken_by").annotate(**_numbers(now), **_numbers(now, own, "own_"))
    )
    counted: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        every = Counter({name: row[name] for name in NUMBERS})
        mine = Counter({name: row["own_" + name] for name in NUMBERS})
        if row["taken_by"] is not None:
            hold = "mine" if row["taken_by"] == user.pk else "taken"
            counted.setdefault((row["offer"], hold), Counter()).update(every)
        else:
            counted.setdefault((row["offer"], "mine"), Counter()).update(mine)
            every.subtract(mine)
            counted.setdefault((row["offer"], "free"), Counter()).update(every)
    return _kinds(counted, read(row["offer"] for row in rows))


def count_addressed(user: Any, now: datetime) -> list[Kind]:
    """
    Count the offered tasks of which user and group fit; the permissions are still to be decided.

    Tasks are left out that name a user or a group that has been deleted, and those that ask nobody.
    """
    groups = user.groups.order_by().values("pk")
    of_user = Q(interaction_user=user.pk) | Q(interaction_user=None)
    of_group = Q(interaction_group__in=groups) | Q(interaction_group=None)
    # As a CASE, so that no database leaves the index of the offers for those of the two columns.
    fits = Case(
        When(of_user & of_group, then=Value(value=True)),
        default=Value(value=False),
        output_field=BooleanField(),
    )
    tasks = AutomationTaskModel.objects.filter(OFFERED).filter(fits)
    columns = ("offer", "taken_by", "interaction_user", "interaction_group")
    rows = list(_grouped(tasks, *columns).annotate(**_numbers(now)))
    asked = read(row["offer"] for row in rows)
    counted: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        what = asked.get(row["offer"])
        named = row["interaction_user"] is not None, row["interaction_group"] is not None
        if what is None or named != (what.names_user, what.names_group):
            continue
        if any(named) or what.permissions:
            hold = _hold(row, user)
            numbers = {name: row[name] for name in NUMBERS}
            counted.setdefault((row["offer"], hold), Counter()).update(numbers)
    return _kinds(counted, asked)


def _grouped(tasks: TaskQuerySet, *columns: str) -> Any:
    # In the order of the index, so that no database has to sort them.
    return tasks.order_by(*columns).values(*columns)


def _numbers(now: datetime, which: Q | None = None, prefix: str = "") -> dict[str, Any]:
    overdue = Q(due_date__lt=now)
    return {
        prefix + "number": Count("pk", filter=which),
        prefix + "dated": Count("due_date", filter=which),
        prefix + "overdue": Count("pk", filter=overdue & which if which else overdue),
    }


def _hold(row: dict[str, Any], user: Any) -> str:
    if row["taken_by"] is not None:
        return "mine" if row["taken_by"] == user.pk else "taken"
    return "mine" if row["interaction_user"] == user.pk else "free"


def _kinds(counted: dict[tuple[str, str], Counter[str]], asked: dict[str, Asked]) -> list[Kind]:
    return [
        Kind(
            asked[offer].automation,
            asked[offer].node,
            tuple(asked[offer].permissions),
            hold,
            *[numbers[name] for name in NUMBERS],
        )
        for (offer, hold), numbers in counted.items()
        if offer in asked and numbers["number"]
    ]


def read(offers: Iterable[str]) -> dict[str, Asked]:
    """Return what each of the offers says. For those too long to say it, a task is looked at."""
    found = {}
    for offer in set(offers):
        asked = read_offer(offer)
        if asked is None:
            alike = AutomationTaskModel.objects.filter(ASKING, offer=offer)
            task = alike.select_related("automation").first()
            asked = asked_by(task) if task else None
        if asked:
            found[offer] = asked
    return found
