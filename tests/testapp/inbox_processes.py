"""Processes that fill inboxes, and that people start by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms

from automations import flow
from automations.flow import this
from tests.testapp.forms import ApprovalForm
from tests.testapp.models import IssueList


class Review(flow.Automation):
    """Asks a group, and says by when."""

    class Meta:
        verbose_name = "Review"
        subject = "{title} for {name}"

    ask = flow.Form(ApprovalForm).Group(name="reviewers").DueIn(this.patience)
    end = flow.End()

    def patience(self, task: Any) -> timedelta:
        """Two days, if the data says nothing else."""
        return timedelta(hours=self.data.get("hours", 48))


class Limited(flow.Automation):
    """Asks somebody for a day."""

    ask = flow.Form(ApprovalForm).Permission("testapp.view_effect").SkipAfter(timedelta(days=1))
    end = flow.End()


class ReviewForm(forms.Form):
    """What a review needs to be started."""

    title = forms.CharField(max_length=20)
    hours = forms.IntegerField(required=False)
    token = forms.CharField(required=False)
    issues = forms.ModelMultipleChoiceField(IssueList.objects.all(), required=False)


class ByHand(Review):
    """
    Review what you name.

    People see the first part of this.
    """

    class Meta:
        verbose_name = "Review by hand"
        start_form = ReviewForm
        start_permission = "testapp.view_effect"


class ByAnybody(flow.Automation):
    """Is started by whoever is logged in, about an issue list that is made for it."""

    class Meta:
        start_form = forms.modelform_factory(IssueList, fields=["title"])

    unique = False
    issue_list = IssueList
    end = flow.End()


class ByButton(flow.Automation):
    """Needs nothing to be started, and is there once."""

    class Meta:
        start_permission = "testapp.view_effect"

    unique = True
    ask = flow.Form(ApprovalForm).Permission("testapp.view_effect")
    end = flow.End()


class Twofold(flow.Automation):
    """Asks somebody, and fails in the other branch if the data says so."""

    unique = False
    split = flow.Split().Next(this.ask).Next(this.risk)
    ask = flow.Form(ApprovalForm).Permission("testapp.view_effect").Next(this.join)
    risk = flow.Execute(this.fail_if_told).Next(this.join)
    join = flow.Join()
    end = flow.End()

    def fail_if_told(self, task: Any) -> None:
        """Fail while the data says so."""
        if self.data["fails"]:
            raise ValueError("told to")
