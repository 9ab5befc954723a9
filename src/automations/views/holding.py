"""Take the task that one looks at, give it back, hand it over."""

from __future__ import annotations

from typing import Any

from django.contrib import messages as notes
from django.contrib.auth import get_user_model
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import View

from automations.engine import holds
from automations.exceptions import NotAllowed, RunBusy, TaskClosed, TaskTaken
from automations.models import AutomationTaskModel
from automations.views.addresses import on_this_site, with_way_back
from automations.views.rights import right_or_refuse


class TaskHoldView(LoginRequiredMixin, View):
    """
    Take the task, take it over, give it back, or hand it over to a colleague who may do it.

    Then the page of the task is shown again, with what came of it. The right to do the task is
    checked before any method runs, and once more under the lock.
    """

    http_method_names = ["post", "options"]

    task: AutomationTaskModel

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.is_authenticated:
            return self.handle_no_permission()
        tasks = AutomationTaskModel.objects.filter(pk=kwargs["task_id"])
        self.task = right_or_refuse(request.user, tasks.select_related("automation").first())
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        task = self.task
        try:
            said, level = self.act(task, request.POST), notes.SUCCESS
        except TaskTaken as error:
            said = _("%(name)s was faster and has taken this task.") % {"name": error.by}
            level = notes.WARNING
        except TaskClosed:
            said, level = "", notes.WARNING  # its page says so
        except NotAllowed:
            said, level = _("Nobody of that name may do this task."), notes.WARNING
        except RunBusy:
            busy = _("This process is being worked on just now. Please try again in a moment.")
            said, level = busy, notes.WARNING
        if said:
            notes.add_message(request, level, said, fail_silently=True)
        back = on_this_site(request, request.POST.get("back", ""))
        return redirect(with_way_back(reverse("automations:task", args=[task.pk]), back))

    def act(self, task: AutomationTaskModel, given: Any) -> str:
        """Do what is asked for; return what to tell the user."""
        user, run = self.request.user, task.automation_id
        match given.get("act"):
            case "take":
                over = given.get("from", "")
                holds.take(run, task.pk, user, over_from=key_of(over))
                return _("This task is yours now.")
            case "give_back":
                holds.give_back(run, task.pk, user)
                return _("Nobody in particular has this task any more.")
            case "hand_over":
                colleague = by_name(given.get("to", ""))
                if colleague is None:
                    raise NotAllowed("There is no such user.")
                holds.hand_over(
                    run, task.pk, user, colleague, reason=given.get("reason", "")[:2000]
                )
                return _("%(name)s has this task now.") % {"name": colleague}
            case _:
                return _("Nothing was chosen.")


def key_of(text: str) -> Any:
    """Return the primary key of a user that ``text`` says; None if it says none."""
    field = get_user_model()._meta.pk
    try:
        return field.to_python(text) if text else None
    except ValidationError:
        return None


def by_name(name: str) -> Any:
    """Return the active user of that name; None if there is none."""
    name = name.strip()
    if not name or "\0" in name or len(name) > 254:
        return None
    users = get_user_model()._default_manager.filter(is_active=True)
    return users.filter(**{get_user_model().USERNAME_FIELD: name}).first()
