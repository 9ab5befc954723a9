"""Looks from outside like the template tags of crispy-forms, as far as the pages use them."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.filter(name="crispy")
def by_filter(form: Any) -> SafeString:
    """Say that the form was shown by the filter."""
    return format_html("<p>by filter</p>{}", form.as_p())


@register.simple_tag(name="crispy")
def by_tag(form: Any, helper: Any) -> SafeString:
    """Say that the form was shown by its helper, and how."""
    says = f"by helper {helper.name}, form_tag={helper.form_tag}, no csrf={helper.disable_csrf}"
    return format_html("<p>{}</p>", says)
