"""Processes whose pages the tests look at."""

from __future__ import annotations

from typing import Any

from django import forms

from automations import flow
from automations.flow import this
from tests.testapp.models import Effect, IssueList


class Everything(forms.Form):
    """One field of every kind that matters."""

    text = forms.CharField()
    number = forms.IntegerField(required=False)
    ratio = forms.FloatField(required=False)
    day = forms.DateField(required=False)
    choice = forms.ChoiceField(choices=[("a", "A"), ("b", "B")], required=False)
    extra = forms.JSONField(required=False)
    issues = forms.ModelMultipleChoiceField(IssueList.objects.all(), required=False)
    attachment = forms.FileField(required=False)


class Asks(flow.Automation):
    """Asks whom its data says, by every kind of assignment."""

    class Meta:
        verbose_name = "Asking <around>"

    start = (
        flow.Split().Next(this.by_user).Next(this.by_group).Next(this.by_right).Next(this.by_all)
    )
    by_user = flow.Form(Everything, description="For <b>one</b>.").User(username="asked")
    user_joins = flow.Execute().Next(this.join)
    by_group = flow.Form(Everything, success_url="/thanks/").Group(name="members")
    group_joins = flow.Execute().Next(this.join)
    by_right = flow.Form(Everything).Permission("testapp.view_effect")
    right_joins = flow.Execute().Next(this.join)
    by_all = (
        flow.Form(Everything, success_url=lambda task: f"/done/{task.pk}/")
        .User(this.everything)
        .Group(name="members")
        .Permission("testapp.view_effect")
    )
    join = flow.Join()
    effect = flow.Execute(this.note)
    end = flow.End()

    def everything(self, task: Any) -> Any:
        """Ask the user of that name, by a callable."""
        from django.contrib.auth import get_user_model

        return get_user_model().objects.get(username="all")

    def note(self, task: Any) -> None:
        """Leave an effect."""
        Effect.objects.create(run=self.id, node="note")
