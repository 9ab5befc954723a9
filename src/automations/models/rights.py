"""
Whether a user has the permissions that a task needs: on everything, or on what its run is about.

A permission that the user does not have on everything may be held on an object that the run is
bound to, of the app of the permission. Backends that know rights on single objects (django-guardian
and rules, for example) are asked for that by ``user.has_perm(permission, obj)``; Django's own knows
none, so nothing is asked where no other is installed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.auth import get_backends
from django.contrib.auth.backends import ModelBackend
from django.db import models

from automations.models.objects import AutomationObjectModel

if TYPE_CHECKING:
    from django.contrib.auth.models import User

#: By these a backend says what somebody may do; Django's own look at no object.
QUESTIONS = (
    "has_perm",
    "get_all_permissions",
    "get_user_permissions",
    "get_group_permissions",
    "_get_permissions",
)


def know_objects() -> bool:
    """Return whether a backend is installed that may know rights on single objects."""
    for backend in get_backends():
        for question in QUESTIONS:
            own = getattr(type(backend), question, None)
            if own is not None and own is not getattr(ModelBackend, question):
                return True
    return False


def has_all(user: User, permissions: Iterable[str]) -> bool:
    """Return whether ``user`` has every one of ``permissions``, on everything."""
    return all(user.has_perm(permission) for permission in permissions)


def has_all_on(
    user: User, permissions: Collection[str], objects: Callable[[], Iterable[models.Model]]
) -> bool:
    """Return whether ``user`` has each of them, on everything or on one of ``objects``."""
    lacking = [permission for permission in permissions if not user.has_perm(permission)]
    if not lacking or not know_objects():
        return not lacking
    found = list(objects())
    return all(
        any(user.has_perm(permission, obj) for obj in found if is_of(permission, obj))
        for permission in lacking
    )


def is_of(permission: str, obj: models.Model) -> bool:
    """Return whether the permission belongs to the app of the object."""
    return permission.partition(".")[0] == obj._meta.app_label


def objects_of(run_ids: Iterable[int], using: str | None = None) -> dict[int, list[models.Model]]:
    """Return what each of the runs is bound to, by one query and one for each model of these."""
    rows = AutomationObjectModel.objects.using(using).filter(automation__in=list(run_ids))
    bound = list(rows.values_list("automation", "model", "object_key"))
    keys: dict[str, set[str]] = defaultdict(set)
    for _, label, key in bound:
        keys[label].add(key)
    found: dict[tuple[str, str], models.Model] = {}
    for label, wanted in keys.items():
        try:
            model: Any = apps.get_model(label)
        except LookupError:
            continue  # the code no longer has it
        for obj in model._default_manager.filter(pk__in=wanted):
            found[label, str(obj.pk)] = obj
    result: dict[int, list[models.Model]] = defaultdict(list)
    for run_id, label, key in bound:
        if (label, key) in found:
            result[run_id].append(found[label, key])
    return result
