"""
Write processes as BPMN, let others read them, and print what is wrong.

    python tools/bpmn_read.py FOLDER NUMBER SCHEMA

Needs the main environment. Beside the processes of the corpus there are so many random ones. What
is printed is JSON: by check how many documents were looked at, and the problems.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Callable, Collection

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
os.environ["ATM_TEST_DATABASE"] = "sqlite"

import django

django.setup()

from django.core.management import call_command

from automations.diagrams.bpmn import bpmn
from tests.diagrams.corpus import CORPUS
from tests.diagrams.random_processes import random_process
from tests.diagrams.readers import Schema, lint
from tests.diagrams.spiff import follow
from tests.diagrams.visits import Expected, can_be_followed, expected_of


def main(folder: Path, number: int, schema: Path) -> None:
    """Write everything, and have it read."""
    call_command("migrate", verbosity=0)
    folder.mkdir(parents=True, exist_ok=True)
    processes = list(CORPUS.values())
    processes += [random_process(seed, 5 + seed % 26) for seed in range(number)]
    expected: dict[str, Expected] = {}
    documents = {}
    for process in processes:
        name = process.__name__
        documents[name] = bpmn(process._meta)
        (folder / f"{name}.bpmn").write_text(documents[name], encoding="utf-8")
        if can_be_followed(process._meta):
            expected[name] = expected_of(process)
    read_by = Schema(schema)
    results = {
        "schema": checked(documents, lambda name: read_by.problems(documents[name])),
        "lint": checked(documents, lambda name: lint(documents[name])),
        "spiff": checked(expected, lambda name: follow(documents[name], expected[name])),
        "visits": sum(len(each.visits) for each in expected.values()),
    }
    print(json.dumps(results))


def checked(names: Collection[str], check: Callable[[str], list[str]]) -> dict[str, Any]:
    """Return how many documents were looked at, and what is wrong with them."""
    problems = [f"{name}: {each}" for name in names for each in check(name)]
    return {"number": len(names), "problems": problems}


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
