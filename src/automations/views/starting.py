"""What a user may start by hand, and starting it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages as notes
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import FormView, TemplateView

from automations.automation import Automation
from automations.exceptions import AutomationError, InvalidData
from automations.hand_starts import start, startable_by
from automations.history import about_process
from automations.inbox import Inbox
from automations.views.entries import Forgiving, fields_template, is_valid


class StartListView(LoginRequiredMixin, TemplateView):
    """The automations that the user may start: ``automations``, a list of classes."""

    template_name = "automations/start_list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found = list(startable_by(self.request.user))
        return super().get_context_data(automations=[shown(each) for each in found], **kwargs)


class StartView(LoginRequiredMixin, FormView):  # type: ignore[type-arg] # not at run time
    """
    Ask what is needed to start a run, and start it.

    Whoever may not start the automation is told that there is none.
    """

    http_method_names = ["get", "post", "head", "options"]
    response_class = Forgiving
    template_name = "automations/start.html"
    automation: type[Automation]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.is_authenticated:
            return self.handle_no_permission()
        mine = startable_by(request.user)
        found = {automation.get_automation_name(): automation for automation in mine}
        if kwargs["automation"] not in found:
            raise Http404(_("There is nothing of that name that you may start."))
        self.automation = found[kwargs["automation"]]
        return super().dispatch(request, *args, **kwargs)

    def get_form_class(self) -> Any:
        return self.automation._meta.options.start_form or forms.Form

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form = self.get_form()
        return self.form_valid(form) if is_valid(form) else self.form_invalid(form)

    def form_valid(self, form: Any) -> HttpResponse:
        asked = self.automation._meta.options.start_form
        try:
            run = start(self.automation, form if asked else None, self.request.user)
        except IntegrityError:
            form.add_error(None, _("This could not be saved, for it contradicts what is there."))
            return self.form_invalid(form)
        except (InvalidData, AutomationError) as error:
            form.add_error(None, str(error))
            return self.form_invalid(form)
        name = {"name": self.automation.get_verbose_name(), "number": run.id}
        said = _("%(name)s has been started: run %(number)s.") % name
        if not run.is_new:
            said = _("%(name)s goes on already: run %(number)s.") % name
        notes.success(self.request, said, fail_silently=True)
        return redirect(self.where_to_go(run.id))

    def where_to_go(self, run_id: int) -> str:
        """Return the page of what the run asks its starter next, else the inbox."""
        task = Inbox(self.request.user).doable.filter(automation=run_id).order_by("pk").first()
        if task is not None:
            return reverse("automations:task", args=[task.pk])
        return reverse("automations:task_list")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(automation=shown(self.automation), **kwargs)
        return context | {"fields_template": fields_template(context["form"])}


def shown(automation: type[Automation]) -> dict[str, Any]:
    """Return how an automation is called, and what its docstring begins with."""
    return {
        "label": automation.get_automation_name(),
        "verbose_name": automation.get_verbose_name(),
        "description": about_process(automation),
    }
