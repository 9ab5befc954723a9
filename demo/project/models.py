"""What the demo has to remember about itself: when its week began, and what has arrived since."""

from __future__ import annotations

from django.db import models


class Week(models.Model):
    """The week of the demo; there is one."""

    begins = models.DateTimeField()

    def __str__(self) -> str:
        return f"The week from {self.begins:%d %B %Y, %H:%M}"


class Source(models.Model):
    """Something that things arrive from, and how many of them have arrived."""

    name = models.CharField(max_length=20, unique=True)
    taken = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name}: {self.taken}"
