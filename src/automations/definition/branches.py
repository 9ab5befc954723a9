"""Which branch of which Split leads into a Join by which way."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from automations.definition.nesting import MOST_PER_NODE
from automations.definition.process import ProcessDefinition

#: The names of the Splits whose branches are open at a place, the outermost first.
Splits = tuple[str, ...]


class Branch(NamedTuple):
    """One branch: the Split that opens it, and the first node in it."""

    split: str = ""
    first: str = ""


def branch_of(definition: ProcessDefinition, join: str, source: str) -> Branch:
    """
    Return the branch by which ``source`` leads to ``join``.

    Where several could be meant, which is a flaw, it is the first; an empty one if none is open
    there.
    """
    return branches(definition).get((join, source), Branch())


def splits_of(definition: ProcessDefinition, join: str) -> tuple[str, ...]:
    """Return the names of the Splits whose branches meet at ``join``, in order of declaration."""
    found = {branch.split for (place, _), branch in branches(definition).items() if place == join}
    return tuple(name for name in definition.nodes if name in found)


@lru_cache(maxsize=256)
def branches(definition: ProcessDefinition) -> dict[tuple[str, str], Branch]:
    """Return the branch for each Join and each node that leads to it."""
    found: dict[tuple[str, str], Branch] = {}
    for (join, _splits, source), branch in arrivals(definition).items():
        found.setdefault((join, source), branch)
    return found


@lru_cache(maxsize=256)
def arrivals(definition: ProcessDefinition) -> dict[tuple[str, Splits, str], Branch]:
    """Return the branch for each Join, the Splits that are open there, and who leads to it."""
    found: dict[tuple[str, Splits, str], Branch] = {}
    ahead: list[tuple[str, Splits, Branch]] = [(name, (), Branch()) for name in definition.entries]
    # Of the open branches only the innermost is part of a state: with all of them the states of a
    # flawed process would be without number. The others are those of the first way.
    stacks: dict[tuple[str, Splits, Branch], tuple[Branch, ...]] = dict.fromkeys(ahead, ())
    most = MOST_PER_NODE * len(definition.nodes)
    while ahead and len(stacks) <= most:  # else it is a flaw to say, not to draw
        state = ahead.pop(0)
        name, splits, _innermost = state
        node = definition.nodes[name]
        if node.forks and name in splits:
            continue
        for flow in dict.fromkeys(definition.outgoing(name)):
            behind = stacks[state]
            if node.merges:
                behind = behind[:-1]
            elif node.forks:
                behind = (*behind, Branch(name, flow.target))
            opened = tuple(branch.split for branch in behind)
            if definition.nodes[flow.target].merges and behind:
                found.setdefault((flow.target, opened, name), behind[-1])
            after = (flow.target, opened, behind[-1] if behind else Branch())
            if after not in stacks:
                stacks[after] = behind
                ahead.append(after)
    return found
