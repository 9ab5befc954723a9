"""The form of one task."""

from __future__ import annotations

from typing import Any

from django.contrib import messages as notes
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import FormView

from automations import drafts, settings
from automations.dispatch import inline
from automations.engine.context import TaskContext
from automations.exceptions import (
    AutomationNotFound,
    InvalidData,
    NodeNotFound,
    NotAllowed,
    RunBusy,
    TaskClosed,
    TaskTaken,
)
from automations.history import Names, so_far
from automations.inbox import Inbox
from automations.models import AutomationAuditModel, AutomationDraftModel, AutomationTaskModel
from automations.nodes.interactions import AnyForm
from automations.views.addresses import on_this_site, with_way_back
from automations.views.entries import (
    Forgiving,
    complain,
    fields_template,
    is_valid,
    unchecked,
)
from automations.views.formsets import close_ranks
from automations.views.rights import refuse, right_or_refuse


class TaskView(LoginRequiredMixin, FormView):  # type: ignore[type-arg] # not at run time
    """
    Show the form of one task, and take it in.

    The right to act is checked in ``dispatch()``, before any method runs, and once more by the
    engine, under the lock, when the form is taken in.
    """

    http_method_names = ["get", "post", "head", "options"]
    response_class = Forgiving
    default_template_name = "automations/form_view.html"

    task: AutomationTaskModel
    task_context: TaskContext
    node: Any
    draft: AutomationDraftModel | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.is_authenticated:
            return self.handle_no_permission()
        tasks = AutomationTaskModel.objects.select_related("automation", "taken_by")
        task = tasks.filter(pk=kwargs["task_id"]).first()
        self.task = right_or_refuse(request.user, task)
        if request.method and request.method.lower() not in self.http_method_names:
            return self.http_method_not_allowed(request, *args, **kwargs)
        try:
            self.task_context = TaskContext(self.task, self.task.automation, settings.now())
            self.task_context.load()
            self.node = self.task_context.node
        except (AutomationNotFound, NodeNotFound):
            return self.closed()
        if not self.task.is_offered:
            return self.closed()
        return super().dispatch(request, *args, **kwargs)

    @property
    def held_by_other(self) -> Any:
        """Who has taken the task, if that is somebody else than the user."""
        return self.task.taken_by if self.task.taken_by_id != self.request.user.pk else None

    def closed(self) -> HttpResponse:
        """Explain that there is nothing to fill in any more."""
        acts = AutomationAuditModel.objects.filter(
            task=self.task, action=AutomationAuditModel.Action.COMPLETE
        )
        context = {
            "task": self.task,
            "names": Names.of(self.task),
            "act": acts.first(),
            "mine": acts.filter(user=self.request.user.pk).exists(),
        }
        return render(self.request, "automations/task_closed.html", context, status=409)

    # The form

    def get_form_class(self) -> Any:
        form: type[AnyForm] = self.node.get_form_class(self.task_context)
        return form

    def get_form_kwargs(self) -> dict[str, Any]:
        kwargs: dict[str, Any] = super().get_form_kwargs()
        kwargs.update(self.node.get_form_kwargs(self.task_context))
        return kwargs

    def get_form(self, form_class: Any = None) -> Any:
        """Return the form; what the user has kept as a draft stands in it when it is looked at."""
        self.draft = drafts.of(self.task, self.request.user)
        if self.draft is None or self.request.method == "POST":
            return close_ranks(super().get_form(form_class))
        kwargs = self.get_form_kwargs() | {"data": drafts.data_of(self.draft)}
        return unchecked(close_ranks((form_class or self.get_form_class())(**kwargs)))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form = self.get_form()
        if "draft" in request.POST:
            return self.keep_draft(form)
        return self.form_valid(form) if is_valid(form) else self.form_invalid(form)

    def get_template_names(self) -> list[str]:
        automation = self.task_context.automation
        chosen = self.node.template_name or getattr(automation, "default_template_name", None)
        return [chosen or self.default_template_name]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        shown = {"task": self.task, "node": self.node, "names": Names.of(self.task)}
        context: dict[str, Any] = super().get_context_data(**shown | kwargs)
        context.update(settings.get("ATM_FORM_VIEW_CONTEXT"))
        context.update(getattr(self.task_context.automation, "context", {}))
        context.update(self.node.context, back=self.back())
        context.update(held_by_other=self.held_by_other, so_far=so_far(self.task.automation))
        context.update(draft=self.draft, fields_template=fields_template(context["form"]))
        return context

    def keep_draft(self, form: Any) -> HttpResponse:
        """Keep what was entered for later, valid or not, and show the page again."""
        try:
            drafts.save(self.task, self.request.user, form)
        except InvalidData as error:
            notes.error(self.request, str(error), fail_silently=True)
            return self.render_to_response(self.get_context_data(form=unchecked(form)))
        except RunBusy:
            return self.busy(unchecked(form))
        notes.success(self.request, _("Your draft has been saved."), fail_silently=True)
        return redirect(with_way_back(self.request.path, self.back()))

    def busy(self, form: Any) -> HttpResponse:
        """Show the form with what was entered, which can be sent again in a moment."""
        response = self.render_to_response(self.get_context_data(form=form, busy=True), status=503)
        response["Retry-After"] = "5"
        return response

    def form_valid(self, form: AnyForm) -> HttpResponse:
        task = self.task
        try:
            inline.submit(task.automation_id, task.pk, form, self.request.user)
        except TaskClosed:
            task.refresh_from_db()
            return self.closed()
        except TaskTaken as error:
            task.refresh_from_db()
            return self.render_to_response(
                self.get_context_data(form=form, held_by_other=error.by), status=409
            )
        except NotAllowed:
            refuse(self.request.user)
        except RunBusy:
            return self.busy(form)
        except IntegrityError:
            # A form of a model: somebody else has been faster with what may exist only once.
            complain(form, _("This could not be saved, for it contradicts what is there."))
            return self.form_invalid(form)
        except InvalidData as error:
            complain(form, str(error))
            return self.form_invalid(form)
        return super().form_valid(form)

    def get_success_url(self) -> str:
        if "next" in self.request.POST and (task := Inbox(self.request.user).next()):
            return with_way_back(reverse("automations:task", args=[task.pk]), self.back())
        wanted = self.node.success_url
        if wanted:
            return resolve_url(wanted(self.task) if callable(wanted) else wanted)
        return self.back() or reverse("automations:task_list")

    def back(self) -> str:
        """Return where the user wants to go back to, if that is a page of this site."""
        wanted = self.request.POST.get("back") or self.request.GET.get("back") or ""
        return on_this_site(self.request, wanted)
