"""Each rule that makes a net smaller does so where it may, and leaves alone what it must."""

from __future__ import annotations

from typing import Any

import pytest

from automations.definition.net import DONE, START, Transition
from automations.definition.reduction import (
    alike,
    choices,
    giving_up,
    in_series,
    places_alike,
    reduced,
    without_escapes,
)
from tests.definition.nets import net

SERIES = {
    "one after the other": (["start > a", "a > b: x"], ["start > b: x"]),
    "two ways that meet": (
        ["start > a: w", "c > a: v", "a > b: x"],
        ["start > b: w x", "c > b: v x"],
    ),
    "what opens branches": (["start > a: w", "a > b c: x"], ["start > b c: w x"]),
    "what is said of a step": (
        ["start > a: w", "a > b: x, repeats, again"],
        ["start > b: w x, repeats, again"],
    ),
    "the first place where it may": (
        ["start > a b: s", "a > b: x", "start > c: w", "c > d: y"],
        ["start > a b: s", "a > b: x", "start > d: w y"],
    ),
    "not the first place": (["start > b: x"], None),
    "not one of two ways": (["start > a", "a > b: x", "a > c: y"], None),
    "not where branches meet": (["start > a b", "a b > c: x"], None),
    "not back to the same place": (["start > a", "a > a: x"], None),
    "not what nothing leads to": (["a > b: x"], None),
    "not an end for all": (["start > a", "a > done: x, clears"], None),
    "not behind what takes all other tokens": (["start > a: w, clears", "a > b: x"], None),
    "not where there would be two in one place": (["start > a b", "a > b: x"], None),
    "not where that were so of one of two": (["start > a b", "c > a", "a > b: x"], None),
    "not where the branches of two would be opened": (
        ["start > a: w", "c > a: v", "a > b d: x"],
        None,
    ),
}


@pytest.mark.parametrize("case", SERIES)
def test_a_step_that_is_the_only_way_on_happens_at_once(case: str) -> None:
    told(in_series, *SERIES[case])


PLACES = {
    "of two branches": (["start > a b: s", "a b > done: j"], ["start > a: s", "a > done: j"]),
    "behind one that ends": (
        ["x > done: e", "start > a b: s", "a b > x: j"],
        ["x > done: e", "start > a: s", "a > x: j"],
    ),
    "not with other ways in": (["start > a b: s", "c > b: t", "a b > done: j"], None),
    "not with other ways out": (["start > a b: s", "a > x: u", "a b > done: j"], None),
    "not what nothing takes": (["start > a b: s"], None),
}


@pytest.mark.parametrize("case", PLACES)
def test_of_places_that_are_filled_and_emptied_together_one_is_enough(case: str) -> None:
    before, wanted = PLACES[case]
    found = net(*before)
    assert places_alike(found) is (wanted is not None)
    if wanted is None:
        assert found == net(*before)
    else:
        assert [named(step) for step in found] == net(*wanted)


def named(step: Transition) -> Transition:
    """Return the step with "a" for whichever of "a" and "b" is left, if only one is."""
    if "a" in step.inputs | step.outputs:
        return step
    sides = (step.inputs, step.outputs)
    inputs, outputs = (frozenset("a" if one == "b" else one for one in side) for side in sides)
    return Transition(inputs, outputs, step.nodes, step.clears, step.repeats, step.again)


ALIKE = {
    "one of two": (["a > b: x", "a > b: y"], ["a > b: x"]),
    "two of three": (["a > b: x", "a > b: y", "a > b: z"], ["a > b: x"]),
    "what is said of it": (
        ["a > b: x", "a > b: y, repeats, again"],
        ["a > b: x, repeats, again"],
    ),
    "what does nothing": (["a > a: x", "a > b: y"], ["a > b: y"]),
    "one at a time of those that do nothing": (
        ["a > a: x", "a > a: y", "a > b: z"],
        ["a > a: y", "a > b: z"],
    ),
    "that first, and then what is alike": (
        ["a > a: x", "a > b: y", "a > b: z"],
        ["a > b: y", "a > b: z"],
    ),
    "what does nothing with two tokens": (
        ["a b > a b: x", "a > c: y", "b > c: z"],
        ["a > c: y", "b > c: z"],
    ),
    "not what a token cannot leave by": (["a > a: x"], None),
    "not if one of two tokens cannot": (["a b > a b: x", "a > c: y"], None),
    "not what is to come back for ever": (["a > a: x, repeats", "a > b: y"], None),
    "not an end for all beside another one": (["a > b: x", "a > b: y, clears"], None),
    "not what is different": (["a > b: x", "a > c: y", "c > b: z"], None),
}


@pytest.mark.parametrize("case", ALIKE)
def test_of_what_does_the_same_one_is_enough(case: str) -> None:
    told(alike, *ALIKE[case])


MANY = [f"p > c{at}: {at}" for at in range(30)]
CHOICES = {
    "each way with each": (
        ["x > p: 1", "y > p: 2", "p > c: 3", "p > d: 4"],
        ["x > c: 1 3", "x > d: 1 4", "y > c: 2 3", "y > d: 2 4"],
    ),
    "the first place where it may": (
        ["x > q: 0, clears", "q > z: 9", "x > p: 1", "p > c: 3", "p > d: 4"],
        ["x > q: 0, clears", "q > z: 9", "x > c: 1 3", "x > d: 1 4"],
    ),
    "what is said of both": (
        ["x > p: 1, repeats", "p > c: 3, again"],
        ["x > c: 1 3, repeats, again"],
    ),
    "twenty-four for eight": (
        [f"x{at} > p: {at}" for at in range(4)] + MANY[:6],
        [f"x{at} > c{to}: {at} {to}" for at in range(4) for to in range(6)],
    ),
    "the first place where ways may be chosen": (
        ["x > p q: 0", "p > q: 9", "y > r: 1", "r > c: 3", "r > d: 4"],
        ["x > p q: 0", "p > q: 9", "y > c: 1 3", "y > d: 1 4"],
    ),
    "as many as there were": (
        ["x > p: w", *MANY],
        [f"x > c{at}: w {at}" for at in range(30)],
    ),
    "not many times as many": (
        [f"x{at} > p: {at}" for at in range(5)] + MANY[:5],
        None,
    ),
    "not what nothing leads to": (["p > c: 3", "p > d: 4"], None),
    "not where one way is an end for all": (["x > p: 1", "p > c: 3", "p > d: 4, clears"], None),
    "not where one way needs another place": (["x > p q: 1", "p > c: 3", "p q > d: 4"], None),
    "not where one way comes back": (["x > p: 1", "p > c: 3", "p > p: 4"], None),
    "not behind one that takes all other tokens": (
        ["x > p: 1, clears", "y > p: 2", "p > c: 3", "p > d: 4"],
        None,
    ),
    "not where there would be two in one place": (
        ["x > p c: 1", "y > p: 2", "p > c: 3", "p > d: 4"],
        None,
    ),
}


@pytest.mark.parametrize("case", CHOICES)
def test_a_way_out_of_a_place_is_chosen_when_it_is_filled(case: str) -> None:
    told(choices, *CHOICES[case])


def told(rule: Any, before: list[str], wanted: list[str] | None) -> None:
    """Hold the rule to what it makes of a net; None: it is to find nothing."""
    found = net(*before)
    assert rule(found) is (wanted is not None)
    assert found == net(*(wanted or before))


NESTED = [
    "start > a: in",
    "a > b c: split",
    "b > b1: x",
    "b > b2: y",
    "b1 > bj: z",
    "b2 > bj: w",
    "c > cj: u",
    "c > c: again",
    "bj cj > e: join",
    "e > a: back",
    "e > done: out",
]


def test_what_is_nested_becomes_one_step_and_what_it_is_made_of_stays_as_it_was() -> None:
    whole = net(*NESTED)
    (one,) = reduced(whole)
    assert (one.inputs, one.outputs) == ({START}, {DONE})
    assert whole == net(*NESTED)


GIVES_UP = ["start > a b: s", "a > e: x", "e > done: stop, clears", "b > done: y, clears"]


def test_where_every_way_leads_to_an_end_for_all_it_is_given_up() -> None:
    assert giving_up(net(*GIVES_UP)) == {START, "a", "b", "e"}
    # One more way that leads to the usual end.
    assert giving_up(net(*GIVES_UP, "b > done: z")) == {"a", "e"}
    # Branches that meet on the way.
    met = ["start > a b: s", "a b > e: j", "a > e: x", "e > done: stop, clears", "b > e: y"]
    assert giving_up(net(*met)) == {"e"}
    # To and fro without an end.
    assert giving_up(net("start > a: s", "a > b: x", "b > a: y")) == set()
    # Branches that are opened without end are counted.
    assert giving_up(net(*GIVES_UP, "e > a b: more, again")) == set()


ESCAPES = [
    "start > a b: split",
    "a > aj: x",
    "a > k: escape",
    "k > done: stop, clears",
    "b > bj: y",
    "aj bj > e: join",
    "e > done: out",
]


def test_ways_to_an_end_for_all_are_left_out_beside_which_there_is_another_way() -> None:
    less = [line for line in ESCAPES if "escape" not in line and "stop" not in line]
    assert without_escapes(net(*ESCAPES)) == net(*less)
    # All else that leads there is left out as well.
    longer = [*ESCAPES, "b > l: other", "l > k: on"]
    assert without_escapes(net(*longer)) == net(*less)
    # The only way is no escape.
    only = [line for line in ESCAPES if not line.startswith("a > aj")]
    assert without_escapes(net(*only)) == net(*only)
    # Where all ways give up, they are what there is.
    assert without_escapes(net(*GIVES_UP)) == net(*GIVES_UP)
    # Two steps on, where the first is no escape, what is given up stays.
    kept = ["start > a: s", "a > b: x", "b > k: y", "k > done: stop, clears"]
    assert without_escapes(net(*kept)) == net(*kept)
    # Nor is it where two branches have to meet for it, though one of them may do something else.
    meets = ["start > a b: s", "a b > k: j", "k > k: wait", "k > done: stop, clears"]
    assert without_escapes(net(*meets)) == net(*meets)
    aside = [*meets, "a > c: u", "c > a: v"]
    assert without_escapes(net(*aside)) == net(*aside)
