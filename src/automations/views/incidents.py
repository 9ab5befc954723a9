"""What has gone wrong: runs stopped by an error, and tasks that nobody can do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404
from django.views.generic import TemplateView

from automations.history import Names
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.runs import RunState
from automations.models.tasks import TaskState
from automations.views.runs import CHANGE_RUNS

#: How many of each stand on one page.
PAGE = 50


class AutomationErrorsView(LoginRequiredMixin, PermissionRequiredMixin, TemplateView):
    """
    Every run that was stopped by an error, and every task that nobody can do.

    The template gets ``automations``, the runs each with its failed tasks, the latest first, and
    ``nobody``, the open tasks whose user or group has been deleted. Either has pages of its own:
    ``page_obj`` and ``nobody_page``.
    """

    template_name = "automations/error_report.html"
    permission_required = CHANGE_RUNS

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        query = self.request.GET
        failed = AutomationModel.objects.filter(state=RunState.FAILED).order_by("-ended", "-pk")
        page = Paginator(failed, PAGE).get_page(query.get("page"))
        orphans = AutomationTaskModel.objects.of_nobody().select_related("automation")
        nobody = Paginator(orphans.order_by("created", "pk"), PAGE).get_page(query.get("nobody"))
        return super().get_context_data(
            automations=with_failed_tasks(page.object_list),
            page_obj=page,
            nobody=nobody.object_list,
            nobody_page=nobody,
            **kwargs,
        )


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
