"""What has gone wrong: runs stopped by an error, and tasks that nobody can do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib import messages as notes
from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from automations.dispatch.advancing import Budget
from automations.engine import incidents
from automations.exceptions import AutomationFinished, RunBusy, TaskClosed
from automations.history import Names
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.runs import RunState
from automations.models.tasks import TaskQuerySet, TaskState
from automations.views.acts import ReasonForm
from automations.views.entries import Forgiving, is_valid, primary_keys
from automations.views.incident_groups import Group, groups
from automations.views.runs import CHANGE_RUNS

#: How many of each stand on one page.
PAGE = 50


class AutomationErrorsView(LoginRequiredMixin, PermissionRequiredMixin, TemplateView):
    """
    Every run that was stopped by an error, and every task that nobody can do.

    The template gets ``groups``, the failed tasks of one automation, node and error each, with how
    many there are; ``automations``, the runs each with its failed tasks, the latest first; and
    ``nobody``, the open tasks whose user or group has been deleted. The last two have pages of
    their own: ``page_obj`` and ``nobody_page``. With ``?automation=...&node=...&error=...``
    there is only that ``group``, its runs, and ``form``, by which they are taken care of.
    """

    template_name = "automations/error_report.html"
    permission_required = CHANGE_RUNS

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        query = self.request.GET if self.request.method != "POST" else self.request.POST
        group = kwargs.pop("group", None) or Group.asked_for(query)
        failed = AutomationModel.objects.filter(state=RunState.FAILED).order_by("-ended", "-pk")
        if group is not None:
            failed = failed.filter(pk__in=group.tasks().values_list("automation", flat=True))
        page = Paginator(failed, PAGE).get_page(query.get("page"))
        context = super().get_context_data(
            automations=with_failed_tasks(page.object_list), page_obj=page, group=group, **kwargs
        )
        if group is not None:
            context.setdefault("form", ReasonForm())
            return context
        orphans = AutomationTaskModel.objects.of_nobody().select_related("automation")
        nobody = Paginator(orphans.order_by("created", "pk"), PAGE).get_page(query.get("nobody"))
        return context | {
            "groups": groups(),
            "nobody": nobody.object_list,
            "nobody_page": nobody,
        }


class IncidentsActView(AutomationErrorsView):
    """
    Retry or cancel some or all of what has failed in one way, with a reason that goes on record.

    ``act`` is ``retry`` or ``cancel``; ``task`` are the failed tasks that are meant, or ``all`` of
    the group. One transaction each, as many as fit into the budget of a request; what is retried
    is run by the scheduler. It answers with a redirect to the group, or to all incidents when
    nothing of it is left, and says how many were taken care of.
    """

    http_method_names = ["post", "options"]
    response_class = Forgiving

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        sent, form = request.POST, ReasonForm(request.POST)
        group = Group.asked_for(sent)
        act = ACTS.get(sent.get("act", ""))
        if group is None or act is None:
            return redirect("automations:error_report")
        if not is_valid(form):
            return self.shown(group, form)
        tasks = group.tasks()
        if not sent.get("all"):
            tasks = tasks.filter(pk__in=primary_keys(sent.getlist("task"), PAGE))
            if not tasks.exists():
                form.add_error(None, _("None of them was chosen, or somebody was faster."))
                return self.shown(group, form)
        done, left = taken_care_of(tasks, act, request.user, form.cleaned_data["reason"])
        notes.success(
            request,
            _("Taken care of: %(done)s. Left: %(left)s.") % {"done": done, "left": left},
            fail_silently=True,
        )
        address = reverse("automations:error_report")
        return redirect(f"{address}?{group.query}" if group.tasks().exists() else address)

    def shown(self, group: Group, form: forms.Form) -> HttpResponse:
        """Return the page of the group, with what is wrong."""
        return self.render_to_response(self.get_context_data(group=group, form=form))


Act = Callable[[AutomationTaskModel, Any, str], None]


def retry(task: AutomationTaskModel, user: Any, reason: str) -> None:
    """Take the task up again."""
    incidents.retry(task.automation_id, task.pk, user=user, reason=reason)


def cancel(task: AutomationTaskModel, user: Any, reason: str) -> None:
    """Cancel the run of the task."""
    incidents.cancel(task.automation_id, user=user, reason=reason)


#: What can be done to many at once.
ACTS: dict[str, Act] = {"retry": retry, "cancel": cancel}


def taken_care_of(tasks: TaskQuerySet, act: Act, user: Any, reason: str) -> tuple[int, int]:
    """Do ``act`` to as many tasks as the budget allows, the oldest first; return done and left."""
    budget = Budget.of_request()
    done = 0
    for task in list(tasks.order_by("pk")[: budget.tasks]):
        if budget.spent():
            break
        try:
            act(task, user, reason)
        except (TaskClosed, AutomationFinished, RunBusy):
            continue  # somebody was faster, or is just now at it
        done += 1
    return done, tasks.count()


class AutomationTracebackView(LoginRequiredMixin, PermissionRequiredMixin, TemplateView):
    """The traceback that was kept of a failed task: ``error``, a text, empty if there is none."""

    template_name = "automations/traceback.html"
    permission_required = CHANGE_RUNS

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        tasks = AutomationTaskModel.objects.select_related("automation")
        task = get_object_or_404(tasks, pk=kwargs["task_id"], automation=kwargs["automation_id"])
        return super().get_context_data(
            automation=task.automation,
            task=task,
            names=Names.of(task),
            error=task.traceback,
            **kwargs,
        )


def with_failed_tasks(
    runs: Iterable[AutomationModel],
) -> list[tuple[AutomationModel, list[AutomationTaskModel]]]:
    """Return each of ``runs`` with its failed tasks, in one query for all."""
    shown = {run.pk: run for run in runs}
    found: dict[int, list[AutomationTaskModel]] = defaultdict(list)
    failed = AutomationTaskModel.objects.filter(automation__in=list(shown), state=TaskState.FAILED)
    for task in failed.order_by("pk"):
        task.automation = shown[task.automation_id]
        found[task.automation_id].append(task)
    return [(run, found[pk]) for pk, run in shown.items()]
