"""The faults that are made on purpose, to see whether tests notice them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tools import tool

mutants = tool("mutants")
SOURCES = Path(__file__).resolve().parent.parent / "src" / "automations"


def made(tmp_path: Path, source: str) -> list[Any]:
    file = tmp_path / "module.py"
    file.write_text(source, encoding="utf-8")
    return list(mutants.mutants(file, "module"))


def changes(tmp_path: Path, source: str) -> set[str]:
    return {f"{mutant.before} -> {mutant.after}" for mutant in made(tmp_path, source)}


def test_each_kind_of_fault_is_made(tmp_path: Path) -> None:
    source = "def f(a, b):\n    if a < 1 and b:\n        a.go(why='x')\n    return not a + b\n"
    assert changes(tmp_path, source) == {
        "a < 1 -> a <= 1",
        "a < 1 and b -> a < 1 or b",
        "1 -> 2",
        "a.go(why='x') -> pass",
        "a.go(why='x') -> a.go()",
        "'x' -> 'Xx'",
        "return not a + b -> return None",
        "not a + b -> a + b",
        "a + b -> a - b",
    }


@pytest.mark.parametrize(
    "source",
    [
        '"""Words."""',
        "from typing import Any\n__all__ = ['Any']",
        "def f(a: list[0]) -> dict['x', 1]: ...",
        "@cached(1)\ndef f(): 'Says nothing.'",
        "x = 'two words', f'{y}'",
    ],
)
def test_what_is_not_run_and_what_people_read_is_left_alone(tmp_path: Path, source: str) -> None:
    assert changes(tmp_path, source) == set()


def test_an_error_may_be_missing_but_may_say_anything(tmp_path: Path) -> None:
    assert changes(tmp_path, "raise Error(f'{name}', code=1) from None") == {
        "raise Error(f'{name}', code=1) from None -> pass"
    }


def test_a_fault_has_the_same_name_when_lines_are_added_above_it(tmp_path: Path) -> None:
    source = "def f():\n    g(1)\n    g(1)\n"
    names = [mutant.key for mutant in made(tmp_path, source)]
    assert names == [mutant.key for mutant in made(tmp_path, "import g\n\n" + source)]
    assert len(set(names)) == len(names) == 4


def test_defaults_of_arguments_are_worked_out_where_the_function_stands(tmp_path: Path) -> None:
    (default, inside) = made(tmp_path, "def f(a=1):\n    a.b = 2\n")[:2]
    assert (default.before, default.early) == ("1", True)
    assert (inside.after, inside.early) == ("pass", False)


@pytest.mark.parametrize("module", ["definition/waiting", "nodes/gateways", "engine/steps"])
def test_a_fault_of_a_module_is_code_that_is_not_the_same(module: str) -> None:
    source = (SOURCES / f"{module}.py").read_text(encoding="utf-8")
    found = mutants.mutants(SOURCES / f"{module}.py", module.replace("/", "."))
    usual = compile(source, "module.py", "exec")
    assert len(found) > 50
    for mutant in found[::12]:
        assert mutants.mutated(source, mutant.number, "module.py") != usual, mutant.key


#: Looks which faults of one line a test notices that loads the line and asks nothing about it.
AFRESH = """
import sys
import mutants, mutation_fresh as fresh
fresh.BUILD.mkdir(parents=True, exist_ok=True)
sys.path[:0] = [str(fresh.ROOT / "src"), str(fresh.ROOT)]
file = fresh.ROOT / "src/automations/definition/boundary.py"
tests = ["tests/definition/test_values.py"]
for mutant in mutants.mutants(file, "definition.boundary"):
    if mutant.line == {line}:
        print(mutant.before, "->", mutant.after, *fresh.tried(mutant, tests))
"""


def test_a_fault_in_what_importing_runs_is_there_when_the_tests_are_loaded() -> None:
    lines = (SOURCES / "definition" / "boundary.py").read_text(encoding="utf-8").splitlines()
    (line,) = [at for at, text in enumerate(lines, 1) if text.startswith("LATEST = ")]
    tools = SOURCES.parent.parent / "tools"
    done = subprocess.run(
        [sys.executable, "-c", AFRESH.format(line=line)],
        env=os.environ | {"PYTHONPATH": str(tools), "ATM_TEST_DATABASE": "sqlite"},
        cwd=tools.parent, capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    found = done.stdout.splitlines()
    assert "12 -> 13 killed loading" in found
    assert "31 -> 32 killed loading" in found
    assert any(text.endswith("survived ") for text in found), found
