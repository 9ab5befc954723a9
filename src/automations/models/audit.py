"""The record of what people did."""

from __future__ import annotations

from django.conf import settings as project
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from automations import settings
from automations.models.runs import AutomationModel
from automations.models.tasks import AutomationTaskModel


class AutomationAuditModel(models.Model):
    """
    One act of a person: who, when (process time), what, on which task.

    It is written in the transaction of the act itself, and never changed. ``user_name`` keeps
    the name when the user is deleted.
    """

    class Action(models.TextChoices):
        """What a person can do."""

        START = "start", _("Run started")
        COMPLETE = "complete", _("Form completed")
        TAKE = "take", _("Task taken")
        GIVE_BACK = "give_back", _("Task given back")
        HAND_OVER = "hand_over", _("Task handed over")
        RETRY = "retry", _("Task retried")
        SKIP = "skip", _("Task skipped")
        CANCEL = "cancel", _("Run cancelled")
        SUSPEND = "suspend", _("Run suspended")
        RESUME = "resume", _("Run resumed")
        MESSAGE = "message", _("Message sent")
        CHANGE = "change", _("Data changed")

    automation = models.ForeignKey(AutomationModel, on_delete=models.CASCADE)
    task = models.ForeignKey(AutomationTaskModel, on_delete=models.SET_NULL, null=True)
    user = models.ForeignKey(project.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True)
    user_name = models.CharField(_("name of the user"), max_length=255, blank=True, default="")
    action = models.CharField(_("action"), max_length=16, choices=Action.choices)
    time = models.DateTimeField(_("time"), default=settings.now)
    reason = models.TextField(_("reason"), blank=True, default="")
    changes = models.JSONField(_("changes"), default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")

    def __str__(self) -> str:
        return f"{self.action} by {self.user_name or '-'}"
