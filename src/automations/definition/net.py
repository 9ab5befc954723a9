"""
A process as a workflow net: places that hold tokens, and transitions that move them.

What BPMN means by a process, as a Petri net (W. van der Aalst, "The application of Petri nets to
workflow management", 1998): a node is a place, each way out of it a transition, for one of them is
taken. A Split is one transition that fills the places of all branches. A Join has a place for each
branch of its Split, where ways from one branch meet first, and a transition that empties all of
them. An End fills the last place; ``End(terminate=True)`` takes all other tokens away. Waits and
reminders change nothing, what ends a wait is one more way out. A node that can be come to with
other Splits open is another place then, as if it had been written twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from automations.definition.branches import Branch, Splits, arrivals
from automations.definition.nesting import states
from automations.definition.process import ProcessDefinition

#: The place before all nodes, and the one behind them.
START, DONE = "(start)", "(done)"


@dataclass
class Transition:
    """
    What takes a token from each place of ``inputs`` and puts one into each of ``outputs``.

    ``nodes`` are the names of those that are left by it, in their order. If it ``clears``, it takes
    all other tokens too; if it ``repeats``, the process is meant to come back by it for ever. It is
    done ``again`` if it opens the branches of a Split from inside one of them.
    """

    inputs: frozenset[str]
    outputs: frozenset[str]
    nodes: tuple[str, ...] = ()
    clears: bool = False
    repeats: bool = False
    again: bool = False


Marking = frozenset[str]


def net_of(definition: ProcessDefinition) -> list[Transition]:
    """Return the transitions of all nodes that arrows lead to."""
    found = [
        Transition(frozenset({START}), frozenset({place_of(definition, "", entry, ())}))
        for entry in definition.entries
    ]
    for name, splits in states(definition):
        found += transitions_of(definition, name, splits)
    return found


def transitions_of(
    definition: ProcessDefinition, name: str, splits: Splits
) -> Iterator[Transition]:
    """Yield how a token leaves the node ``name`` while the branches of ``splits`` are open."""
    node = definition.nodes[name]
    if node.merges and not splits:
        return  # a flaw of its own, from which nothing goes on
    behind = splits[:-1] if node.merges else splits
    if node.forks:  # one that is come to again from inside opens the same branches twice
        behind = (*splits[: splits.index(name)], name) if name in splits else (*splits, name)
    here = frozenset({place(name, splits)})
    targets = dict.fromkeys(
        place_of(definition, name, flow.target, behind) for flow in definition.outgoing(name)
    )
    if node.ends:
        yield Transition(here, frozenset({DONE}), (name,), clears=node.terminate)
    elif node.forks:
        if targets:
            yield Transition(here, frozenset(targets), (name,), again=name in splits)
    else:
        inputs = meeting(definition, name, splits) if node.merges else here
        for target in targets:
            yield Transition(inputs, frozenset({target}), (name,), repeats=node.repeats)


def meeting(definition: ProcessDefinition, join: str, splits: Splits) -> frozenset[str]:
    """
    Return the places in which a Join waits: one for each branch of the innermost open Split.

    Also for one that never comes there: without it the Join is never complete.
    """
    firsts = (flow.target for flow in definition.outgoing(splits[-1]))
    return frozenset(place(join, splits, first) for first in firsts)


def place_of(definition: ProcessDefinition, source: str, target: str, splits: Splits) -> str:
    """Return where a token goes from the node ``source`` to the node ``target``."""
    if definition.nodes[target].merges and splits:
        arrived = arrivals(definition).get((target, splits, source), Branch())
        return place(target, splits, arrived.first)
    return place(target, splits)


def place(name: str, splits: Splits, branch: str = "") -> str:
    """Return the place of a token at a node, of a Join for one branch of the innermost Split."""
    return " ".join([name, *splits, branch]) if splits else name


def node_at(found: str) -> str:
    """Return the name of the node that a place belongs to."""
    return found.partition(" ")[0]
