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

    def is_final(self, place: str) -> bool:
        """Return whether nothing but a transition that clears all leads away from a place."""
        steps = self.empty[place]
        return bool(steps) and all(step.clears for step in steps)


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
        if any(around.is_final(output) for output in step.outputs):
            continue  # two of what comes there are no flaw, but two of what comes before are
        if not before or place in step.outputs or len(before) > 1 < len(step.outputs):
            continue
        if any(each.clears or each.outputs & step.outputs for each in before):
            continue
        for each in before:
            each.outputs = (each.outputs - {place}) | step.outputs
            each.nodes += step.nodes
            each.repeats |= step.repeats
        without(net, [step])
        return True
    return False


RULES = (in_series, places_alike, alike)
