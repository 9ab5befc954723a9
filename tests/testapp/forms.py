"""Forms of the project that the tests run in."""

from __future__ import annotations

from django import forms


class MailModeration(forms.Form):
    """Accept or reject a mail."""

    accepted = forms.BooleanField(required=False)


class ApprovalForm(forms.Form):
    """Say yes or no, and why."""

    approved = forms.BooleanField(required=False)
    reason = forms.CharField(max_length=100)
