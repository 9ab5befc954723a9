"""The row that says when a sweep was last done."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class AutomationSweepModel(models.Model):
    """
    When a scheduler has last done a sweep, to a minute; a single row.

    ``last`` is the database's own time, ``by`` the host and the process. It is there for
    monitoring; nothing else asks for it.
    """

    id = models.PositiveSmallIntegerField(_("number"), primary_key=True, default=1)
    last = models.DateTimeField(_("last sweep"))
    by = models.CharField(_("done by"), max_length=128)

    class Meta:
        verbose_name = _("last sweep")
        verbose_name_plural = _("last sweeps")
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="atm_sweep_one_row"),
        ]

    def __str__(self) -> str:
        return f"{self.last} by {self.by}"
