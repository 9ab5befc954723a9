"""Which automations a project has."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

from django.apps import apps

from automations.automation import Automation
from automations.definition.known import can_be_found


def automations() -> Iterator[type[Automation]]:
    """
    Yield every automation that can be started, in the order of declaration.

    Abstract ones are left out, and so are classes that a run could not find again by their
    dotted path, such as those made inside a function.
    """
    for automation in _found():
        if not automation._is_abstract():
            yield automation


def abstract() -> Iterator[type[Automation]]:
    """Yield the abstract automations, from `Automation` itself on: what is only extended."""
    for automation in _found():
        if automation._is_abstract():
            yield automation


def get_automations(app: str | None = None) -> list[tuple[str, str]]:
    """
    Return the dotted path and the verbose name of each automation, in the order of declaration.

    With ``app``, a label or the dotted path of an app, only those that its module
    ``automations`` has: declared there or in a module below, or brought there from elsewhere in
    the app. ``app`` may also be the dotted path of a module. Raise `LookupError` if there is
    neither an app nor a module of that name.
    """
    module = None if app is None else _module_of(app)
    return [
        (automation.get_automation_name(), automation.get_verbose_name())
        for automation in automations()
        if module is None or _has(module, automation)
    ]


def _module_of(app: str) -> ModuleType:
    """Return the module of the app with that label, or the module with that dotted path."""
    if app in apps.app_configs:
        app = apps.get_app_config(app).name
    try:
        return import_module(app)
    except (ImportError, TypeError, ValueError) as error:
        if isinstance(error, ImportError) and not f"{app}.".startswith(f"{error.name}."):
            raise  # the module is there, and something that it imports is not
        raise LookupError(
            f"There is neither an app nor a module {app!r}. Give the label of an installed app, "
            f"or the dotted path of an app or a module."
        ) from error


def _has(module: ModuleType, automation: type[Automation]) -> bool:
    """Return whether ``automation`` is one of the module itself or of its ``automations``."""
    home = f"{automation.__module__}."
    for name in (module.__name__, f"{module.__name__}.automations"):
        place = sys.modules.get(name)
        if home == f"{name}.":
            return True
        if name.endswith("automations") and home.startswith(f"{name}."):
            return True
        inside = home.startswith(f"{module.__name__}.")
        if inside and getattr(place, automation.__name__, None) is automation:
            return True
    return False


def _found() -> Iterator[type[Automation]]:
    """Yield every class that stands where its dotted path says, in the order of declaration."""
    declared: set[type[Automation]] = {Automation, *_subclasses(Automation)}
    for automation in sorted(declared, key=lambda cls: cls._declared):
        if can_be_found(automation._meta):
            yield automation


def _subclasses(parent: type[Automation]) -> Iterator[type[Automation]]:
    for child in parent.__subclasses__():
        yield child
        yield from _subclasses(child)
