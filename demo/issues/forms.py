"""The form of the moderators."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.html import format_html

from issues import mail

CHOICES = [("accept", "Accept"), ("reject", "Reject")]

#: How much of a mail is shown.
EXCERPT = 600


def MailModeration(task: Any) -> type[forms.Form]:
    """Return a form that asks for a decision on each new mail of the task's run."""
    fields = {
        f"mail_{found.number}": forms.ChoiceField(
            choices=CHOICES,
            widget=forms.RadioSelect,
            label=heading(found),
            help_text=excerpt(found),
        )
        for found in mail.read(task.data.get("new", ()))
    }
    return type("MailModeration", (forms.Form,), fields)


def heading(found: mail.Mail) -> str:
    """Return who has written what about."""
    mark = "Automatic: " if found.automatic else ""
    return f"{mark}{found.subject} ({found.sender})"


def excerpt(found: mail.Mail) -> str:
    """Return the beginning of the mail, with everything that looks like markup made harmless."""
    more = "…" if len(found.body) > EXCERPT else ""
    return format_html("{}{}", found.body[:EXCERPT], more)
