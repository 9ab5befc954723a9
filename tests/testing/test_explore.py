"""Random stories find what is wrong with a process, and nothing where nothing is."""

from __future__ import annotations

import contextlib
import datetime
import time
from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from automations.testing import (
    StoryFailed,
    clock,
    complete,
    explore,
    run_until_idle,
    send,
    worker_dies,
)
from tests.testapp import explored
from tests.testapp.explored import (
    DAY,
    EndlessQuestion,
    HastyOrder,
    Order,
    Purchase,
    PurchaseInForm,
    PurchasePaidAgain,
    PurchaseWithoutKey,
    Question,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("people")]

#: The first, which is the same each time, and one that is not.
SEEDS = [pytest.param(1, marks=pytest.mark.one_database), None]
TWICE = {"invariant": lambda run: len(explored.charged) <= 1}
LOST = {"at_end": lambda run: bool(run.data.get("invoiced"))}
LATE = {"within": 10 * DAY}


@pytest.fixture
def people(db: None) -> None:
    """One who may do everything, and one who may do nothing."""
    ada = User.objects.create(username="ada")
    ada.groups.add(Group.objects.create(name="staff"))
    User.objects.create(username="eve")


def failing(automation: Any, seed: int | None, **how: Any) -> StoryFailed:
    """Return the story that is found, which its own code plays again."""
    begun = time.process_time()
    with pytest.raises(StoryFailed) as failed:
        # As much time as it takes on a busy machine; what counts is what it takes of it.
        explore(automation, setup=explored.charged.clear, seed=seed, seconds=200, **how)
    assert time.process_time() - begun < 30
    story = failed.value
    names = {
        "UTC": datetime.UTC,
        "User": User,
        "clock": clock,
        "complete": complete,
        "datetime": datetime.datetime,
        "run_until_idle": run_until_idle,
        "send": send,
        "suppress": contextlib.suppress,
        "worker_dies": worker_dies,
        automation.__name__: automation,
    }
    explored.charged.clear()
    exec(story.code, names)  # noqa: S102 - it is to be pasted into a test
    for law in how.values():
        assert not callable(law) or not law(names["run"])
    return story


@pytest.mark.parametrize("seed", SEEDS)
def test_a_branch_that_is_lost_is_found(seed: int | None) -> None:
    assert failing(HastyOrder, seed, **LOST).lines == [
        "Monday 2026-03-02 10:00: start()",
        "ada completes pack with {'parcels': 2}",
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_payment_that_is_made_twice_when_a_form_is_sent_again_is_found(seed: int | None) -> None:
    assert failing(PurchasePaidAgain, seed, **TWICE).lines == [
        "Monday 2026-03-02 10:00: start()",
        "ada completes address with {'street': '0', 'is_island': True}",
        "ada completes address with {'street': '0', 'is_island': False}",
    ]


# By the seed 54 a story of thirty days is found first, whose text is as long as that of ten.
@pytest.mark.parametrize("seed", [*SEEDS, 54])
def test_a_deadline_that_is_never_reached_is_found(seed: int | None) -> None:
    story = failing(EndlessQuestion, seed, **LATE)
    assert story.lines == ["Monday 2026-03-02 10:00: start()", "10 days later"]
    assert "has not ended by 2026-03-12 10:00:00+01:00, as within= says" in str(story)


def test_a_payment_that_is_made_twice_when_its_worker_dies_is_found() -> None:
    assert failing(PurchaseWithoutKey, 2, **TWICE).lines == [
        "Monday 2026-03-02 10:00: start()",
        "ada completes address with {'street': '0', 'is_island': False}",
        "  the worker dies in pay, and another takes it up",
    ]


def test_a_payment_that_is_made_where_a_form_is_checked_is_found() -> None:
    story = failing(PurchaseInForm, 3, **TWICE)
    assert story.lines[0] == "Monday 2026-03-02 10:00: start()"
    assert len(story.lines) <= 3


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("automation", "how"), [(Order, LOST), (Purchase, TWICE), (Question, LATE)]
)
def test_nothing_is_found_where_nothing_is(automation: Any, how: Any, seed: int | None) -> None:
    setup = explored.charged.clear
    found = explore(automation, setup=setup, seed=seed, stories=20, seconds=200, **how)
    assert found.stories == 20
    assert "end" in found.nodes
