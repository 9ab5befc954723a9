"""What others change in an object while a person fills in its form."""

from __future__ import annotations

import copy
from typing import Any

from django.db import connections
from django.db.models import Model

#: Where an object keeps what its columns were when the form was made.
LOADED = "_atm_loaded"


def remember(instance: Model) -> None:
    """Keep, on the object itself, what its columns are now."""
    names = [field.attname for field in instance._meta.concrete_fields]
    vars(instance)[LOADED] = {name: copy.copy(getattr(instance, name)) for name in names}


def freshen(instance: Model) -> None:
    """
    Take over what others have changed in the object since `remember`.

    A form saves every column of its object. So those that the form has not changed are read again,
    under a lock on the row, unless the object is kept in another database than the run.
    """
    loaded: dict[str, Any] = vars(instance).pop(LOADED, {})
    row = type(instance)._base_manager.filter(pk=instance.pk)
    if connections[row.db].in_atomic_block:
        row = row.select_for_update()
    fresh = row.first() if loaded else None
    for name, value in loaded.items():
        if fresh is not None and getattr(instance, name) == value:
            setattr(instance, name, getattr(fresh, name))
