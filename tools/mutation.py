"""
Make small faults in the package, one at a time, and look which of them the tests notice.

``make mutation`` calls this. Most faults are made in the functions of a process that has all tests
loaded (`mutation_forks`). A fault in what importing runs, and one that has survived, is made
before anything is imported (`mutation_fresh`).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Dict

sys.path.insert(0, str(Path(__file__).parent))

import mutants
import mutation_forks as forks
import mutation_fresh as fresh
import mutation_page as page
from environments import ROOT
from mutants import Mutant
from mutation_fresh import BUILD

#: The tests that are about a package, the nearest first.
NEAR = {
    "definition": ["tests/definition", "tests/nodes", "tests/diagrams", "tests/test_checks.py"],
    "nodes": ["tests/nodes", "tests/definition", "tests/diagrams", "tests/test_checks.py"],
    "engine": ["tests/engine", "tests/nodes", "tests/dispatch"],
}
#: How many mutants of each are tried, if nothing else is said: more would take a night.
SIZES = {"definition": 270, "nodes": 180, "engine": 420}
NOTICED = (forks.KILLED, forks.SLOW)

Notes = Dict[str, Dict[str, Any]]


def sample(package: str, size: int, seed: int) -> tuple[list[Mutant], int]:
    """Return some mutants of a package, of each module in proportion, and how many there are."""
    files = sorted((ROOT / "src" / "automations" / package).glob("*.py"))
    found = [mutants.mutants(file, f"{package}.{file.stem}") for file in files]
    count = sum(map(len, found))
    chosen = []
    for some in filter(None, found):
        share = min(len(some), max(5, round(size * len(some) / count))) if size else len(some)
        chance = random.Random(f"{seed} {some[0].module}")  # noqa: S311 - nothing is kept secret
        chosen += chance.sample(some, share)
    return chosen, count


class Work:
    """The chosen mutants of one package, and what has become of them."""

    def __init__(self, package: str, options: argparse.Namespace) -> None:
        self.package, self.file = package, BUILD / f"{package}.json"
        # What has survived before gets more of the tests to see.
        self.enough = forks.ENOUGH * (2 if options.again else 1)
        size = SIZES[package] if options.size is None else options.size
        self.chosen, self.count = sample(package, size, options.seed)
        known: Notes = {}
        if options.again and self.file.exists():
            known = json.loads(self.file.read_text())
        self.notes = {each.key: known[each.key] for each in self.chosen if each.key in known}
        done = {key for key, note in self.notes.items() if note["what"] in NOTICED}
        done |= page.equivalent(package) & self.notes.keys()
        self.left = [mutant for mutant in self.chosen if mutant.key not in done]
        print(
            f"{package}: {len(self.left)} of {len(self.chosen)} chosen of {self.count}", flush=True
        )

    def note(self, mutant: Mutant, begun: float, **found: Any) -> None:
        """Note what became of a mutant, and say it."""
        fields = ("module", "place", "line", "before", "after")
        kept = {name: getattr(mutant, name) for name in fields}
        self.notes[mutant.key] = {**kept, **found}
        self.file.write_text(json.dumps(self.notes, indent=1))
        seconds = time.monotonic() - begun
        text = f"{found['what']}: {mutant.line} {mutant.key} [{found['test']}]"
        print(f"{seconds:5.1f} s {text}", flush=True)

    def in_forks(self, plugin: Any) -> None:
        """Try each mutant in the process that has all tests loaded."""
        for mutant in self.left:
            begun = time.monotonic()
            names = plugin.fitting(mutant)
            verdict = plugin.judged(mutant) if names and not mutant.early else None
            what = verdict.what if verdict else "later"
            self.note(mutant, begun, what=what, test=verdict.test if verdict else "")

    def afresh(self, known: dict[str, Any]) -> None:
        """Try those that could not be tried, or have survived, before anything is imported."""
        self.notes = json.loads(self.file.read_text())
        by_module: dict[str, list[str]] = {}
        for name, note in known.items():
            for module in {module for module, _ in note["lines"]}:
                by_module.setdefault(module, []).append(name)
        noticed: dict[str, Counter[str]] = defaultdict(Counter)
        for note in self.notes.values():
            if "::" in note["test"]:
                noticed[note["module"]][note["test"]] += 1
        for mutant in self.left:
            if self.notes[mutant.key]["what"] not in NOTICED:
                forks.pause()
                begun = time.monotonic()
                some = by_module.get(mutant.module, known)
                tests = forks.ranked(some, known, noticed[mutant.module], mutant, self.enough)
                what, test = fresh.judged(mutant, sorted(tests, key=self.place))
                noticed[mutant.module][test] += 1
                self.note(mutant, begun, what=what, test=test)

    def place(self, name: str) -> tuple[int, str]:
        """Return the place of a test among others: by file, those of what is near first."""
        file = name.partition("::")[0]
        near = (at for at, there in enumerate(NEAR[self.package]) if file.startswith(there))
        return next(near, len(file)), file


def main() -> int:
    """Try the mutants of the packages that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", nargs="*", default=list(NEAR))
    parser.add_argument("--size", type=int, help="how many of each package; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="only those that had survived")
    parser.add_argument("--page", action="store_true", help="write the page of the documentation")
    options = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    os.environ["ATM_TEST_RUN"] = f"mutation-{os.getpid()}"
    os.environ["ATM_TEST_DATABASE"] = "sqlite"
    here = [str(ROOT / "src"), str(ROOT)]
    os.environ["PYTHONPATH"] = os.pathsep.join(here)
    sys.path[:0] = here
    os.chdir(ROOT)
    fresh.load()
    works = [Work(package, options) for package in options.packages]
    child = os.fork()
    if not child:
        status = 1
        try:
            status = in_forks(works)
        finally:
            sys.stdout.flush()
            os._exit(status)
    if os.waitpid(child, 0)[1]:
        raise SystemExit("The tests could not be loaded, or the first does not pass.")
    known = json.loads((BUILD / "map.json").read_text())
    known = {name: note for name, note in known.items() if note["lines"]}
    for work in works:
        work.afresh(known)
        if options.page:
            page.keep(work.package, work.count, options.seed, work.notes)
    if options.page:
        page.write()
    return 0


def in_forks(works: list[Work]) -> int:
    """Try all mutants in forks of a process that has all tests loaded."""
    import pytest

    def do(plugin: forks.Forks) -> None:
        for work in works:
            work.in_forks(plugin)

    plugin = forks.Forks(list(NEAR), BUILD / "map.json", do)
    return int(pytest.main([*fresh.ARGUMENTS, "tests"], plugins=[plugin]))


if __name__ == "__main__":
    raise SystemExit(main())
