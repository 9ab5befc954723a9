"""What a definition is made of is values: equal if they say the same, and never changed."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from automations.definition.branches import Branch
from automations.definition.problems import Problem
from automations.definition.sequence import SequenceFlow


def test_arrows_are_equal_if_they_lead_the_same_way_whatever_decides_it() -> None:
    arrow = SequenceFlow("a", "b", "yes", condition=1, work=1, errors=(ValueError,))
    assert arrow == SequenceFlow("a", "b", "yes")
    assert hash(arrow) == hash(SequenceFlow("a", "b", "yes"))
    assert arrow != SequenceFlow("a", "b", "no")
    assert arrow != SequenceFlow("a", "c", "yes")
    assert repr(arrow) == "<SequenceFlow a -> b (yes)>"
    assert repr(SequenceFlow("a", "b")) == "<SequenceFlow a -> b>"


def test_a_problem_need_not_be_that_of_a_node() -> None:
    assert Problem("E100", "It is wrong.", "Put it right.").node == ""


def test_an_empty_branch_is_that_of_no_split() -> None:
    assert Branch() == ("", "")


@pytest.mark.parametrize("value", [SequenceFlow("a", "b"), Problem("E100", "No.", "Do.")])
def test_nobody_changes_a_value(value: Any) -> None:
    name = next(iter(vars(value)))
    with pytest.raises(FrozenInstanceError):
        setattr(value, name, "other")
