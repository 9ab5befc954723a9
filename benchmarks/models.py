"""What steps write, so that it can be counted."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Effect(models.Model):
    """One line for each time that the work of a step was done; nothing keeps it from being two."""

    objects: ClassVar[models.Manager[Effect]] = models.Manager()

    run = models.BigIntegerField()

    def __str__(self) -> str:
        return f"effect of run {self.run}"
