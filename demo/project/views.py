"""The start page of the demo."""

from __future__ import annotations

from typing import Any

import expenses.summary
import issues.summary
import webinars.summary
from django.conf import settings
from django.views.generic import TemplateView

from automations import flow
from project import outbox


class HomeView(TemplateView):
    """What the demo is, what time it is in it, and how each process stands, kept up to date."""

    template_name = "project/home.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        return super().get_context_data(
            now=flow.now(),
            sections=[app.summary.summary() for app in (issues, webinars, expenses)],
            live={"address": self.request.path, "seconds": settings.ATM_REFRESH},
            may_see_history=user.has_perms(
                ["automations.change_automationmodel", "automations.change_automationtaskmodel"]
            ),
            **kwargs,
        )


class MailsView(TemplateView):
    """What has been sent last."""

    template_name = "project/mails.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(mails=outbox.latest(15), **kwargs)
