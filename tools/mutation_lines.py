"""Which lines of the package a test runs, and the functions that live in this process."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Dict, Iterator, List, Tuple

from environments import ROOT
from mutants import Mutant, mutated

PACKAGE = ROOT / "src" / "automations"

#: A function of the source: its file, its name, and the line at which it begins.
Name = Tuple[str, str, int]
Living = Dict[Name, List[FunctionType]]


def file_of(module: str) -> Path:
    """Return the file of ``definition.node``."""
    return PACKAGE.joinpath(*module.split(".")).with_suffix(".py")


def codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a code object and all in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def name_of(code: CodeType) -> Name:
    """Return by what a function is known in two versions of its file."""
    return code.co_filename, code.co_qualname, code.co_firstlineno


def living(packages: list[str]) -> Living:
    """Return the functions of the packages, wherever a decorator or a class has put them."""
    found: Living = {}
    folders = tuple(str(PACKAGE / package) for package in packages)
    for each in gc.get_objects():
        if type(each) is FunctionType and each.__code__.co_filename.startswith(folders):
            found.setdefault(name_of(each.__code__), []).append(each)
    return found


def put_in(mutant: Mutant, functions: Living) -> bool:
    """Make the fault in the living functions; tell whether that could be done."""
    file = file_of(mutant.module)
    source = file.read_text(encoding="utf-8")
    usual = {name_of(code): code for code in codes(compile(source, str(file), "exec"))}
    done = False
    for code in codes(mutated(source, mutant.number, str(file))):
        if code == usual.get(name_of(code)):
            continue
        for function in functions.get(name_of(code), ()):
            if len(code.co_freevars) != len(function.__code__.co_freevars):
                return False
            function.__code__ = code
            done = True
    return done


class Watch:
    """Notes which lines of the functions are run."""

    TOOL = 4

    def __init__(self, functions: Living) -> None:
        self.run: set[tuple[str, int]] = set()
        python = sys.monitoring
        python.use_tool_id(self.TOOL, "mutation")
        python.register_callback(self.TOOL, python.events.LINE, self.note)
        for function in (each for many in functions.values() for each in many):
            for code in codes(function.__code__):
                python.set_local_events(self.TOOL, code, python.events.LINE)
        self.begin()

    def note(self, code: CodeType, line: int) -> Any:
        """Note a line, the first time that a test runs it."""
        name = Path(code.co_filename).relative_to(PACKAGE).with_suffix("")
        self.run.add((".".join(name.parts), line))
        return sys.monitoring.DISABLE

    def begin(self) -> list[tuple[str, int]]:
        """Return what was run, and forget it."""
        found, self.run = sorted(self.run), set()
        sys.monitoring.restart_events()
        return found
