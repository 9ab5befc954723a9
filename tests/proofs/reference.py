"""
What a nested process means, told in another way: an acceptor of what may happen next.

It imports nothing of the package. A process is a tree of parts; `walk` says which events are
possible now, is told which one has happened, and goes on. An event is a node's name and the state
that its task ends in.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias

Event: TypeAlias = tuple[str, str]
Walk: TypeAlias = Generator[set[Event], Event, None]


@dataclass(frozen=True)
class Pattern:
    """A yes or no for each pass of the loop around it, repeated when it is at its end."""

    answers: tuple[bool, ...]

    def __getitem__(self, passes: int) -> bool:
        return self.answers[passes % len(self.answers)]


@dataclass(frozen=True)
class Work:
    """Something is done: after a wait, unless it is skipped, or too late; it may fail."""

    name: str
    skip: Pattern
    fail: Pattern
    wait: int
    patience: int
    handler: Part | None


@dataclass(frozen=True)
class Choice:
    """One of two ways."""

    name: str
    yes: Pattern
    then: Part
    otherwise: Part


@dataclass(frozen=True)
class Loop:
    """The body, several times."""

    name: str
    times: int
    body: Part


@dataclass(frozen=True)
class Parallel:
    """Several branches at once."""

    name: str
    branches: tuple[Part, ...]


@dataclass(frozen=True)
class Row:
    """One after the other."""

    parts: tuple[Part, ...]


Part: TypeAlias = Work | Choice | Loop | Parallel | Row


def longest(part: Part) -> int:
    """Return how many events the part has at most."""
    match part:
        case Row():
            return sum(longest(each) for each in part.parts)
        case Work():
            return 1 + (longest(part.handler) if part.handler else 0)
        case Choice():
            return 1 + max(longest(part.then), longest(part.otherwise))
        case Loop():
            return part.times * (longest(part.body) + 1)
        case Parallel():
            return 1 + sum(longest(branch) + 1 for branch in part.branches)


def walk(part: Part, passes: int = 0) -> Walk:
    """Yield the events that are possible; be sent the one that has happened."""
    match part:
        case Row():
            for each in part.parts:
                yield from walk(each, passes)
        case Work():
            # Zero minutes of patience stand for patience without end.
            late = 0 < part.patience <= part.wait
            if part.skip[passes] or late:
                yield {(part.name, "skipped")}
            else:
                yield {(part.name, "completed")}
                if part.handler and part.fail[passes]:
                    yield from walk(part.handler, passes)
        case Choice():
            yield {(part.name, "completed")}
            yield from walk(part.then if part.yes[passes] else part.otherwise, passes)
        case Loop():
            for turn in range(part.times):
                yield from walk(part.body, turn)
                yield {(part.name, "completed")}
        case Parallel():
            yield {(part.name, "completed")}
            yield from walk_beside(part, passes)


def walk_beside(part: Parallel, passes: int) -> Walk:
    """Let the branches go on in any order, until all of them have arrived at the join."""
    branches = [walk(branch, passes) for branch in part.branches]
    possible = [next(branch, None) for branch in branches]
    arrived = 0
    while arrived < len(branches):
        last = arrived == len(branches) - 1
        arrival = (f"{part.name}_join", "completed" if last else "merged")
        waiting = sum(events is None for events in possible) > arrived
        happened = yield set().union(
            *(events for events in possible if events), {arrival} if waiting else set()
        )
        if waiting and happened == arrival:
            arrived += 1
            continue
        at = next(at for at, events in enumerate(possible) if events and happened in events)
        try:
            possible[at] = branches[at].send(happened)
        except StopIteration:
            possible[at] = None
