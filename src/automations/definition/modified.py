"""How a modifier makes its copy of a node."""

from __future__ import annotations

import copy
from typing import Any, Self

from automations.definition.references import target_name


class Modified:
    """Something that is never changed: every modifier returns a changed copy."""

    name: str = ""
    repeated_modifiers: tuple[str, ...] = ()
    _frozen: bool = False

    def _once(self, modifier: str, **changes: Any) -> Self:
        """Return a copy with ``changes``, remembering a ``modifier`` that was there before."""
        if any(getattr(self, attribute) is not None for attribute in changes):
            return self._with(repeated_modifiers=(*self.repeated_modifiers, modifier))
        return self._with(**changes)

    def _with(self, **changes: Any) -> Self:
        changed = copy.copy(self)
        vars(changed).update({"_frozen": False} | changes)
        return changed

    @staticmethod
    def _target(node: Any) -> str:
        # What is no pointer is kept as it reads, so that the check can name it.
        return target_name(node) or repr(node)
