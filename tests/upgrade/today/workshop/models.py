from __future__ import annotations

from django.db import models


class Session(models.Model):
    title = models.CharField(max_length=50)

    class Meta:
        app_label = "workshop"


class Note(models.Model):
    """That a node of a run has done its work: so it shows if it does it twice."""

    run = models.IntegerField()
    node = models.CharField(max_length=50)

    class Meta:
        app_label = "workshop"
