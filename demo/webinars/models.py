"""What people sign up for."""

from __future__ import annotations

import datetime

from django.db import models

from automations import flow

LENGTH = datetime.timedelta(minutes=150)


class Webinar(models.Model):
    """A webinar. Its date may be moved: the journeys of those who signed up follow it."""

    code = models.SlugField(unique=True)
    title = models.CharField(max_length=100)
    begins = models.DateTimeField()

    class Meta:
        ordering = ("begins",)

    def __str__(self) -> str:
        return self.title

    @property
    def ends(self) -> datetime.datetime:
        """When the recording is there, and nobody can sign up any more."""
        return self.begins + LENGTH

    @property
    def is_over(self) -> bool:
        """Whether that time has come."""
        return flow.now() >= self.ends
