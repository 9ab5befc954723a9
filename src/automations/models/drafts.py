"""What somebody has entered into a form, and not sent yet."""

from __future__ import annotations

from django.conf import settings as project
from django.db import models
from django.utils.translation import gettext_lazy as _

from automations import settings
from automations.models.tasks import AutomationTaskModel


class AutomationDraftModel(models.Model):
    """
    The entries of one user for one task, as the browser has sent them: names, lists of texts.

    Nobody else sees them. They are deleted when the task is completed, by whomever.
    """

    task = models.ForeignKey(AutomationTaskModel, on_delete=models.CASCADE)
    user = models.ForeignKey(project.AUTH_USER_MODEL, on_delete=models.CASCADE)
    entered = models.JSONField(_("entered"), default=dict)
    saved = models.DateTimeField(_("saved at"), default=settings.now)

    class Meta:
        verbose_name = _("draft")
        verbose_name_plural = _("drafts")
        constraints = [
            models.UniqueConstraint(fields=["task", "user"], name="atm_draft_once"),
        ]

    def __str__(self) -> str:
        return f"{self.task_id} by {self.user_id}"
