"""
Tests that run again and again, each time in a fork of a process that has them all loaded.

A plugin of pytest. Instead of running the tests that were loaded it first notes which lines of the
package each of them runs, and how long it takes. Then it makes one fault after the other, each in
a fork, and runs there the tests that come by it, until one fails.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import select
import shutil
import signal
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, NamedTuple

import pytest
from environments import ROOT
from mutants import Mutant
from mutation_lines import PACKAGE, Living, Watch, living, put_in

#: While the file that this names exists, nothing is begun: somebody measures on the same machine.
PAUSE = Path(os.environ.get("ATM_MUTATION_PAUSE", "/nowhere"))
#: Tests that start processes of their own, which would not have the fault.
LEFT_OUT = ("processes", "alone", "browser", "xfail")
FOLDERS = ("docs/", "proofs/", "forks/", "projects/", "browser/", "upgrade/", "typing/")
#: Tests of other programs, or of so much at once that they find nothing which others do not.
FILES = ("diagrams/test_bpmn_readers", "pages/test_crawl", "test_benchmarks", "test_wheel")
#: Those that most of all look at what a process is and how it moves.
FIRST = ("definition/", "nodes/", "test_checks", "diagrams/", "engine/", "dispatch/", "models/")
#: Seconds of tests for one mutant, how many there are at least, for how long one may stand still.
ENOUGH, LEAST, STILL = 15.0, 10, 10.0
#: Tests that take fewer seconds cost next to nothing, and where those of a package are.
QUICK = 0.02
UNITS = {
    "definition": ("tests/definition", "tests/nodes"),
    "nodes": ("tests/definition", "tests/nodes"),
    "engine": ("tests/engine", "tests/dispatch"),
}
KILLED, SURVIVED, SLOW = "killed", "survived", "stands still"


class Verdict(NamedTuple):
    """What became of a mutant, by which test, and how many were run."""

    what: str
    test: str = ""
    tests: int = 0


def pause() -> None:
    """Begin nothing while somebody measures."""
    while PAUSE.exists():
        time.sleep(2)


def usable(item: pytest.Item) -> bool:
    """Tell whether a test can be run in a fork, and would have the fault."""
    places = tuple(f"tests/{place}" for place in (*FOLDERS, *FILES))
    return not any(map(item.get_closest_marker, LEFT_OUT)) and not item.nodeid.startswith(places)


def place(name: str) -> int:
    """Return how early a test is asked."""
    found = (at for at, start in enumerate(FIRST) if name.startswith(f"tests/{start}"))
    return next(found, len(FIRST))


def digest(file: Path) -> str:
    """Return what changes when the file does."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


@functools.lru_cache(maxsize=None)
def speaks_of(file: str, module: str) -> bool:
    """Tell whether a file of tests names a module of the package, by its last name."""
    text = (ROOT / file).read_text(encoding="utf-8") if (ROOT / file).exists() else ""
    last = module.rpartition(".")[2]
    return re.search(rf"(?<![a-z]){last}(?![a-z])", f"{file} {text}") is not None


@functools.lru_cache(maxsize=None)
def quotes(file: str, text: str) -> bool:
    """Tell whether a file of tests has a text that the package has as well: the name of a thing."""
    quoted = text.strip("'\"")
    if text == quoted or len(quoted) < 4 or not (ROOT / file).exists():
        return False
    return quoted in (ROOT / file).read_text(encoding="utf-8")


def ranked(
    names: Iterable[str],
    known: dict[str, Any],
    noticed: Counter[str],
    mutant: Mutant,
    enough: float = ENOUGH,
) -> list[str]:
    """
    Return tests in the order in which they are likely to notice a mutant, as many as are enough.

    First those that have noticed one in the module, then those of files that have the text which
    is changed, the quick ones that are about the package, and those of files that speak of the
    module: the fastest of each file, the second of each, ...; then the others in the same way.
    ``enough`` is how many seconds they may take in all.
    """
    seen: Counter[str] = Counter()
    ranks = {}
    for name in sorted(names, key=lambda name: float(known[name]["seconds"])):
        file = name.partition("::")[0]
        seconds = float(known[name]["seconds"])
        package = mutant.module.partition(".")[0]
        quick = seconds < QUICK and file.startswith(UNITS[package])
        other = (not quotes(file, mutant.before), not quick, not speaks_of(file, mutant.module))
        ranks[name] = (-noticed[name], *other, seen[file], seconds)
        seen[file] += 1
    found: list[str] = []
    spent = 0.0
    for name in sorted(ranks, key=ranks.__getitem__):
        spent += ranks[name][-1]
        if spent > enough and len(found) >= LEAST:
            break
        found.append(name)
    return found


class Forks:
    """The plugin: ``work`` gets it once all is known."""

    def __init__(self, packages: list[str], kept: Path, work: Callable[[Forks], None]) -> None:
        self.packages, self.kept, self.work = packages, kept, work
        self.failed = False
        self.watch: Watch | None = None
        #: Of each test: how long it takes, which lines it runs, and the state of all files in that.
        self.map: dict[str, Any] = {}
        self.by_line: dict[tuple[str, int], list[str]] = {}
        self.confirmed: dict[str, bool] = {}
        #: How many mutants of each module a test has noticed.
        self.noticed: dict[str, Counter[str]] = defaultdict(Counter)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests in forks, instead of here."""
        self.items = {item.nodeid: item for item in session.items if usable(item)}
        self.functions: Living = living(self.packages)
        self.open_database(session)
        self.learn()
        self.work(self)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Hear what became of a test."""
        self.failed |= report.failed

    def open_database(self, session: pytest.Session) -> None:
        """Let the first test that needs it make the database; each fork gets a copy of the file."""
        from django.db import connection

        first = next(item for item in session.items if item.get_closest_marker("django_db"))
        after = next(item for item in session.items if item.path.parent != first.path.parent)
        first.ihook.pytest_runtest_protocol(item=first, nextitem=after)
        if self.failed:
            raise RuntimeError(f"{first.nodeid} fails without any fault")
        connection.close()
        self.database = str(connection.settings_dict["NAME"])

    # Forks

    def fork(self, names: list[str], prepare: Callable[[], bool]) -> Iterator[tuple[str, Any]]:
        """Run tests in a fork, and yield what it says: the name of a test, and what of it."""
        pause()
        copy = f"{self.database}-{os.getpid()}"
        for end in ("", "-wal", "-shm"):
            Path(copy + end).unlink(missing_ok=True)
        shutil.copyfile(self.database, copy)
        ours, theirs = os.pipe()
        child = os.fork()
        if not child:
            try:
                self.in_fork(names, prepare, copy, theirs)
            finally:
                os._exit(9)
        os.close(theirs)
        rest, at = b"", ""
        try:
            while True:
                limit = STILL + 5 * self.map.get(at, {}).get("seconds", 0)
                if not select.select([ours], [], [], limit)[0]:
                    if PAUSE.exists():
                        continue
                    yield at, SLOW
                    return
                text = os.read(ours, 65536)
                if not text:
                    return
                *lines, rest = (rest + text).split(b"\n")
                for line in lines:
                    at, said = json.loads(line)
                    yield at, said
        finally:
            os.close(ours)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)

    def in_fork(self, names: list[str], prepare: Callable[[], bool], copy: str, out: int) -> None:
        """Run tests, and say what becomes of each. Does not return."""
        from django.db import connection

        def say(test: str, what: Any) -> None:
            os.write(out, json.dumps([test, what]).encode() + b"\n")

        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        connection.settings_dict["NAME"] = copy
        if not prepare():
            say("", "cannot")
            os._exit(0)
        items = [self.items[name] for name in names]
        for item, after in zip(items, [*items[1:], None]):
            pause()
            self.failed = False
            say(item.nodeid, "begins")
            begun = time.monotonic()
            item.ihook.pytest_runtest_protocol(item=item, nextitem=after)
            seconds = time.monotonic() - begun
            lines = self.watch.begin() if self.watch else []
            say(item.nodeid, "failed" if self.failed else ["passed", seconds, lines])
        say("", "end")
        os._exit(0)

    # What each test runs

    def learn(self) -> None:
        """Note which lines each test runs, unless that is known and its files are the same."""
        self.state = {
            f"{name}.{file.stem}": digest(file)
            for name in self.packages
            for file in (PACKAGE / name).glob("*.py")
        }
        self.state.update(
            {str(file): digest(file) for file in {i.path for i in self.items.values()}}
        )
        kept = json.loads(self.kept.read_text()) if self.kept.exists() else {}
        self.map = {
            name: note
            for name, note in kept.items()
            if name in self.items
            and all(self.state.get(file) == was for file, was in note["state"].items())
        }
        left = sorted((name for name in self.items if name not in self.map), key=place)
        while left:
            left = left[self.learn_some(left[:500]) :]
            self.kept.write_text(json.dumps(self.map))
            print(f"{len(self.map)} of {len(self.items)} tests are known", flush=True)
        for name, note in self.map.items():
            for module, line in note["lines"]:
                self.by_line.setdefault((module, line), []).append(name)

    def learn_some(self, names: list[str]) -> int:
        """Note some tests, until one ends the process; return how many."""

        def prepare() -> bool:
            self.watch = Watch(self.functions)
            return True

        done = 0
        for name, said in self.fork(names, prepare):
            if not name or said == "begins":
                continue
            done += 1
            # Of one that fails nothing is known, so it is never chosen.
            _, seconds, lines = said if isinstance(said, list) else ("", 0.0, [])
            files = {str(self.items[name].path), *(module for module, _ in lines)}
            state = {file: self.state[file] for file in sorted(files)}
            self.map[name] = {"state": state, "seconds": seconds, "lines": lines}
        return max(done, 1)

    def fitting(self, mutant: Mutant) -> list[str]:
        """Return the tests that come by a mutant, those that noticed another beside it first."""
        # Constants that the compiler puts together have no line of their own.
        some = self.by_line.get((mutant.module, mutant.line))
        some = some or self.by_line.get((mutant.module, mutant.statement), [])
        return ranked(some, self.map, self.noticed[mutant.module], mutant)

    # Mutants

    def tried(self, mutant: Mutant, names: list[str]) -> Verdict | None:
        """Run tests against a mutant; None if it cannot be made in what is loaded."""
        tests, name = 0, ""
        for name, said in self.fork(names, lambda: put_in(mutant, self.functions)):
            if said == "cannot":
                return None
            tests += said == "begins"
            if said in ("failed", SLOW):
                return Verdict(KILLED if said == "failed" else SLOW, name, tests)
            if said == "end":
                return Verdict(SURVIVED, "", tests)
        return Verdict(KILLED, name, tests)  # the process has died of it

    def passes(self, name: str) -> bool:
        """Tell whether a test passes by itself without any fault."""
        if name not in self.confirmed:
            said = [said for _, said in self.fork([name], lambda: True)]
            self.confirmed[name] = said[-1] == "end" and "failed" not in said
        return self.confirmed[name]

    def judged(self, mutant: Mutant) -> Verdict | None:
        """As `tried`, and the test that has noticed it passes without."""
        names = self.fitting(mutant)
        while True:
            verdict = self.tried(mutant, names)
            if not verdict or verdict.what == SURVIVED:
                return verdict
            if self.passes(verdict.test):
                self.noticed[mutant.module][verdict.test] += 1
                return verdict
            names = [name for name in names if name != verdict.test]
