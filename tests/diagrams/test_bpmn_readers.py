"""
What others say of our BPMN, on a small scale; ``make bpmn-proof`` asks them on a large one.

There bpmn-js in Chromium opens everything, too.
"""

from __future__ import annotations

from typing import Any

import pytest

from automations.diagrams.bpmn import bpmn
from tests.diagrams.corpus import CORPUS, UNSOUND
from tests.diagrams.random_processes import random_process
from tests.diagrams.readers import Schema, lint
from tests.diagrams.spiff import follow
from tests.diagrams.visits import can_be_followed, expected_of

pytestmark = [pytest.mark.no_cover, pytest.mark.one_database]

RANDOM = [random_process(seed, 5 + seed % 26) for seed in range(20)]
SOUND = [*CORPUS.values(), *RANDOM]
FOLLOWED = [each for each in SOUND if can_be_followed(each._meta)]


def named(automation: Any) -> str:
    return automation.__name__


@pytest.fixture(scope="module")
def schema() -> Schema:
    return Schema()


@pytest.mark.parametrize("automation", [*SOUND, *UNSOUND.values()], ids=named)
def test_a_document_is_valid_for_the_schema_of_the_omg(schema: Schema, automation: Any) -> None:
    assert schema.problems(bpmn(automation._meta)) == []


@pytest.mark.parametrize("automation", SOUND, ids=named)
def test_a_linter_finds_nothing_in_a_document(automation: Any) -> None:
    assert lint(bpmn(automation._meta)) == []


@pytest.mark.django_db
@pytest.mark.parametrize("automation", FOLLOWED, ids=named)
def test_another_engine_visits_the_nodes_that_our_own_visits(automation: Any) -> None:
    assert follow(bpmn(automation._meta), expected_of(automation)) == []


@pytest.mark.django_db
def test_another_engine_goes_other_ways_with_other_decisions() -> None:
    ways = set()
    for seed in range(6):
        expected = expected_of(CORPUS["Tree"], seed)
        assert follow(bpmn(CORPUS["Tree"]._meta), expected) == []
        ways.add(tuple(expected.visits))
    assert len(ways) > 2


@pytest.mark.django_db
def test_the_readers_find_what_is_wrong(schema: Schema) -> None:
    process = CORPUS["IssueDiscussion"]
    document, expected = bpmn(process._meta), expected_of(process)
    assert schema.problems(document.replace("bpmn:userTask", "bpmn:peopleTask")) != []
    assert lint(document.replace('name="yes"', 'name=""')) != []
    # Without the gateway that merges two of four ways, the Join would wait for ever.
    wrong = document.replace('targetRef="join.merge.conf_call"', 'targetRef="join"')
    assert follow(document, expected) == []
    assert follow(wrong, expected) != []
