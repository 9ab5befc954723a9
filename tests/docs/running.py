"""The code of a page, run as a module of its own that is gone afterwards."""

from __future__ import annotations

import doctest
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from tests.docs.pages import fences


@contextmanager
def module_of(name: str, before: str = "", **given: Any) -> Iterator[ModuleType]:
    """Give a module in which ``before`` was run; its classes can be found meanwhile."""
    module = ModuleType(name)
    sys.modules[name] = module
    vars(module).update(given)
    try:
        run(module, before)
        yield module
    finally:
        del sys.modules[name]


def run(module: ModuleType, text: str) -> None:
    """Run a block of code in the module."""
    exec(compile(text, f"<{module.__name__}>", "exec"), vars(module))  # noqa: S102 - our own page


def go_through(module: ModuleType, page: str) -> int:
    """
    Run the blocks of a page in their order: code, and what somebody types and Python answers.

    Return how many answers were right; one that is not fails the test.
    """
    answers = 0
    for language, text in fences(page):
        if language == "python":
            run(module, text)
        elif language == "pycon":
            answers += ask(module, text, page)
    return answers


def ask(module: ModuleType, text: str, page: str) -> int:
    """Check that Python answers as the block says; return how many lines were typed."""
    test = doctest.DocTestParser().get_doctest(text, vars(module), page, None, 0)
    runner = doctest.DocTestRunner(verbose=False)
    told: list[str] = []
    runner.run(test, out=told.append, clear_globs=False)
    vars(module).update(test.globs)
    assert runner.failures == 0, "".join(told)
    return runner.tries
