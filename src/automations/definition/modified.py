"""How a modifier makes its copy of a node."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from automations.definition.references import target_name


class Modified:
    """Something that is never changed: every modifier returns a changed copy."""

    #: How an author writes what is kept in an attribute; with "..." each item by itself; "" if it
    #: is no more than what others say.
    written_as: ClassVar[Mapping[str, str]] = {"name": "", "repeated_modifiers": "", "_frozen": ""}

    name: str = ""
    repeated_modifiers: tuple[str, ...] = ()
    _frozen: bool = False

    def given(self) -> Iterator[tuple[str, Any]]:
        """
        Yield all that an author has given: the name of each modifier and argument, and its value.

        An attribute of which no class says how it is written has its own name.
        """
        names: dict[str, str] = {}
        for base in reversed(type(self).__mro__):
            names.update(vars(base).get("written_as", {}))
        for attribute, value in vars(self).items():
            name = names.get(attribute, attribute)
            if not name or value is None or (isinstance(value, str | tuple | dict) and not value):
                continue
            for each in value if name.endswith("...") else (value,):
                yield name.removesuffix("..."), each

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
