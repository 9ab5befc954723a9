"""The row of a message that has reached a run."""

from __future__ import annotations

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from automations import settings
from automations.models.runs import AutomationModel
from automations.models.tasks import AutomationTaskModel


class AutomationMessageModel(models.Model):
    """
    One message that has reached a run: kept for a node that waits for it, or taken.

    ``key`` says which sending it comes from: the same sending reaches a run once, however often
    it is tried. It is empty for messages that code has sent. ``taken`` is empty while no node
    has taken the message; ``created`` and ``taken`` are process time.
    """

    automation = models.ForeignKey(
        AutomationModel,
        on_delete=models.CASCADE,
        db_index=False,
        related_name="messages",
        verbose_name=_("automation"),
    )
    name = models.CharField(_("name"), max_length=256)
    token = models.TextField(_("token"), null=True)  # noqa: DJ001 - None and "" are both tokens
    data = models.JSONField(_("data"), null=True, encoder=DjangoJSONEncoder)
    key = models.CharField(  # noqa: DJ001 - NULL: any number of messages without a key
        _("key"), max_length=128, null=True, help_text=_("Which sending the message comes from.")
    )
    answer = models.JSONField(
        _("answer"), null=True, encoder=DjangoJSONEncoder, help_text=_("What the run answered.")
    )
    created = models.DateTimeField(_("created"), default=settings.now)
    taken = models.DateTimeField(_("taken"), null=True)
    task = models.ForeignKey(
        AutomationTaskModel,
        on_delete=models.SET_NULL,
        null=True,
        verbose_name=_("task that took it"),
    )

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        indexes = [models.Index(fields=["automation", "taken"], name="atm_message_kept")]
        constraints = [
            # The key first: whether anybody has caught a message is asked by it alone.
            models.UniqueConstraint(fields=["key", "automation"], name="atm_message_once"),
            models.CheckConstraint(condition=~Q(name=""), name="atm_message_has_a_name"),
        ]

    def __str__(self) -> str:
        return f"{self.name} to {self.automation_id}"
