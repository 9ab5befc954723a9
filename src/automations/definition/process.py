"""The compiled, immutable form of an automation."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from automations.definition.node import Node
from automations.definition.options import Options
from automations.definition.sequence import SequenceFlow
from automations.exceptions import NodeNotFound

MISSING = object()


@dataclass(frozen=True, eq=False)
class ProcessDefinition:
    """
    What a process is: its nodes by name, in order, and the arrows between them.

    ``label`` is the dotted path of the class, ``owner`` the class itself, ``models`` the models
    that a run may be bound to, by attribute. ``doubled`` are names that were declared twice,
    ``reserved`` those that the framework uses itself. ``options`` are what ``Meta`` says.
    """

    label: str
    owner: type
    nodes: Mapping[str, Node]
    models: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    doubled: tuple[str, ...] = ()
    reserved: frozenset[str] = frozenset()
    options: Options = field(default_factory=Options)

    @classmethod
    def compile(
        cls,
        label: str,
        owner: type,
        nodes: Mapping[str, Node],
        models: Mapping[str, Any],
        doubled: Iterable[str] = (),
        reserved: frozenset[str] = frozenset(),
        options: Options | None = None,
    ) -> ProcessDefinition:
        """Bind every node to its name and to what follows it, and freeze the whole."""
        places = frozenset(nodes)
        following = dict(pairwise([*nodes, None]))
        first = next(iter(nodes), "")
        bound = {
            name: node.bound(name, following[name], places, first=first, label=label)
            for name, node in nodes.items()
        }
        return cls(
            label,
            owner,
            MappingProxyType(bound),
            MappingProxyType(dict(models)),
            tuple(doubled),
            reserved,
            options or Options(),
        )

    def __repr__(self) -> str:
        return f"<ProcessDefinition {self.label}: {', '.join(self.nodes)}>"

    @property
    def labels(self) -> tuple[str, ...]:
        """Every name that runs of this process may carry: today's, then the former ones."""
        return (self.label, *self.options.former_names)

    @cached_property
    def listens(self) -> frozenset[str]:
        """The names of the messages that nodes wait for."""
        return frozenset(node.message for node in self.nodes.values() if node.message)

    @property
    def start(self) -> Node:
        """The first node. Raise `NodeNotFound` if there is none."""
        for node in self.nodes.values():
            return node
        raise NodeNotFound(f"{self.label} has no nodes.")

    @property
    def entries(self) -> tuple[str, ...]:
        """The names of the nodes that runs begin at: the first, and those that signals name."""
        named = [trigger.start for trigger in getattr(self.owner, "_triggers", ())]
        found = [name for name in (*list(self.nodes)[:1], *named) if name in self.nodes]
        return tuple(dict.fromkeys(found))

    @cached_property
    def flows(self) -> tuple[SequenceFlow, ...]:
        """Every arrow, in the order of declaration."""
        return tuple(
            flow
            for node in self.nodes.values()
            for flow in (*node.sequence_flows(), *node.boundary_flows())
        )

    def has_attribute(self, name: str) -> bool:
        """Return whether a run has something of that name that is no node."""
        for base in self.owner.__mro__:
            value = vars(base).get(name, MISSING)
            if value is not MISSING and not isinstance(value, Node):
                return True
            if name in vars(base).get("__annotations__", {}):
                return True
        return False

    def outgoing(self, name: str) -> Iterator[SequenceFlow]:
        """Yield the arrows that lead out of the node ``name`` to a node that exists."""
        for flow in self.flows:
            if flow.source == name and flow.target in self.nodes:
                yield flow

    def node(self, name: str) -> Node:
        """Return the node ``name``. Raise `NodeNotFound`, with a suggestion, if there is none."""
        try:
            return self.nodes[name]
        except KeyError:
            close = difflib.get_close_matches(name, self.nodes, 1)
            meant = f"; did you mean {close[0]!r}?" if close else "."
            raise NodeNotFound(
                f"{self.label} has no node {name!r}{meant} If open tasks still point to it, keep "
                f"it as flow.Execute() until they are gone."
            ) from None
