"""What people are still to be told of their tasks, and how each of them wants to be told."""

from __future__ import annotations

from django.conf import settings as project
from django.db import models
from django.utils.translation import gettext_lazy as _

from automations.models.tasks import AutomationTaskModel


class AutomationNoticeModel(models.Model):
    """
    Somebody is to be told of a task at ``due`` (process time); told, the row is gone.

    ``user`` is the only one who is to be told, by e-mail; without one it is the project, by a
    signal, and all who are asked, or whoever has taken the task.
    """

    class Kind(models.TextChoices):
        """Of what people are told."""

        ASSIGNED = "assigned", _("Task assigned")
        OVERDUE = "overdue", _("Task overdue")

    task = models.ForeignKey(AutomationTaskModel, on_delete=models.CASCADE)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    due = models.DateTimeField(_("due"), db_index=True)
    user = models.ForeignKey(
        project.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, verbose_name=_("user")
    )

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        constraints = [
            models.UniqueConstraint(fields=["task", "kind", "user"], name="atm_notice_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.task_id}"


class AutomationPreferenceModel(models.Model):
    """
    How a user wants to be told of tasks; who has no row is told as ``ATM_EMAIL`` says.

    ``by_email`` is empty for who has not chosen. ``digest_due`` (process time) is when the next
    digest is sent; None: there is nothing new.
    """

    class ByEmail(models.TextChoices):
        """How often there is an e-mail."""

        EACH = "each", _("At once, for each task")
        DAILY = "daily", _("Once a day, for all tasks together")
        NEVER = "never", _("Never")

    user = models.OneToOneField(
        project.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("user"),
    )
    by_email = models.CharField(
        _("e-mail about tasks"), max_length=8, choices=ByEmail.choices, blank=True, default=""
    )
    digest_due = models.DateTimeField(_("next digest"), null=True, db_index=True)

    class Meta:
        verbose_name = _("preference")
        verbose_name_plural = _("preferences")

    def __str__(self) -> str:
        return f"{self.user_id}: {self.by_email}"
