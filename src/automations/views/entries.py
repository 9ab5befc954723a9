"""What people enter, also what no field can read and no text can hold."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from django.forms import BaseForm
from django.forms.utils import ErrorDict
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

#: What a field raises that does not itself say what is wrong: Django's JSONField does for a number
#: of 5,000 digits, or lists in lists in lists, when it reads them and again when it shows them.
UNREADABLE = (ValueError, OverflowError, RecursionError)


def unchecked(form: BaseForm) -> BaseForm:
    """Return the bound ``form``, to be shown with its entries and without what is wrong in them."""
    form._errors = ErrorDict()  # type: ignore[attr-defined] # else showing it would check it
    forget_unreadable(form)
    return form


def drop_unreadable(form: BaseForm) -> bool:
    """
    Make ``form`` one that can be shown: without what its fields cannot read, and saying so.

    Return whether there was anything of the kind.
    """
    unreadable = forget_unreadable(form)
    if unreadable:
        form.full_clean()
    for name in unreadable:
        form.add_error(name, _("What was entered could not be read."))
    return bool(unreadable)


def forget_unreadable(form: BaseForm) -> list[str]:
    """Take out of the data of ``form`` what its fields cannot read; return their names."""
    unreadable = []
    for name in form.fields:
        try:
            form[name].value()
        except UNREADABLE:
            unreadable.append(name)
    if unreadable:
        data: Any = copy.copy(form.data)  # what the request has cannot be changed
        for name in unreadable:
            data.pop(form.add_prefix(name), None)
        form.data = data
    return unreadable


def is_valid(form: BaseForm) -> bool:
    """Return whether ``form`` is valid; one that holds what no field can read says so."""
    try:
        return form.is_valid()
    except UNREADABLE:
        if not drop_unreadable(form):
            raise  # the form itself is broken
        return False


def primary_keys(texts: Iterable[str], most: int) -> list[int]:
    """Return the primary keys that were chosen, the first ``most``, without what can be none."""
    chosen = [text for text in texts if text.isascii() and text.isdigit()]
    return [int(text) for text in chosen[:most] if len(text) < 19]


class Forgiving(TemplateResponse):
    """Shows what was entered, also what is no valid text: a lone surrogate as a question mark."""

    def make_bytes(self, value: Any) -> bytes:
        if isinstance(value, str):
            value = value.encode(self.charset, "replace")
        return super().make_bytes(value)
