"""A process that asks a team."""

from __future__ import annotations

from django import forms

from automations import flow


class Answer(forms.Form):
    """Yes or no."""

    yes = forms.BooleanField(required=False)


class AsksTheTeam(flow.Automation):
    """Asks whoever is in the team."""

    ask = flow.Form(Answer).Group(title="blue")
    end = flow.End()
