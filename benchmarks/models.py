"""What steps write, so that it can be counted."""

from django.db import models


class Effect(models.Model):
    """One line for each time that the work of a step was done; nothing keeps it from being two."""

    run = models.BigIntegerField()

    def __str__(self) -> str:
        return f"effect of run {self.run}"
