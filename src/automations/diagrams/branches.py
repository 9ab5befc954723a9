"""Which branch of which Split leads into a Join by which way."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from automations.definition.process import ProcessDefinition


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
    ahead = [(name, 0, Branch()) for name in definition.entries]
    seen = set(ahead)
    # Of the Splits that are open only how many there are is kept, and the innermost branch: with
    # all of them the states of a flawed process would be without number.
    stacks: dict[tuple[str, int, Branch], tuple[Branch, ...]] = dict.fromkeys(ahead, ())
    while ahead:
        state = ahead.pop(0)
        name, _depth, _branch = state
        stack = stacks[state]
        node = definition.nodes[name]
        for flow in dict.fromkeys(definition.outgoing(name)):
            behind = stack
            if node.merges:
                behind = stack[:-1]
            elif node.forks:
                behind = (*stack, Branch(name, flow.target))
            if definition.nodes[flow.target].merges and behind:
                found.setdefault((flow.target, name), behind[-1])
            after = (flow.target, len(behind), behind[-1] if behind else Branch())
            if after not in seen and len(behind) <= len(definition.nodes):
                seen.add(after)
                stacks[after] = behind
                ahead.append(after)
    return found
