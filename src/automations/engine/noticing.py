"""What people are to be told of a task, written down in the transaction that offers it to them."""

from __future__ import annotations

from datetime import datetime

from automations import settings
from automations.engine.locking import alias
from automations.engine.notifying import notify_left
from automations.models import AutomationNoticeModel, AutomationTaskModel
from automations.signals import task_assigned, task_overdue

Kind = AutomationNoticeModel.Kind


def is_wanted() -> bool:
    """Return whether anybody is told anything: by e-mail, or a receiver of the project's."""
    told = settings.get("ATM_EMAIL") or task_assigned.receivers or task_overdue.receivers
    return bool(told)


def note_assigned(task: AutomationTaskModel, now: datetime) -> None:
    """Let all who are asked be told that the task waits for them, and when it is overdue."""
    if not is_wanted():
        return
    notices = [AutomationNoticeModel(task=task, kind=Kind.ASSIGNED, due=now)]
    if task.due_date is not None and task.due_date > now:
        notices.append(AutomationNoticeModel(task=task, kind=Kind.OVERDUE, due=task.due_date))
    AutomationNoticeModel.objects.using(alias()).bulk_create(notices)
    notify_left()


def note_handed(task: AutomationTaskModel, now: datetime) -> None:
    """Let whoever the task was handed to be told so."""
    if is_wanted():
        AutomationNoticeModel.objects.using(alias()).create(task=task, kind=Kind.ASSIGNED, due=now)
        notify_left()
