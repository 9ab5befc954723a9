"""
Telling people of their tasks: by e-mail, and by signals to the project.

What is to be told is written down with the task (`automations.engine.noticing`). The scheduler
takes it from there once that is committed, and tells it once: what has been taken is told by
nobody else. An e-mail that cannot be sent is tried again, by and by less often, for as long as the
task waits. If a process dies between taking and sending, that e-mail is lost; the task is not, and
stands in the inbox.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings as project
from django.core import signing
from django.core.mail import EmailMessage
from django.db.models import Min
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from automations import settings
from automations.engine.announcing import tell
from automations.engine.locking import alias, atomic, in_own_turn, take_write_lock
from automations.engine.noticing import Kind, is_wanted
from automations.history import Names
from automations.inbox import Inbox, Wanted
from automations.models import (
    AutomationNoticeModel,
    AutomationPreferenceModel,
    AutomationTaskModel,
)
from automations.models.runs import RunState
from automations.models.tasks import TaskState
from automations.signals import task_assigned, task_overdue

if TYPE_CHECKING:
    from django.contrib.auth.models import User

logger = logging.getLogger("automations")

ByEmail = AutomationPreferenceModel.ByEmail
#: Notices, and digests, that are told at a time.
MOST = 50
#: Tasks that a digest lists.
LISTED = 20
#: How long to wait at least, and at most, until what could not be sent is tried again.
SOON, LATE = timedelta(minutes=5), timedelta(days=1)
SALT = "automations.unsubscribe"
SIGNALS = {Kind.ASSIGNED: task_assigned, Kind.OVERDUE: task_overdue}


def send_due(stopped: Callable[[], bool] = lambda: False) -> int:
    """
    Tell people what is due; return how many e-mails were sent. `automation_step` calls it.

    Each notice is taken in a transaction of its own, and then told. ``stopped`` is asked between
    them.
    """
    if not is_wanted():
        return 0
    now, sent = settings.now(), 0
    for notice in due_notices(now, for_all=True):
        if stopped():
            return sent
        if spread(notice, now):
            tell(SIGNALS[Kind(notice.kind)], notice.task.automation, notice.task)
    if not settings.get("ATM_EMAIL"):
        return 0
    for notice in due_notices(now, for_all=False):
        if stopped():
            return sent
        sent += send_notice(notice, now)
    rows = preferences().filter(digest_due__lte=now).select_related("user")
    for row in rows.order_by("digest_due", "pk")[:MOST]:
        if stopped():
            return sent
        sent += send_digest(row, now)
    return sent


def next_due(now: datetime) -> datetime | None:
    """Return when somebody is to be told something next, after ``now``; None if nobody is."""
    if not is_wanted():
        return None
    later = notices().filter(due__gt=now).aggregate(next=Min("due"))["next"]
    digest = preferences().filter(digest_due__gt=now).aggregate(next=Min("digest_due"))["next"]
    return min((moment for moment in (later, digest) if moment), default=None)


def due_notices(now: datetime, *, for_all: bool) -> list[AutomationNoticeModel]:
    """Return what is due, the oldest first; what is of no use any more is deleted."""
    due = notices().filter(due__lte=now, user__isnull=for_all)
    offered = {"task__state": TaskState.WAITING, "task__requires_interaction": True}
    gone = list(due.exclude(**offered).values_list("pk", flat=True)[: 20 * MOST])
    if gone:
        in_own_turn(notices().filter(pk__in=gone).delete)
    found = due.filter(**offered, task__automation__state=RunState.RUNNING)
    found = found.select_related("task__automation", "task__taken_by", "user")
    return list(found.order_by("due", "pk")[:MOST])


def take(notice: AutomationNoticeModel) -> bool:
    """Return whether it is for this process, and for no other, to tell it."""
    return bool(notices().filter(pk=notice.pk).delete()[0])


def spread(notice: AutomationNoticeModel, now: datetime) -> bool:
    """
    Make one notice for each who wants an e-mail of its own, in the place of that for all.

    One transaction. Return False if another process has done it.
    """
    task, kind = notice.task, notice.kind
    wanted = dict(wishes(people(task))) if settings.get("ATM_EMAIL") else {}
    each = [user for user, wish in wanted.items() if wish == ByEmail.EACH]
    with atomic():
        take_write_lock()
        if not take(notice):
            return False
        told = [AutomationNoticeModel(task=task, kind=kind, due=now, user=user) for user in each]
        notices().bulk_create(told, ignore_conflicts=True)
        for user, wish in wanted.items():
            if wish == ByEmail.DAILY:
                note_digest(user, now)
    return True


def send_notice(notice: AutomationNoticeModel, now: datetime) -> int:
    """Send an e-mail to whom the notice is for; return how many were sent."""
    task, user = notice.task, cast("User", notice.user)
    if not in_own_turn(partial(take, notice)):
        return 0  # another process does it
    holder = task.taken_by_id
    if holder not in (None, user.pk) or not task.may_be_done_by(user):
        return 0
    if dict(wishes([user])).get(user) != ByEmail.EACH:
        return 0
    context = {"task": task, "names": Names.of(task), "overdue": is_late(task, now)}
    link = on_site("task", task.pk)
    if send(user, notice.kind, context | {"link": link}):
        return 1
    since = task.due_date if notice.kind == Kind.OVERDUE else task.created
    again = AutomationNoticeModel(task=task, kind=notice.kind, user=user)
    again.due = now + min(max(SOON, now - (since or now)), LATE)
    in_own_turn(partial(notices().bulk_create, [again], ignore_conflicts=True))
    return 0


def is_late(task: AutomationTaskModel, now: datetime) -> bool:
    """Return whether the task should have been done by now."""
    return task.due_date is not None and task.due_date <= now


def people(task: AutomationTaskModel) -> list[Any]:
    """
    Return who is to be told: whoever has taken the task, or all who are asked.

    Superusers may do everything, and are told of what they are asked to do by name.
    """
    if task.taken_by_id is not None:
        return [task.taken_by] if task.taken_by and task.may_be_done_by(task.taken_by) else []
    asked = list(task.get_users_with_permission(include_superusers=False))
    by_name = task.interaction_user
    if by_name is not None and by_name not in asked and task.may_be_done_by(by_name):
        asked.append(by_name)
    return asked


def wishes(users: Iterable[Any]) -> Iterator[tuple[Any, str]]:
    """Yield each of the users who has an address, with how he or she wants to be told."""
    reached = [user for user in users if user.is_active and address_of(user)]
    chosen = preferences().filter(user__in=[user.pk for user in reached]).exclude(by_email="")
    wanted = dict(chosen.values_list("user", "by_email"))
    for user in reached:
        yield user, wanted.get(user.pk, settings.get("ATM_EMAIL"))


def note_digest(user: Any, now: datetime) -> None:
    """Let the user have a digest the next time that they are sent."""
    row, _ = preferences().get_or_create(user=user)
    preferences().filter(pk=row.pk, digest_due=None).update(digest_due=next_digest(now))


def next_digest(now: datetime) -> datetime:
    """Return when digests are sent next: at ``ATM_DIGEST_HOUR`` of this day or the next one."""
    zone = timezone.get_default_timezone()
    hour, today = time(settings.get("ATM_DIGEST_HOUR")), now.astimezone(zone).date()
    moment = datetime.combine(today, hour, zone)
    return moment if moment > now else datetime.combine(today + timedelta(days=1), hour, zone)


def send_digest(row: AutomationPreferenceModel, now: datetime) -> int:
    """Send what waits for the user, if that is anything; return how many e-mails were sent."""
    same = preferences().filter(pk=row.pk, digest_due=row.digest_due)
    if not in_own_turn(partial(same.update, digest_due=None)):
        return 0  # another process does it
    user = row.user
    if dict(wishes([user])).get(user) != ByEmail.DAILY:
        return 0
    inbox = Inbox(user, now)
    counts = inbox.counts()
    if not counts["open"]:
        return 0
    tasks = [
        (task, Names.of(task), on_site("task", task.pk))
        for task in inbox.tasks(Wanted(sort="due"))[:LISTED]
    ]
    context = {"tasks": tasks, "count": counts["open"], "overdue": counts["overdue"]}
    if send(user, "digest", context | {"link": on_site("task_list")}):
        return 1
    undone = preferences().filter(pk=row.pk, digest_due=None)
    in_own_turn(partial(undone.update, digest_due=now + SOON))
    return 0


def send(user: Any, kind: str, context: dict[str, Any]) -> bool:
    """
    Send the user the e-mail of that kind; return False if that has failed, which is logged.

    The texts are the templates ``automations/email/{kind}.txt`` and ``{kind}_subject.txt``, in
    the language and time zone of the project.
    """
    leave = on_site("unsubscribe", signed(user))
    context = {**context, "user": user, "unsubscribe": leave, "choose": on_site("notifications")}
    try:
        with translation.override(project.LANGUAGE_CODE), timezone.override(None):
            subject = render_to_string(f"automations/email/{kind}_subject.txt", context)
            body = render_to_string(f"automations/email/{kind}.txt", context)
        headers = {
            "Auto-Submitted": "auto-generated",  # RFC 3834: no absence note is wanted
            "List-Unsubscribe": f"<{leave}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",  # RFC 8058
        }
        to = [address_of(user)]
        return bool(EmailMessage(" ".join(subject.split()), body, to=to, headers=headers).send())
    except Exception:  # whatever a template or a mail server comes up with
        logger.exception("An e-mail about tasks could not be sent to %s", user)
        return False


def address_of(user: Any) -> str:
    """Return the user's e-mail address; "" if there is none."""
    return str(getattr(user, user.get_email_field_name(), "") or "")


def on_site(name: str, *arguments: Any) -> str:
    """Return the whole address of a page of the package."""
    site: str = settings.get("ATM_SITE")
    return site.rstrip("/") + reverse(f"automations:{name}", args=arguments)


def signed(user: Any) -> str:
    """Return what lets whoever gets the user's mail end that, without logging in."""
    return signing.dumps(str(user.pk), salt=SALT)


def choose(user: Any, by_email: str) -> None:
    """Note how the user wants to be told from now on; "" is as ``ATM_EMAIL`` says."""
    kept: dict[str, Any] = {"by_email": by_email}
    if (by_email or settings.get("ATM_EMAIL")) != ByEmail.DAILY:
        kept["digest_due"] = None
    in_own_turn(partial(preferences().update_or_create, user=user, defaults=kept))


def chosen_by(user: Any) -> str:
    """Return what the user has chosen; "" if nothing."""
    return preferences().filter(user=user).values_list("by_email", flat=True).first() or ""


def notices() -> Any:
    """All that people are still to be told."""
    return AutomationNoticeModel.objects.using(alias())


def preferences() -> Any:
    """How users want to be told."""
    return AutomationPreferenceModel.objects.using(alias())
