"""A flaw of a process, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """
    What is wrong, and what to do about it, with the names the author wrote.

    ``code`` is the last part of the system check's id; one that begins with E keeps the process
    from being started, one that begins with W does not.
    """

    code: str
    message: str
    hint: str
    node: str = ""

    def __str__(self) -> str:
        return f"(automations.{self.code}) {self.message} {self.hint}"
