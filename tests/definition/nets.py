"""Nets that are written down a transition a line."""

from __future__ import annotations

from typing import Any

from automations.definition.net import DONE, START, Transition


def net(*lines: str) -> list[Transition]:
    """
    Return the net of which each line tells a transition: ``"a b > c: x y, clears"``.

    The places before it, those behind it, the nodes that it leaves, and what holds for it.
    """
    return [transition(line) for line in lines]


def transition(line: str) -> Transition:
    """Return the transition that the line tells."""
    way, _, rest = line.partition(":")
    inputs, _, outputs = way.partition(">")
    nodes, *flags = rest.split(",")
    named = {"start": START, "done": DONE}
    places = [frozenset(named.get(one, one) for one in side.split()) for side in (inputs, outputs)]
    how: dict[str, Any] = {flag.strip(): True for flag in flags}
    return Transition(*places, tuple(nodes.split()), **how)
