"""What a working group discusses."""

from __future__ import annotations

from django.db import models


class IssueList(models.Model):
    """The issues of one week."""

    title = models.CharField(max_length=100)
    announced = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.title


class Issue(models.Model):
    """One issue, and the votes that were counted in the end."""

    issue_list = models.ForeignKey(IssueList, on_delete=models.CASCADE, related_name="issues")
    code = models.CharField(max_length=20)
    title = models.CharField(max_length=200)
    needs_call = models.BooleanField(default=False)
    yes = models.PositiveIntegerField(default=0)
    no = models.PositiveIntegerField(default=0)
    abstain = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.code} {self.title}"


class CalendarEntry(models.Model):
    """A conference call."""

    issue_list = models.ForeignKey(IssueList, on_delete=models.CASCADE, related_name="calls")
    title = models.CharField(max_length=200)
    start = models.DateTimeField()

    def __str__(self) -> str:
        return self.title
