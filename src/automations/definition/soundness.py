"""
Whether a process is sound: from every state the end can be reached, and then nothing is left.

Soundness is that of workflow nets (W. van der Aalst, 1998), in nets that hold at most one token in
a place: two would be two branches in one. The net is made smaller first, then all of its states
are visited, up to a bound.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from automations.definition.nesting import TooManyStates, unsound_branches
from automations.definition.net import DONE, START, Marking, Transition, net_of, node_at
from automations.definition.problems import Problem
from automations.definition.process import ProcessDefinition
from automations.definition.reaching import ending
from automations.definition.reduction import giving_up, reduced, without_escapes

#: How many states are visited at the most; a process with more of them is undecided.
MOST_STATES = 10_000

#: So many states of a process that has a flaw are visited for the shortest way to it.
NEAR = 2_000


class Kind(StrEnum):
    """What can be wrong."""

    STUCK = "stuck"
    LEFT_BEHIND = "left behind"
    TWICE = "twice"
    NO_END = "no end"
    DEAD = "dead"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Flaw:
    """
    One flaw, with a way that leads to it.

    ``path`` are the names of nodes in the order in which a run leaves them, ``places`` those that
    it then stands at: where it is stuck, what is left behind, or where two branches are in one.
    """

    kind: Kind
    path: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


@lru_cache(maxsize=1024)
def flaw_of(definition: ProcessDefinition) -> Flaw | None:
    """Return the flaw that the shortest way leads to; None if the process is sound."""
    if not definition.nodes:
        return None
    try:
        net = net_of(definition)
    except TooManyStates:
        return Flaw(Kind.UNDECIDED)
    less = without_escapes(net)
    if len(less) < len(net) and explored(reduced(less)) is None:
        return None
    flaw = explored(reduced(net))
    if flaw is None:
        return None
    # In the whole net, if it is not too large, the way is shorter: only what must be done is done.
    # Only where a run is lost, it is told where it is in the end.
    near = None if flaw.kind in (Kind.NO_END, Kind.UNDECIDED) else explored(net, NEAR)
    if near is not None and near.kind is not Kind.UNDECIDED:
        flaw = near
    # Other branches may go on before the End is reached: told so, the way is a story.
    path = sorted(flaw.path, key=lambda name: definition.nodes[name].ends)
    return replace(flaw, path=tuple(path))


def explored(net: list[Transition], most: int | None = None) -> Flaw | None:
    """Return the first flaw of the net; ``most`` states are visited."""
    return Search(net, most).first_flaw()


class Search:
    """All states of a net, each with the step that leads to it."""

    def __init__(self, net: list[Transition], most: int | None = None) -> None:
        self.net = net
        self.most = MOST_STATES if most is None else most
        first = frozenset({START})
        self.came: dict[Marking, tuple[Marking, Transition] | None] = {first: None}
        self.ahead: deque[Marking] = deque([first])
        self.behind: dict[Marking, list[Marking]] = {first: []}
        self.good: list[Marking] = []
        self.done: set[int] = set()
        # Two branches that come to a terminating End: one of them ends the other.
        self.final = giving_up(net)

    def first_flaw(self) -> Flaw | None:
        """Visit the states, the nearest first."""
        while self.ahead:
            if len(self.came) > self.most:
                return Flaw(Kind.UNDECIDED)
            here = self.ahead.popleft()
            if DONE in here:
                if len(here) > 1:
                    return self.flaw(Kind.LEFT_BEHIND, here, here - {DONE})
                self.good.append(here)
                continue
            enabled = [step for step in self.net if step.inputs <= here]
            if not enabled:
                return self.flaw(Kind.STUCK, here, here)
            if here == frozenset().union(*(step.inputs for step in enabled if step.repeats)):
                self.good.append(here)  # every branch is where it is meant to go on for ever
            for step in enabled:
                rest = here - step.inputs
                self.done.add(id(step))
                if not step.clears and (twice := (rest & step.outputs) - self.final):
                    kind = Kind.LEFT_BEHIND if DONE in twice else Kind.TWICE
                    return self.flaw(kind, here, twice - {DONE}, step)
                self.visit(here, step, step.outputs if step.clears else rest | step.outputs)
        return self.without_end() or self.dead()

    def visit(self, here: Marking, step: Transition, there: Marking) -> None:
        """Note that ``step`` leads from one state to another."""
        if there not in self.came:
            self.came[there] = (here, step)
            self.ahead.append(there)
            self.behind[there] = []
        self.behind[there].append(here)

    def without_end(self) -> Flaw | None:
        """Return the state from which no way leads to the end, or to repeating, if there is one."""
        seen, ahead = set(self.good), list(self.good)
        while ahead:
            for state in self.behind[ahead.pop()]:
                if state not in seen:
                    seen.add(state)
                    ahead.append(state)
        for state in self.came:
            if state not in seen and START not in state:
                return self.flaw(Kind.NO_END, state, state)
        return None

    def dead(self) -> Flaw | None:
        """Return the nodes that are never done, though arrows lead there, if there are any."""
        alive = {node for step in self.net if id(step) in self.done for node in step.nodes}
        never = [node for step in self.net for node in step.nodes if node not in alive]
        return Flaw(Kind.DEAD, places=tuple(dict.fromkeys(never))) if never else None

    def flaw(
        self, kind: Kind, state: Marking, places: Marking, last: Transition | None = None
    ) -> Flaw:
        """Return a flaw of this kind with the way to ``state``, and on by ``last``."""
        path: list[str] = list(last.nodes) if last else []
        while came := self.came[state]:
            state, step = came
            path[:0] = step.nodes
        return Flaw(kind, tuple(path), tuple(sorted(map(node_at, places))))


def unsound(definition: ProcessDefinition) -> Iterator[Problem]:
    """
    Yield why the process is not sound.

    Where the nesting of its branches tells, in those words; else by the way that leads to the flaw.
    """
    flaw = flaw_of(definition)
    told = list(unsound_branches(definition)) if flaw else []
    if flaw and told:
        seen = {*flaw.path, *flaw.places}
        at = next((at for at, each in enumerate(told) if each.node in seen), None)
        if at is not None and flaw.path:
            text = f"{told[at].message} A run comes to it by {' -> '.join(flaw.path)}."
            told[at] = replace(told[at], message=text)
        yield from told
    elif flaw and set(flaw.places) <= ending(definition):
        yield problem_of(definition, flaw)  # else it is told already that no End is behind


def problem_of(definition: ProcessDefinition, flaw: Flaw) -> Problem:
    """Return a flaw of the net in the words of the author."""
    if flaw.kind is Kind.UNDECIDED:
        return Problem(
            "I101",
            f"Whether {definition.label} is sound was not decided: its branches can stand in more "
            f"than {MOST_STATES} ways.",
            "Nothing has to be done. Fewer branches that lead into each other could be judged.",
        )
    where = ", ".join(dict.fromkeys(flaw.places))
    text, hint = WORDS[flaw.kind]
    after = f" after {' -> '.join(flaw.path)}" if flaw.path else ""
    return Problem(
        "E143",
        f"{definition.label} {text.format(where=where)}{after}.",
        hint,
        flaw.places[0] if flaw.places else "",
    )


WORDS = {
    Kind.STUCK: (
        "would be stuck at {where}",
        "Lead every branch of a Split to its Join, by whichever way it goes.",
    ),
    Kind.LEFT_BEHIND: (
        "would end while it is still at {where},",
        "Join all branches before the End, or write flow.End(terminate=True).",
    ),
    Kind.TWICE: (
        "would be at {where} twice at once,",
        "Do not lead from one branch of a Split into another: join them first.",
    ),
    Kind.NO_END: (
        "could never end from {where} on,",
        "Give it a way to an End.",
    ),
    Kind.DEAD: (
        "would never do {where}",
        "Some branch has to come to the Join before; let it leave its loop.",
    ),
}
