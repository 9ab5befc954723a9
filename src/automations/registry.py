"""Which automations a project has."""

from __future__ import annotations

from collections.abc import Iterator

from automations.automation import Automation
from automations.definition.known import can_be_found


def automations() -> Iterator[type[Automation]]:
    """
    Yield every automation that can be started, in the order of declaration.

    Abstract ones are left out, and so are classes that a run could not find again by their
    dotted path, such as those made inside a function.
    """
    for automation in _subclasses(Automation):
        if not automation._is_abstract() and can_be_found(automation._meta):
            yield automation


def _subclasses(parent: type[Automation]) -> Iterator[type[Automation]]:
    for child in parent.__subclasses__():
        yield child
        yield from _subclasses(child)
