"""The processes that pictures are drawn of and that soundness is judged of."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from automations.definition.validation import find_problems
from tests.diagrams.corpus import CORPUS, UNSOUND
from tests.diagrams.random_processes import random_process


@pytest.mark.parametrize("name", CORPUS)
def test_a_sound_process_of_the_corpus_has_no_flaw(name: str) -> None:
    assert find_problems(CORPUS[name]._meta) == ()


def test_the_corpus_has_what_it_is_known_for() -> None:
    assert len(CORPUS) >= 30
    assert len(UNSOUND) >= 8
    assert len(CORPUS["Order"]._meta.nodes) == 43
    assert len(CORPUS["Chain"]._meta.nodes) == len(CORPUS["SixtyNodes"]._meta.nodes) == 60
    kinds = Counter(type(node).__name__ for each in CORPUS.values() for node in nodes_of(each))
    assert {"Form", "Repeat", "Switch", "SendMessage", "ReceiveMessage", "Join"} <= set(kinds)


@pytest.mark.parametrize("wild", [0.0, 0.2])
def test_a_number_always_gives_the_same_random_process(wild: float) -> None:
    one, other = random_process(7, 30, wild), random_process(7, 30, wild)
    assert one._meta.flows == other._meta.flows
    assert list(one._meta.nodes) == list(other._meta.nodes)
    assert one._meta.flows != random_process(8, 30, wild)._meta.flows


@pytest.mark.parametrize("seed", range(40))
def test_a_random_process_that_is_not_wild_has_no_flaw(seed: int) -> None:
    assert find_problems(random_process(seed, size=5 + seed)._meta) == ()


def nodes_of(automation: Any) -> Any:
    return automation._meta.nodes.values()
