"""The row that says which object a run is bound to."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from automations.models.runs import AutomationModel


class AutomationObjectModel(models.Model):
    """
    One object that a run is bound to: what `AutomationModel.objects.for_object` looks up.

    ``name`` is the attribute of the automation, ``model`` the label of the object's model in
    lower case, ``object_key`` its primary key as text. The truth is the run's ``data``; these
    rows follow it in the same transaction.
    """

    automation = models.ForeignKey(
        AutomationModel,
        on_delete=models.CASCADE,
        db_index=False,
        related_name="bound_objects",
        verbose_name=_("automation"),
    )
    name = models.CharField(_("name"), max_length=200)
    model = models.CharField(_("model"), max_length=255)
    object_key = models.CharField(_("primary key of the object"), max_length=255)

    class Meta:
        verbose_name = _("bound object")
        verbose_name_plural = _("bound objects")
        indexes = [models.Index(fields=["model", "object_key"], name="atm_object_runs")]
        constraints = [
            models.UniqueConstraint(fields=["automation", "name"], name="atm_object_one_per_name"),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.model} {self.object_key}"
