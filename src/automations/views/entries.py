"""What people enter, also what no field can read and no text can hold."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.forms import BaseForm, BaseFormSet
from django.forms.utils import ErrorDict, ErrorList
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

#: What a field raises that does not itself say what is wrong: Django's JSONField does for a number
#: of 5,000 digits, or lists in lists in lists, when it reads them and again when it shows them.
UNREADABLE = (ValueError, OverflowError, RecursionError)


def forms_of(form: Any) -> list[BaseForm]:
    """Return the forms of a formset, or the form itself."""
    return list(form.forms) if isinstance(form, BaseFormSet) else [form]


def unchecked(form: Any) -> Any:
    """Return the bound ``form``, to be shown with its entries and without what is wrong in them."""
    forms: list[Any] = forms_of(form)
    for one in forms:
        one._errors = ErrorDict()  # else showing it would check it
        forget_unreadable(one)
    if isinstance(form, BaseFormSet):
        vars(form).update(_errors=[one._errors for one in forms], _non_form_errors=ErrorList())
    return form


def drop_unreadable(form: Any) -> bool:
    """
    Make ``form`` one that can be shown: without what its fields cannot read, and saying so.

    Return whether there was anything of the kind.
    """
    found = False
    for one in forms_of(form):
        unreadable = forget_unreadable(one)
        if unreadable:
            one.full_clean()
        for name in unreadable:
            one.add_error(name, _("What was entered could not be read."))
        found = found or bool(unreadable)
    if found and isinstance(form, BaseFormSet):
        form.full_clean()
    return found


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


def is_valid(form: Any) -> bool:
    """Return whether ``form`` is valid; one that holds what no field can read says so."""
    try:
        return bool(form.is_valid())
    except UNREADABLE:
        if not drop_unreadable(form):
            raise  # the form itself is broken
        return False


def complain(form: Any, text: str) -> None:
    """Add what is wrong to a form or formset as a whole."""
    if isinstance(form, BaseFormSet):
        form.non_form_errors().append(text)
    else:
        form.add_error(None, text)


def fields_template(form: Any) -> str:
    """
    Return the template that shows the fields of ``form``: by crispy-forms, if the project has it.

    The form element and its buttons are the page's own, whatever the helper of the form says.
    """
    if not apps.is_installed("crispy_forms"):
        return "automations/includes/fields.html"
    helper = getattr(form, "helper", None)
    if helper is not None:
        form.helper = copy.copy(helper)  # it may be that of the class
        form.helper.form_tag = False
        form.helper.disable_csrf = True
    return "automations/includes/crispy_fields.html"


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
