"""
Random processes made of all kinds of nodes: the same number gives the same process.

A process is grown as nested parts, each of which has one way in and goes on at one place, so it is
sound. With ``wild`` that share of its arrows is led elsewhere afterwards, whatever comes of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count, pairwise
from types import new_class
from typing import Any

from automations import flow
from tests.diagrams.steered import DAY, HOUR, Lost, Steered, Unpaid
from tests.testapp.forms import ApprovalForm

#: How a place is pointed to that is not known yet, and the place itself.
Target = str


@dataclass
class Draft:
    """A node that is still being made: its kind and the places that it leads to, by role."""

    kind: str
    targets: list[Target]
    handlers: list[tuple[str, Target]] = field(default_factory=list)


@dataclass
class Grower:
    """Grows a process from its end to its beginning."""

    chance: random.Random
    drafts: dict[str, Draft] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: count(1))

    def add(self, kind: str, targets: list[Target], name: str = "") -> str:
        """Add a node and return its name."""
        name = name or f"{kind}_{next(self.numbers)}"
        self.drafts[name] = Draft(kind, targets)
        return name

    def row(self, size: int, after: Target) -> str:
        """Grow parts of about ``size`` nodes in all, one behind the other; return the first."""
        first = after
        while size > 0:
            part = self.chance.randint(1, min(size, 9)) if size > 3 else 1
            first = self.part(part, first)
            size -= part
        return first

    def part(self, size: int, after: Target) -> str:
        """Grow one part of about ``size`` nodes and return its first node."""
        if size < 2:
            return self.step(after)
        ways: list[Callable[[int, Target], str]] = [self.choice, self.loop, self.trouble]
        if size > 3:
            ways += [self.switch, self.split, self.split]
        return self.chance.choice(ways)(size, after)

    def step(self, after: Target) -> str:
        """Grow one node that does, asks, sends or waits."""
        kinds = ["execute", "execute", "form", "send", "receive", "wait", "call"]
        return self.add(self.chance.choice(kinds), [after])

    def choice(self, size: int, after: Target) -> str:
        """Grow an If, of which one way may be empty."""
        yes = self.row(max(1, (size - 1) // 2), after)
        no = self.row(size - 1 - max(1, (size - 1) // 2), after)
        ways = [yes, no]
        self.chance.shuffle(ways)
        return self.add("if", ways)

    def switch(self, size: int, after: Target) -> str:
        """Grow a Switch, the last way of which is what else there is."""
        number = self.chance.randint(2, 4)
        return self.add(
            "switch", [self.row(max(0, (size - 1) // number), after) for _ in range(number)]
        )

    def split(self, size: int, after: Target) -> str:
        """Grow a Split with its Join."""
        join = self.add("join", [after])
        number = self.chance.randint(2, min(4, size - 2))
        rest = [max(1, (size - 2) // number)] * number
        if self.chance.random() < 0.2:
            rest[0] = 0  # straight to the Join
        return self.add("split", [self.row(each, join) for each in rest])

    def loop(self, size: int, after: Target) -> str:
        """Grow what is done until an If, at its end or at its beginning, says that it is enough."""
        name = f"again_{next(self.numbers)}"
        body = self.row(size - 1, name)
        at_end = self.chance.random() < 0.7
        self.add("if", [body, after] if self.chance.random() < 0.5 else [after, body], name)
        return body if at_end else name

    def trouble(self, size: int, after: Target) -> str:
        """Grow a node with ways out for errors and timeouts, and what is done then."""
        kind = self.chance.choice(["execute", "form", "receive", "if", "send"])
        name = self.add(kind, [after, after] if kind == "if" else [after])
        roles = ["timeout"] if kind in ("form", "receive") else ["error", "Unpaid", "Lost"]
        if kind == "execute" and self.chance.random() < 0.3:
            roles.append("timeout")
        number = self.chance.randint(1, min(len(roles), size - 1))
        for role in self.chance.sample(roles, number):
            anew = role == "timeout" and self.chance.random() < 0.2
            repair = name if anew else self.row(max(0, (size - 1) // number), after)
            self.drafts[name].handlers.append((role, repair))
        return name


def rewire(chance: random.Random, drafts: dict[str, Draft], wild: float) -> None:
    """Lead that share of the arrows to any node."""
    names = list(drafts)
    for draft in drafts.values():
        for at in range(len(draft.targets)):
            if chance.random() < wild:
                target = chance.choice(names)
                if draft.kind != "split" or target not in draft.targets:
                    draft.targets[at] = target
        for at, (role, _) in enumerate(draft.handlers):
            if chance.random() < wild:
                draft.handlers[at] = (role, chance.choice(names))


def reachable(drafts: dict[str, Draft], *firsts: str) -> set[str]:
    """Return the names of these nodes and of those that they lead to."""
    found: set[str] = set()
    ahead = [*firsts]
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += [*drafts[name].targets, *(target for _, target in drafts[name].handlers)]
    return found


def written(chance: random.Random, draft: Draft) -> Any:
    """Return the node that the draft describes, with modifiers that do not lead anywhere."""
    node: Any
    first, *others = draft.targets or [""]
    match draft.kind:
        case "if":
            node = flow.If("self.asks").Then(first).Else(others[0])
        case "switch":
            node = flow.Switch("self.which").Default(first)
            for at, target in enumerate(others):
                node = node.Case(f"case {at}", target)
        case "split":
            node = flow.Split()
            for target in draft.targets:
                node = node.Next(target)
        case "end":
            return flow.End()
        case "stop":
            return flow.End(terminate=True)
        case "repeat":
            return flow.Repeat(first).EveryHour()
        case "join":
            node = flow.Join().Next(first)
        case "form":
            node = flow.Form(ApprovalForm).Group(name="staff").Next(first)
            if chance.random() < 0.3:
                node = node.Remind("self.tell", after=HOUR)
        case "send":
            node = flow.SendMessage(1, "news").Next(first)
        case "receive":
            node = flow.ReceiveMessage("news").Next(first)
        case "wait":
            node = flow.Execute().AfterWaitingFor(HOUR).Next(first)
        case "call":
            node = flow.If("self.asks").Then("self.work").Next(first)
        case _:
            node = flow.Execute("self.work").Next(first)
    for role, target in draft.handlers:
        if role == "timeout":
            node = node.OnTimeout(DAY, target)
        else:
            node = node.OnError(target, on={"Unpaid": Unpaid, "Lost": Lost}.get(role, Exception))
    if draft.kind in ("execute", "form", "receive") and chance.random() < 0.15:
        node = node.SkipIf("self.skips") if chance.random() < 0.5 else node.SkipAfter(2 * DAY)
    return node


def random_process(seed: int, size: int = 20, wild: float = 0.0) -> type[flow.Automation]:
    """
    Return an abstract automation of about ``size`` nodes; the same numbers give the same one.

    ``wild`` is the share of its arrows that lead anywhere: with 0 the process is sound.
    """
    chance = random.Random(seed)
    grower = Grower(chance)
    end = grower.add("end", [], "end")
    first = grower.row(max(1, size - 1), end)
    drafts = grower.drafts
    if first != end and chance.random() < 0.1:
        drafts[end] = Draft("repeat", [first])
    if wild:
        rewire(chance, drafts, wild)
        if chance.random() < wild:
            drafts[grower.add("stop", [], "stop")].targets.clear()
            victim = chance.choice([draft for draft in drafts.values() if draft.targets])
            victim.targets[-1] = "stop"
    # In the order in which they were grown the end would come first.
    kept = reachable(drafts, first, "end") if chance.random() < 0.8 else set(drafts)
    order = [name for name in reversed(drafts) if name in kept and name not in (first, "end")]
    order = [first, *order, *(["end"] if first != "end" else [])]
    nodes = {name: written(chance, drafts[name]) for name in order}
    for name, follower in pairwise(order):
        if nodes[name].next_name == follower and chance.random() < 0.7:
            nodes[name] = nodes[name]._with(next_name=None)  # as an author would leave it out

    def fill(body: Any) -> None:
        body["Meta"] = type("Meta", (), {"abstract": True})
        body["__module__"] = __name__
        for name, node in nodes.items():
            body[name] = node

    return new_class(f"Random{seed}", (Steered,), exec_body=fill)
