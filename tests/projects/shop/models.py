"""What the shop sells."""

from __future__ import annotations

from django.db import models


class Purchase(models.Model):
    """Something that was bought, to be delivered at a time."""

    title = models.CharField(max_length=100)
    when = models.DateTimeField()

    def __str__(self) -> str:
        return self.title
