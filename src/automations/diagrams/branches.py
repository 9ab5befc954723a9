"""Which branch of its Split leads into a Join by which way."""

from __future__ import annotations

from functools import lru_cache

from automations.definition.process import ProcessDefinition


def branch_of(definition: ProcessDefinition, join: str, source: str) -> str:
    """
    Return the name of the first node of the branch by which ``source`` leads to ``join``.

    Where several could be meant, which is a flaw, it is the first; "" if no branch is open there.
    """
    return branches(definition).get((join, source), "")


@lru_cache(maxsize=256)
def branches(definition: ProcessDefinition) -> dict[tuple[str, str], str]:
    """Return the branch for each Join and each node that leads to it."""
    found: dict[tuple[str, str], str] = {}
    ahead = [(name, 0, "") for name in definition.entries]
    seen = set(ahead)
    # Of the Splits that are open only how many there are is kept, and the innermost branch: with
    # all of them the states of a flawed process would be without number.
    stacks: dict[tuple[str, int, str], tuple[str, ...]] = dict.fromkeys(ahead, ())
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
                behind = (*stack, flow.target)
            if definition.nodes[flow.target].merges and behind:
                found.setdefault((flow.target, name), behind[-1])
            after = (flow.target, len(behind), behind[-1] if behind else "")
            if after not in seen and len(behind) <= len(definition.nodes):
                seen.add(after)
                stacks[after] = behind
                ahead.append(after)
    return found
