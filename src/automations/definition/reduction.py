"""
A smaller net that is sound if and only if a given one is.

The rules are those of T. Murata, "Petri nets: properties, analysis and applications" (1989),
chapter V: they keep whether a net is live, safe and bounded, so whether it is sound. What is
removed is remembered by the names of its nodes, so that a way through the smaller net can be told
as one through the process. A process that is made of nothing but sequences, choices, branches and
loops that are nested in each other becomes one step.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from automations.definition.net import DONE, START, Transition


def reduced(net: list[Transition]) -> list[Transition]:
    """Return the net after all rules, as long as one of them finds something."""
    net = [replace(transition) for transition in net]
    while any(rule(net) for rule in RULES):
        pass
    return net


class Around:
    """Which transitions fill and which empty each place."""

    def __init__(self, net: list[Transition]) -> None:
        self.fill: dict[str, list[Transition]] = defaultdict(list)
        self.empty: dict[str, list[Transition]] = defaultdict(list)
        for transition in net:
            for place in transition.outputs:
                self.fill[place].append(transition)
            for place in transition.inputs:
                self.empty[place].append(transition)


def without(net: list[Transition], gone: list[Transition]) -> None:
    """Take transitions out of the net."""
    names = set(map(id, gone))
    net[:] = [transition for transition in net if id(transition) not in names]


def alike(net: list[Transition]) -> bool:
    """Take away one of two transitions that do the same, and those that do nothing."""
    seen: dict[tuple[object, ...], Transition] = {}
    gone = []
    for transition in net:
        key = (transition.inputs, transition.outputs, transition.clears)
        if transition.inputs == transition.outputs and not transition.repeats:
            gone.append(transition)
        elif key in seen:
            # That the process comes back there must not be forgotten.
            seen[key].repeats |= transition.repeats
            seen[key].again |= transition.again
            gone.append(transition)
        else:
            seen[key] = transition
    around = Around(net)
    # Where nothing else leads away, a token that can only stay is a flaw, which has to be found.
    gone = [
        transition
        for transition in gone
        if transition.inputs != transition.outputs
        or all(len(around.empty[place]) > 1 for place in transition.inputs)
    ][: 1 if any(t.inputs == t.outputs for t in gone) else None]
    without(net, gone)
    return bool(gone)


def places_alike(net: list[Transition]) -> bool:
    """Take away one of two places that are filled and emptied together."""
    around = Around(net)
    seen: dict[tuple[frozenset[int], frozenset[int]], str] = {}
    for place in list(around.fill):
        if place == DONE or not around.empty[place]:
            continue
        key = frozenset(map(id, around.fill[place])), frozenset(map(id, around.empty[place]))
        if key in seen:
            for transition in (*around.fill[place], *around.empty[place]):
                transition.inputs -= {place}
                transition.outputs -= {place}
            return True
        seen[key] = place
    return False


def in_series(net: list[Transition]) -> bool:
    """Let a transition happen at once that is the only way out of its only place."""
    around = Around(net)
    for step in net:
        (place, *more) = step.inputs
        if more or place == START or step.clears or len(around.empty[place]) > 1:
            continue
        before = around.fill[place]
        if not before or place in step.outputs or len(before) > 1 < len(step.outputs):
            continue
        if any(each.clears or each.outputs & step.outputs for each in before):
            continue
        for each in before:
            each.outputs = (each.outputs - {place}) | step.outputs
            each.nodes += step.nodes
            each.repeats |= step.repeats
            each.again |= step.again
        without(net, [step])
        return True
    return False


def choices(net: list[Transition]) -> bool:
    """
    Let one of the ways out of a place be chosen as soon as it is filled.

    G. Berthelot calls that post-agglomeration ("Transformations and decompositions of nets", 1987).
    """
    around = Around(net)
    for place, ways in around.empty.items():
        before = around.fill[place]
        together = len(before) * len(ways)
        if not before or together > max(len(before) + len(ways), FEW):
            continue
        if any(step.clears or step.inputs != {place} or place in step.outputs for step in ways):
            continue
        if any(each.clears or each.outputs & step.outputs for each in before for step in ways):
            continue
        without(net, [*before, *ways])
        net += [
            Transition(
                each.inputs,
                (each.outputs - {place}) | step.outputs,
                each.nodes + step.nodes,
                repeats=each.repeats or step.repeats,
                again=each.again or step.again,
            )
            for each in before
            for step in ways
        ]
        return True
    return False


RULES = (in_series, places_alike, alike, choices)

#: So many transitions may take the place of others, if a place is gone then.
FEW = 24


def giving_up(net: list[Transition]) -> set[str]:
    """
    Return the places from which every way leads to an end that is for all branches.

    There two tokens are as good as one: it does not matter how many branches give up. But where a
    Split opens branches without end, they are counted.
    """
    if any(step.again for step in net):
        return set()
    empty = Around(net).empty
    found = {place for place, ways in empty.items() if all(len(way.inputs) == 1 for way in ways)}
    size = -1
    while size != len(found):
        size = len(found)
        ended: set[str] = set()
        while more := {
            place
            for place in found - ended
            if any(step.clears or step.outputs & ended for step in empty[place])
        }:
            ended |= more
        found = {
            place
            for place in ended
            if all(step.clears or step.outputs <= ended for step in empty[place])
        }
    return found


def without_escapes(net: list[Transition]) -> list[Transition]:
    """
    Return the net without each way to an end for all branches beside which there is another way.

    If it is sound, the net is: such a way can be gone at any moment, leads to the end, and to no
    state that is worse than the one that it leaves. The opposite need not hold.
    """
    final = giving_up(net)
    empty = Around(net).empty
    others = {
        place: [step for step in ways if not step.outputs <= final] for place, ways in empty.items()
    }
    kept = [
        step
        for step in net
        if step.inputs <= final
        or not step.outputs <= final
        or not all(others[place] for place in step.inputs)
    ]
    # What only those have led to is gone with them.
    marked: set[str] = {START}
    while more := {place for step in kept if step.inputs <= marked for place in step.outputs} - (
        marked
    ):
        marked |= more
    return [step for step in kept if not step.inputs <= final - marked]
