"""A process that is started on schedule; imported by those tests alone that want it started."""

from __future__ import annotations

from automations import flow
from automations.flow import this
from tests.testapp.language import Noting


class Weekly(Noting):
    """Started every Monday at nine."""

    class Meta:
        schedule = flow.Cron("0 9 * * MON")

    start = flow.Execute(this.note)
    end = flow.End()
