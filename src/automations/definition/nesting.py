"""
Whether branches that a Split opens meet again.

Every way through the process is walked with the stack of Splits whose branches it is in. There
are finitely many such states, for a Split inside its own branch is a flaw by itself. But Splits
that lead to each other in any order may be open in any order: then the walk is given up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress

from automations.definition.problems import Problem
from automations.definition.process import ProcessDefinition

State = tuple[str, tuple[str, ...]]

#: How many states a node has at the most, on average. One is usual; two, if Splits share a node.
MOST_PER_NODE = 20


class TooManyStates(Exception):
    """There are more states than are worth to be walked through."""


def unsound_branches(definition: ProcessDefinition) -> Iterator[Problem]:
    """Yield each place where a branch is lost, ends too early or is joined without a Split."""
    joins: dict[str, set[str]] = defaultdict(set)
    reported: set[tuple[str, str]] = set()
    for name, stack in some_states(definition):
        node = definition.nodes[name]
        label = f"{definition.label}.{name}"
        problem = None
        if node.merges and stack:
            joins[stack[-1]].add(name)
        elif node.merges:
            problem = Problem(
                "E121",
                f"{label} is a Join that can be reached without a Split.",
                "Lead to it from the branches of one Split alone, or remove it.",
                name,
            )
        elif node.forks and name in stack:
            problem = Problem(
                "E124",
                f"{label} is a Split that can be reached again from inside its own branches.",
                "Join the branches before the process comes back to it.",
                name,
            )
        elif node.ends and stack and not getattr(node, "terminate", False):
            problem = Problem(
                "E122",
                f"{label} can be reached by a branch of {stack[-1]!r} before its Join.",
                f"Lead the branch to the Join, or write {name} = flow.End(terminate=True) to "
                f"cancel the other branches.",
                name,
            )
        if problem and (problem.code, name) not in reported:
            reported.add((problem.code, name))
            yield problem
    for split, places in joins.items():
        if len(places) > 1:
            found = ", ".join(sorted(places))
            yield Problem(
                "E123",
                f"The branches of {definition.label}.{split} lead to different Joins ({found}), "
                f"so none of them would ever be complete.",
                "Lead every branch to the same Join.",
                split,
            )


def some_states(definition: ProcessDefinition) -> Iterator[State]:
    """Yield the states, all of them unless there are too many."""
    with suppress(TooManyStates):
        yield from states(definition)


def states(definition: ProcessDefinition) -> Iterator[State]:
    """
    Yield every node with each stack of open Splits that it can be reached with, once.

    Raise `TooManyStates` when there are more than can be walked through.
    """
    ahead: list[State] = [(name, ()) for name in definition.entries]
    seen: set[State] = set(ahead)
    most = MOST_PER_NODE * len(definition.nodes)
    while ahead:
        name, stack = ahead.pop(0)
        yield name, stack
        if len(seen) > most:
            raise TooManyStates(definition.label)
        node = definition.nodes[name]
        if node.forks and name in stack:
            continue
        behind = (*stack, name) if node.forks else stack[:-1] if node.merges else stack
        for flow in definition.outgoing(name):
            state = (flow.target, behind)
            if state not in seen:
                seen.add(state)
                ahead.append(state)
