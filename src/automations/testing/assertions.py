"""What a test may say of a run, with messages that tell where the run stands instead."""

from __future__ import annotations

from collections.abc import Sequence
from types import EllipsisType
from typing import Any

from django.core import mail
from django.core.mail import EmailMessage

from automations.engine.locking import tasks
from automations.models import AutomationTaskModel
from automations.testing.telling import asked, name_of, path_of, row_of, standing

#: How many nodes are told before and after the place where paths part.
AROUND = 10


def assert_waiting_at(run: Any, node: str, *, for_user: Any = None) -> AutomationTaskModel:
    """
    Assert that a task of ``run`` is open at ``node``, and return it.

    ``run`` is an automation, which is brought up to date, or a row. With ``for_user`` it must
    wait for a person, and this user must be one who may do it now. Raise `AssertionError`, which
    says where the run stands, and `NodeNotFound` if the process has no such node.
    """
    row = row_of(run)
    row.definition.node(node)
    found = tasks().open().filter(automation=row.pk, status=node).select_related("automation")
    waiting = list(found.order_by("pk"))
    if not waiting:
        raise AssertionError(f"{name_of(row)} does not wait at {node!r}.\n{standing(row)}")
    if for_user is None:
        return waiting[0]
    for task in waiting:
        if task.is_offered and task.may_be_done_by(fresh(for_user)):
            return task
    if not waiting[0].is_offered:
        raise AssertionError(
            f"{name_of(row)} waits at {node!r}, but not for a person.\n{standing(row)}"
        )
    raise AssertionError(
        f"{name_of(row)} waits at {node!r}, but not for {for_user}: it is for "
        f"{asked(waiting[0])}.\n{standing(row)}"
    )


def fresh(user: Any) -> Any:
    """Return the user as a request would get it, with what it may do now; as it is if unsaved."""
    if user.pk is None:
        return user
    return type(user)._default_manager.filter(pk=user.pk).first() or user


def assert_path(run: Any, expected: Sequence[str | EllipsisType]) -> None:
    """
    Assert that ``run`` has come to exactly these nodes, in this order.

    ``...`` (the Ellipsis) in the list stands for any number of nodes, also none. The nodes of
    branches come in the order in which the run came to them. A node counts as soon as the run
    stands at it. Raise `AssertionError`, which shows where the paths part.
    """
    row = row_of(run)
    path = path_of(row)
    reached = furthest(path, expected)
    if reached is None:
        return
    wanted = ", ".join("..." if name is ... else repr(name) for name in expected)
    taken = ", ".join(map(repr, path[max(reached - AROUND, 0) : reached + AROUND]))
    taken = "..., " * (reached > AROUND) + taken + ", ..." * (reached + AROUND < len(path))
    went = repr(path[reached]) if reached < len(path) else "nothing more"
    before = f"after {path[reached - 1]!r}" if reached else "at its beginning"
    raise AssertionError(
        f"{name_of(row)} has not taken this path; they part {before}, where it came to {went}.\n"
        f"  expected: {wanted}\n"
        f"  taken:    {taken}\n{standing(row)}"
    )


def furthest(path: Sequence[str], expected: Sequence[str | EllipsisType]) -> int | None:
    """Return how far ``path`` is as expected; None if it is to its end, and nothing is missing."""
    # After each entry: how much of the path may have been taken by what is expected so far.
    reachable, most = {0}, 0
    for entry in expected:
        if entry is ...:
            reachable = set(range(min(reachable), len(path) + 1))
        else:
            reachable = {at + 1 for at in reachable if at < len(path) and path[at] == entry}
            most = max(most, max(reachable, default=0))
        if not reachable:
            return most
    return None if len(path) in reachable else max(reachable)


def assert_mail_sent(
    *,
    to: str | None = None,
    subject: str | None = None,
    containing: str | None = None,
    count: int | None = None,
) -> list[EmailMessage]:
    """
    Assert that an e-mail was sent in this test, and return those that were.

    ``to`` is the address of a recipient, ``subject`` and ``containing`` are parts of the subject
    and of the text. ``count`` is how many there must be; without it, at least one. Raise
    `AssertionError`, which lists the e-mails that were sent.
    """
    outbox: list[EmailMessage] = getattr(mail, "outbox", [])
    found = [
        message
        for message in outbox
        if (to is None or to in message.recipients())
        and (subject is None or subject in str(message.subject))
        and (containing is None or containing in str(message.body))
    ]
    if len(found) == count or (count is None and found):
        return found
    told = {"to": to, "subject": subject, "containing": containing}
    like = ", ".join(f"{name}={value!r}" for name, value in told.items() if value is not None)
    sent = [f"  to {', '.join(each.recipients())}: {each.subject}" for each in outbox]
    raise AssertionError(
        f"{len(found)} e-mails with {like or 'anything'} were sent, not "
        f"{'at least one' if count is None else count}. "
        + "\n".join(["These were sent:", *sent] if sent else ["None was sent at all."])
    )
