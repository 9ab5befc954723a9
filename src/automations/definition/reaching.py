"""Which nodes a run can come to, and from which it can come to an end."""

from __future__ import annotations

from automations.definition.process import ProcessDefinition


def reachable(definition: ProcessDefinition) -> set[str]:
    """Return the names of the nodes that arrows lead to from where runs begin."""
    ahead = list(definition.entries)
    seen = set(ahead)
    while ahead:
        for flow in definition.outgoing(ahead.pop()):
            if flow.target not in seen:
                seen.add(flow.target)
                ahead.append(flow.target)
    return seen


def ending(definition: ProcessDefinition) -> set[str]:
    """Return the names of the nodes from which arrows lead to an End, or to where all repeats."""
    backward: dict[str, set[str]] = {name: set() for name in definition.nodes}
    ahead = {name for name, node in definition.nodes.items() if node.ends or node.repeats}
    for flow in definition.flows:
        if flow.target in backward:
            backward[flow.target].add(flow.source)
        else:
            ahead.add(flow.source)  # dangling, which is a flaw of its own
    seen: set[str] = set()
    while ahead:
        name = ahead.pop()
        seen.add(name)
        ahead |= backward[name] - seen
    return seen
