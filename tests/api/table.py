"""
What is promised, line by line, and the tests that prove it: ``make api-coverage`` writes the page.

The lines are in ``lines.toml``. A test names those that it proves, ``@pytest.mark.api("A5")``;
that is read from the source of the tests, so it does not matter which of them are run.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent.parent
LINES = Path(__file__).with_name("lines.toml")
PAGE = TESTS.parent / "docs" / "reference" / "api-coverage.md"

TITLES = {
    "decisions": "What holds everywhere",
    "system": "The system",
    "example": "The introductory example",
    "nodes": "Nodes and modifiers",
    "names": "Names of the public API",
}

HEAD = """\
# What is promised, and what proves it

Each line is a promise to those who write and run processes, with the tests of this project that
prove it. `make api-coverage` writes this page from `tests/api/lines.toml` and from the tests that
are marked with the id of a line, `@pytest.mark.api("A5")`. A line without a test fails the tests,
and so does a page that says something else than they do. A sentence behind a file is the name of a
test there: "goes on once" is `test_goes_on_once`. An id is only a name, which stays when others
come or go.
"""


class Misplaced(Exception):
    """A marker that cannot be read: it must decorate a test, and name ids as plain text."""


def lines(file: Path = LINES) -> dict[str, dict[str, str]]:
    """Return the promises by id, by section."""
    sections: dict[str, dict[str, str]] = tomllib.loads(file.read_text(encoding="utf-8"))
    return sections


def proofs(folder: Path = TESTS) -> dict[str, list[str]]:
    """Return, by id, the tests in ``folder`` that name it, as pytest calls them."""
    found: dict[str, list[str]] = {}
    for file in sorted(folder.rglob("test_*.py")):
        name = file.relative_to(folder.parent).as_posix()
        for test, id_ in marked(file.read_text(encoding="utf-8"), name):
            found.setdefault(id_, []).append(f"{name}::{test}")
    return found


def marked(source: str, name: str) -> Iterator[tuple[str, str]]:
    """Yield each test in ``source`` with each id that it names. Raise `Misplaced` for others."""
    tree = ast.parse(source, name)
    markers = {node.lineno for node in ast.walk(tree) if is_marker(node)}
    for test in tree.body:
        if not (isinstance(test, ast.FunctionDef) and test.name.startswith("test_")):
            continue
        for decorator in test.decorator_list:
            if not (isinstance(decorator, ast.Call) and is_marker(decorator.func)):
                continue
            ids = [arg.value for arg in decorator.args if isinstance(arg, ast.Constant)]
            if not ids or len(ids) < len(decorator.args) or decorator.keywords:
                break
            markers.discard(decorator.func.lineno)
            for id_ in ids:
                yield test.name, str(id_)
    for line in sorted(markers):
        raise Misplaced(f'{name}:{line}: write @pytest.mark.api("A5") right above a test.')


def is_marker(node: ast.AST) -> bool:
    """Return whether ``node`` is ``pytest.mark.api``."""
    return isinstance(node, ast.Attribute) and ast.unparse(node) == "pytest.mark.api"


def gaps(sections: dict[str, dict[str, str]], found: dict[str, list[str]]) -> list[str]:
    """Return what is wrong: lines that no test proves, and ids that are no line."""
    promised = [id_ for section in sections.values() for id_ in section]
    wrong = [f"{id_}: no test proves it." for id_ in promised if not found.get(id_)]
    wrong += [
        f"{id_}: not promised, but named by {', '.join(tests)}."
        for id_, tests in found.items()
        if id_ not in promised
    ]
    return wrong


def page(sections: dict[str, dict[str, str]], found: dict[str, list[str]]) -> str:
    """Return the page, as Markdown."""
    parts = [HEAD]
    for section, promises in sections.items():
        rows = [f"\n## {TITLES[section]}\n", "| id | promise | tests |", "| --- | --- | --- |"]
        for id_, promise in promises.items():
            tests = "<br>".join(sentence(test) for test in found.get(id_, []))
            rows.append(f"| `{id_}` | {text(promise)} | {tests} |")
        parts.append("\n".join(rows) + "\n")
    return "".join(parts)


def sentence(test: str) -> str:
    """Return ``tests/engine/test_runs.py::test_it_ends`` as words that a line can break between."""
    file, _, name = test.partition("::")
    return f"`{file.partition('/')[2]}` {name.removeprefix('test_').replace('_', ' ')}"


def text(promise: str) -> str:
    """Return ``promise`` so that Markdown shows it as it is."""
    return "".join(f"\\{letter}" if letter in "\\`*|<" else letter for letter in promise)


if __name__ == "__main__":
    PAGE.write_text(page(lines(), proofs()), encoding="utf-8")
    if wrong := gaps(lines(), proofs()):
        raise SystemExit("\n".join(wrong))
