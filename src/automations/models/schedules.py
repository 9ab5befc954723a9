"""The row that says when an automation is started next."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from automations import settings


class AutomationScheduleModel(models.Model):
    """
    When an automation with a ``Meta.schedule`` is started next, and when it was last.

    Whoever starts it holds the lock on this row and moves ``due`` on in the same transaction, so
    that one run is started per due time. ``due`` is empty once the code has no such schedule any
    more. All times are process time.
    """

    automation_class = models.CharField(_("process class"), max_length=256)
    rule = models.CharField(_("rule"), max_length=255)
    due = models.DateTimeField(_("due"), null=True, db_index=True)
    last = models.DateTimeField(_("last started"), null=True)
    created = models.DateTimeField(_("created"), default=settings.now)

    class Meta:
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")
        constraints = [
            models.UniqueConstraint(fields=["automation_class"], name="atm_schedule_one_per_class"),
        ]

    def __str__(self) -> str:
        return f"{self.automation_class}: {self.rule}"
