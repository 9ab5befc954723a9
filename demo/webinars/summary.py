"""What the home page says about the webinars."""

from __future__ import annotations

from django.db.models import Count, Q
from project.summary import Summary

from automations.models import AutomationTaskModel
from webinars.automations import WebinarJourney
from webinars.models import Webinar

ROLES = {"olga": "organiser"}

#: The columns of the table, and the steps that they count.
STEPS = {
    "signed_up": "welcome",
    "reminded": "reminder",
    "invited": "link",
    "replays": "replay",
    "cancelled": "goodbye",
}


def summary() -> Summary:
    """Return the section of the home page."""
    done = AutomationTaskModel.objects.filter(
        automation__automation_class=WebinarJourney.get_automation_name(),
        state=AutomationTaskModel.State.COMPLETED,
    )
    counts = {
        row["automation__data__webinar"]: row
        for row in done.order_by()
        .values("automation__data__webinar")
        .annotate(**{name: Count("pk", filter=Q(status=step)) for name, step in STEPS.items()})
    }
    webinars = [(webinar, counts.get(webinar.pk, {})) for webinar in Webinar.objects.all()]
    return Summary("webinars/summary.html", WebinarJourney, ROLES, {"webinars": webinars})
