"""Models of the project that the tests run in."""

from __future__ import annotations

import uuid

from django.db import models

from automations.models import AutomationModel, AutomationTaskModel


class IssueList(models.Model):
    """A list of issues, as in the central page of the documentation."""

    title = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.title


class Ticket(models.Model):
    """Something with a key that is no number."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)

    def __str__(self) -> str:
        return str(self.id)


class Webinar(models.Model):
    """Something that begins at a time, which may be moved."""

    title = models.CharField(max_length=100)
    begins = models.DateTimeField()
    slides = models.FileField(upload_to="slides", blank=True)

    def __str__(self) -> str:
        return self.title


class Effect(models.Model):
    """One effect of one task: written without any constraint, so that a doubled one shows."""

    run = models.BigIntegerField(db_index=True)
    node = models.CharField(max_length=100)
    task = models.BigIntegerField(null=True)
    process = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        return f"{self.node} of {self.run}"


class AbstractThing(models.Model):
    """A model without a table."""

    class Meta:
        abstract = True


class Note(models.Model):
    """
    What a project keeps about a run and one of its tasks.

    Without constraints of the database: this app has no migrations, and so is there before the
    tables of the package are.
    """

    run = models.ForeignKey(AutomationModel, models.CASCADE, db_constraint=False)
    task = models.ForeignKey(
        AutomationTaskModel, models.SET_NULL, null=True, db_constraint=False, related_name="+"
    )

    def __str__(self) -> str:
        return f"Note on {self.run_id}"


class Comment(models.Model):
    """What belongs to a note, and goes with it."""

    note = models.ForeignKey(Note, models.CASCADE)

    def __str__(self) -> str:
        return f"Comment on {self.note_id}"


class Invoice(models.Model):
    """What must not lose its run."""

    run = models.ForeignKey(AutomationModel, models.PROTECT, db_constraint=False)

    def __str__(self) -> str:
        return f"Invoice of {self.run_id}"


class SignUp(models.Model):
    """Somebody who wants to come to a webinar."""

    webinar = models.ForeignKey(Webinar, models.CASCADE)
    email = models.EmailField()

    def __str__(self) -> str:
        return self.email
