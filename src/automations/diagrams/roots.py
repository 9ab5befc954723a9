"""What a document of BPMN knows beside its process: messages, signals and errors."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from automations.diagrams.expressions import identifier
from automations.diagrams.markup import clean


class Roots:
    """Writes each message, signal and error once, and says by which id it is found."""

    def __init__(self, root: Element) -> None:
        self.root = root
        self.known: dict[tuple[str, str], str] = {}

    def message(self, user: str, name: str) -> str:
        """Return the id of a message; ``user`` is the first element that needs it."""
        return self.id_of("message", user, name)

    def signal(self, user: str, name: str) -> str:
        """Return the id of a signal."""
        return self.id_of("signal", user, name)

    def error(self, user: str, name: str, code: str) -> str:
        """Return the id of an error."""
        return self.id_of("error", user, name, errorCode=clean(code))

    def id_of(self, kind: str, user: str, name: str, **attributes: str) -> str:
        """Return the id of what is called so, written if it is new."""
        found = self.known.get((kind, name))
        if found is None:
            found = self.known[kind, name] = f"{identifier(user)}-{kind}"
            SubElement(self.root, f"bpmn:{kind}", {"id": found, "name": clean(name), **attributes})
        return found
