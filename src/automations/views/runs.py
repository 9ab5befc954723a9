"""What has happened in a run."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.shortcuts import get_object_or_404
from django.views.generic import TemplateView

from automations.history import entries
from automations.models import AutomationModel

#: Who has both may see what has happened in a run, errors and tracebacks included.
CHANGE_RUNS = ("automations.change_automationmodel", "automations.change_automationtaskmodel")


class AutomationHistoryView(LoginRequiredMixin, PermissionRequiredMixin, TemplateView):
    """What has happened in a run, task by task."""

    template_name = "automations/history.html"
    permission_required = CHANGE_RUNS

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        run = get_object_or_404(AutomationModel, pk=kwargs["automation_id"])
        found, page = entries(run, self.request.GET.get("page"))
        return super().get_context_data(automation=run, entries=found, page_obj=page, **kwargs)
