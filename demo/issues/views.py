"""The start page of the demo."""

from __future__ import annotations

from typing import Any

from django.views.generic import TemplateView
from project import clock

from automations.models import AutomationModel, AutomationTaskModel
from issues.models import IssueList


class HomeView(TemplateView):
    """What the demo is, what time it is in the process, and how the run stands."""

    template_name = "issues/home.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        return super().get_context_data(
            now=clock.now(),
            lists=IssueList.objects.prefetch_related("issues", "calls"),
            runs=AutomationModel.objects.order_by("-pk")[:10],
            waiting=AutomationTaskModel.objects.doable_by(user).count(),
            may_see_history=user.has_perms(
                ["automations.change_automationmodel", "automations.change_automationtaskmodel"]
            ),
            **kwargs,
        )
