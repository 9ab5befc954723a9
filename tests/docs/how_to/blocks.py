"""The blocks of code of the how-to pages, and what is done with each of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from django.core.checks import CheckMessage, run_checks
from django.test import override_settings
from settings import SHOWN

from automations.automation import Automation

ROOT = Path(__file__).resolve().parents[3]
PAGES = ROOT / "docs" / "how-to"
#: A directive shows what the code or another file has: it is tried when the page is built.
DIRECTIVE = "{"


@dataclass(frozen=True)
class Block:
    """One block of a page: its language ("" for none), its text, the line that it begins in."""

    page: str
    language: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.page}.md:{self.line}: {self.text.splitlines()[0]}"


class Page:
    """
    A page, of which each block is taken once: run, applied, or compared with what is so.

    ``names`` are the globals of the module that takes them: what a block needs, and what it
    leaves.
    """

    known: ClassVar[dict[str, Page]] = {}

    def __init__(self, name: str, names: dict[str, Any]) -> None:
        self.name = name
        self.names = names
        self.left = [block for block in blocks(name) if not block.language.startswith(DIRECTIVE)]
        self.known[name] = self

    def take(self, part: str) -> Block:
        """Return the one block left that contains ``part``."""
        found = [block for block in self.left if part in block.text]
        assert len(found) == 1, f"{part!r} is in {len(found)} blocks of {self.name}.md"
        self.left.remove(found[0])
        return found[0]

    def text(self, part: str) -> str:
        """Take the block that contains ``part``; return its text."""
        return self.take(part).text

    def run(self, part: str, into: dict[str, Any] | None = None) -> None:
        """Run the block that contains ``part``, as if it stood here; in a class, ``locals()``."""
        block = self.take(part)
        code = compile("\n" * (block.line - 1) + block.text, str(PAGES / f"{self.name}.md"), "exec")
        exec(code, self.names, self.names if into is None else into)

    def later(self, part: str) -> Any:
        """Take a block that is to be run in a test; return what runs it, with names of its own."""
        block = self.take(part)
        code = compile("\n" * (block.line - 1) + block.text, str(PAGES / f"{self.name}.md"), "exec")

        def run(**names: Any) -> dict[str, Any]:
            exec(code, names := self.names | names)
            return names

        return run

    def settings(self, part: str, **names: Any) -> dict[str, Any]:
        """Return what a block of settings says, by name."""
        block = self.take(part)
        exec(block.text, names)
        return {name: value for name, value in names.items() if name.isupper()}


@contextmanager
def shown(templates: dict[str, str]) -> Iterator[None]:
    """Let the project have these templates."""
    SHOWN.update(templates)
    try:
        yield
    finally:
        SHOWN.clear()


def checked(**values: Any) -> None:
    """Apply these settings: `manage.py check` has nothing to say of them."""
    with override_settings(**values):
        assert flaws_of_settings() == []


def flaws_of_settings() -> list[CheckMessage]:
    """Return what the checks say, but of processes: what lacks here, a subclass has."""
    return [
        flaw
        for flaw in run_checks()
        if not (isinstance(flaw.obj, type) and issubclass(flaw.obj, Automation))
    ]


def blocks(name: str) -> Iterator[Block]:
    """Yield the blocks of a page: what is fenced, and what is indented."""
    lines = (PAGES / f"{name}.md").read_text().split("\n")
    place = 0
    while place < len(lines):
        begin = place
        if fence := re.match(r"(`{3,})(.*)", lines[place]):
            place = lines.index(fence[1], place + 1)
            text = "\n".join(lines[begin + 1 : place])
            yield Block(name, fence[2].strip(), text, begin + 2)
        elif lines[place].startswith("    ") and (not place or not lines[place - 1]):
            while lines[place + 1].startswith("    "):
                place += 1
            text = "\n".join(line[4:] for line in lines[begin : place + 1])
            yield Block(name, "", text, begin + 1)
        place += 1
