"""Who may do a task, and what others are told of it."""

from __future__ import annotations

from typing import Any, NoReturn

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _

from automations.models import AutomationTaskModel

#: Either lets a user see that a run, and so each of its tasks, exists.
SEE_RUNS = ("automations.view_automationmodel", "automations.change_automationmodel")


def right_or_refuse(user: Any, task: AutomationTaskModel | None) -> AutomationTaskModel:
    """Return ``task`` if the user may do it; say that it is not there to who may not know."""
    if task is not None and task.may_be_done_by(user):
        return task
    return refuse(user, exists=task is not None)


def refuse(user: Any, *, exists: bool = True) -> NoReturn:
    """Refuse; whoever may not know of the task is told that there is none."""
    if exists and any(user.has_perm(right) for right in SEE_RUNS):
        raise PermissionDenied
    raise Http404(_("There is no such task."))
