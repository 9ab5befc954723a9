"""What the home page says about the discussion."""

from __future__ import annotations

from project.summary import Summary

from automations.models import AutomationModel
from issues.automations import IssueDiscussion
from issues.models import IssueList

ROLES = {"mia": "moderator", "max": "moderator"}


def summary() -> Summary:
    """Return the section of the home page."""
    run = AutomationModel.objects.filter(
        automation_class=IssueDiscussion.get_automation_name()
    ).last()
    lists = IssueList.objects.prefetch_related("issues", "calls")
    return Summary(
        "issues/summary.html",
        IssueDiscussion,
        ROLES,
        {"data": run.data if run else {}, "lists": lists},
    )
