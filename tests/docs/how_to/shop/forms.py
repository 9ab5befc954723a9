"""The forms of the shop."""

from __future__ import annotations

from django import forms


class ApprovalForm(forms.Form):
    """Yes or no."""

    approved = forms.BooleanField(required=False)
