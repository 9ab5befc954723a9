"""
Drafts: what somebody has entered into the form of a task, kept until it is sent.

Kept as the browser has sent it, valid or not. Passwords and files are left out.
"""

from __future__ import annotations

import json
from typing import Any

from django.forms import BaseForm, BaseFormSet, Field, FileField, PasswordInput
from django.http import QueryDict

from automations import payload, settings
from automations.engine.locking import act_on, alias, take_write_lock
from automations.exceptions import InvalidData
from automations.models import AutomationDraftModel, AutomationTaskModel

#: Bytes of JSON that a draft has at the most.
LARGEST = 64 * 1024


def save(task: AutomationTaskModel, user: Any, form: Any) -> None:
    """
    Keep what was sent with the bound ``form`` or formset, in the place of what was kept before.

    Raise `InvalidData` if that is too much, or no text that every database can keep, and `RunBusy`
    if the database is in trouble.
    """
    entered = {
        name: form.data.getlist(name)
        for name in form.data
        if (field := field_of(form, name)) is not None and may_be_kept(field)
    }
    if len(json.dumps(entered).encode()) > LARGEST:
        raise InvalidData(f"A draft cannot be larger than {LARGEST // 1024} KB.")
    kept = payload.clean(entered, "The draft")
    with act_on(task.automation_id):
        take_write_lock()
        AutomationDraftModel.objects.using(alias()).update_or_create(
            task=task, user=user, defaults={"entered": kept, "saved": settings.now()}
        )


def of(task: AutomationTaskModel, user: Any) -> AutomationDraftModel | None:
    """Return what ``user`` has kept for the task; None if that is nothing."""
    return AutomationDraftModel.objects.filter(task=task, user=user.pk).first()


def data_of(draft: AutomationDraftModel) -> QueryDict:
    """Return what was kept, as a request would send it."""
    data = QueryDict(mutable=True)
    for name, values in draft.entered.items():
        data.setlist(name, values)
    return data


def field_of(form: Any, name: str) -> Field | None:
    """Return the field that an entry called ``name`` belongs to: some have several entries."""
    if isinstance(form, BaseFormSet):
        parts: list[BaseForm] = [form.management_form, *form.forms]
        belonging: list[Field] = [found for part in parts if (found := field_of(part, name))]
        return belonging[0] if belonging else None
    fields: dict[str, Field] = form.fields
    for own, field in fields.items():
        prefixed = form.add_prefix(own)
        if name == prefixed or name.startswith((f"{prefixed}_", f"{prefixed}-")):
            return field
    return None


def may_be_kept(field: Field) -> bool:
    """Return whether what is entered into the field is neither a file nor a password."""
    hidden = isinstance(field.widget, PasswordInput)
    return not (field.disabled or isinstance(field, FileField) or hidden)
