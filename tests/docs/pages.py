"""What pages of the documentation say: their blocks of code, their tables, and what they name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"

FENCE = re.compile(
    r"^(?P<mark>```+)(?P<language>[^\n]*)\n(?P<text>.*?)^(?P=mark)$", re.MULTILINE | re.DOTALL
)
DIRECTIVE = re.compile(r"^\.\. auto(\w+):: ([\w.]+)\n((?:   :[^\n]*\n?)*)", re.MULTILINE)


def page(name: str) -> str:
    """Return the text of a page: ``reference/flow``."""
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def fences(name: str) -> list[tuple[str, str]]:
    """Return the blocks of a page in their order, each with its language."""
    return [(found["language"], found["text"]) for found in FENCE.finditer(page(name))]


def blocks(name: str, language: str = "python") -> list[str]:
    """Return the blocks of code in that language."""
    return [text for spoken, text in fences(name) if spoken == language]


def described(text: str) -> set[str]:
    """
    Return the dotted names that Sphinx describes from docstrings on a page.

    A member is named with its class. Of a module with ``:members:`` it is the module with a dot.
    """
    found = set()
    for kind, name, options in DIRECTIVE.findall(text):
        found.add(name)
        members = re.search(r":members:(.*)", options)
        if members and kind == "module":
            found.add(f"{name}.")
        elif members:
            found |= {f"{name}.{member.strip()}" for member in members[1].split(",")}
    return found


def spans(text: str) -> set[str]:
    """Return what stands in backticks, outside of blocks of code."""
    parts = re.split(r"\n\s*\n|^\|", FENCE.sub("", text), flags=re.MULTILINE)
    found = (re.findall(r"(?<!`)(`+)([^`].*?)(?<!`)\1(?!`)", part, re.DOTALL) for part in parts)
    return {span.replace("\n", " ").strip() for part in found for _, span in part}


def words(text: str) -> set[str]:
    """Return every name that stands in backticks, alone or with others."""
    return {word for span in spans(text) for word in re.findall(r"\w+", span)}


def rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the tables of a page."""
    for line in text.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def section(text: str, heading: str) -> str:
    """Return what stands below a heading of the second level; "" if there is no such heading."""
    found = re.search(
        rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL
    )
    return found[1] if found else ""


def lacking(wanted: Iterable[str], there: Collection[str]) -> list[str]:
    """Return what is wanted and not there, in order."""
    return sorted(name for name in set(wanted) if name not in there)
