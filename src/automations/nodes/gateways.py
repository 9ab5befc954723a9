"""Nodes that change the flow: `If`, `Split`, `Join`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from automations.definition.node import Context, Node
from automations.definition.problems import Problem
from automations.definition.references import Reference, as_reference, target_name
from automations.definition.sequence import SequenceFlow
from automations.nodes.work import WorkNode
from automations.outcomes import Complete, Fork, Merge, Outcome


@dataclass(frozen=True)
class Clause:
    """What a branch of an `If` does: go to a node, or call something and go on."""

    target: Any
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)


class If(WorkNode):
    """
    Choose the way by a condition, which is asked once each time the process comes here.

    ::

        check = flow.If(this.is_approved).Then(this.invite).Else(this.end)

    ``Then`` and ``Else`` take a node to go to, or something to call (with further arguments).
    After a call, and where the branch is missing, the process goes on at ``.Next()`` if that is
    given, else at the next attribute.
    """

    bpmn: ClassVar[str] = "exclusiveGateway"

    written_as: ClassVar[Mapping[str, str]] = {"then_clause": "Then", "else_clause": "Else"}

    then_clause: Clause | None = None
    else_clause: Clause | None = None

    def __init__(self, condition: Any, *, description: str = "") -> None:
        super().__init__(description=description)
        self.condition = self.asked = as_reference(condition)

    def Then(self, target: Any, *args: Any, **kwargs: Any) -> Self:
        """Go to the node ``target``, or call it, if the condition is true."""
        return self._once("Then", then_clause=self._clause(target, args, kwargs))

    def Else(self, target: Any, *args: Any, **kwargs: Any) -> Self:
        """Go to the node ``target``, or call it, if the condition is false."""
        return self._once("Else", else_clause=self._clause(target, args, kwargs))

    def execute(self, context: Context) -> Outcome:
        holds = bool(context.evaluate(self.condition))
        clause = self.then_clause if holds else self.else_clause
        if clause is None:
            return Complete(message=str(holds))
        if place := self.place(clause):
            return Complete(message=str(holds), to=place)
        work = context.resolve(clause.target)
        result = self.call(context, work, clause.args, clause.kwargs)
        return Complete(message=str(holds), result=result)

    def sequence_flows(self) -> Iterator[SequenceFlow]:
        for label, clause in (("yes", self.then_clause), ("no", self.else_clause)):
            place = self.place(clause) if clause else None
            if target := place or self.default_target:
                yield SequenceFlow(
                    self.name,
                    target,
                    label,
                    condition=self.condition if label == "yes" else None,
                    work=clause.target if clause and not place else None,
                )
        yield from self.error_flows()

    def values(self) -> Iterator[tuple[str, Any]]:
        yield from super().values()
        yield "If", self.condition
        for label, clause in (("Then", self.then_clause), ("Else", self.else_clause)):
            if clause and not self.place(clause):
                yield label, clause.target
            if clause:
                for value in (*clause.args, *clause.kwargs.values()):
                    yield label, value

    def problems(self, label: str) -> Iterator[Problem]:
        yield from super().problems(label)
        if self.then_clause is None:
            yield Problem(
                "E110",
                f"{label} is an If without .Then().",
                "Say what is to be done if the condition is true: .Then(this.node_or_method).",
                self.name,
            )
        for word, clause in (("Then", self.then_clause), ("Else", self.else_clause)):
            if not clause or self.place(clause):
                continue
            if not (isinstance(clause.target, Reference) or callable(clause.target)):
                yield Problem(
                    "E111",
                    f".{word}() of {label} needs a node or something to call, "
                    f"not {clause.target!r}.",
                    "Give this.x, a function, or the name of a node.",
                    self.name,
                )
        if (
            self.next_name
            and self.then_clause
            and self.else_clause
            and self.place(self.then_clause)
            and self.place(self.else_clause)
        ):
            yield Problem(
                "E112",
                f"{label} never uses its .Next(): both branches lead to a node.",
                "Remove .Next(), or one of the branches.",
                self.name,
            )

    def place(self, clause: Clause) -> str | None:
        """Return the name of the node that ``clause`` leads to; None if it is work to call."""
        name = target_name(clause.target)
        if name in self.places or isinstance(clause.target, str):
            return name
        return None

    @staticmethod
    def _clause(target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Clause:
        # A plain name can only be a place; "self.x" and this.x may be either.
        return Clause(
            as_reference(target),
            tuple(as_reference(value) for value in args),
            {key: as_reference(value) for key, value in kwargs.items()},
        )


@dataclass(frozen=True)
class Case:
    """One way of a `Switch`: where to go if the value is this one."""

    value: Any
    target: str


class Switch(WorkNode):
    """
    Choose among many ways by a value, which is asked for once each time the process comes here.

    ::

        size = flow.Switch(this.size).Case("small", this.book).Default(this.ask)

    The first case that equals the value is taken. Without such a case the process goes on at
    ``.Default()``, else at ``.Next()``, else at the next attribute. Value and cases may be
    callables that get the task, ``this.x`` or ``"self.x"``.
    """

    bpmn: ClassVar[str] = "exclusiveGateway"

    written_as: ClassVar[Mapping[str, str]] = {"cases": "Case...", "default_name": "Default"}

    cases: tuple[Case, ...] = ()
    default_name: str | None = None

    def __init__(self, value: Any, *, description: str = "") -> None:
        super().__init__(description=description)
        self.value = self.asked = as_reference(value)

    def Case(self, value: Any, node: Any) -> Self:
        """Go on at ``node`` if the value of the Switch equals ``value``."""
        case = Case(as_reference(value), self._target(node))
        return self._with(cases=(*self.cases, case))

    def Default(self, node: Any) -> Self:
        """Go on at ``node`` if no case fits."""
        return self._once("Default", default_name=self._target(node))

    @property
    def default_target(self) -> str | None:
        return self.default_name or super().default_target

    def execute(self, context: Context) -> Outcome:
        value = context.evaluate(self.value)
        for case in self.cases:
            if context.evaluate(case.value) == value:
                return Complete(message=str(value), to=case.target)
        return Complete(message=str(value))

    def sequence_flows(self) -> Iterator[SequenceFlow]:
        for case in self.cases:
            yield SequenceFlow(self.name, case.target, str(case.value), condition=case.value)
        if self.default_target:
            yield SequenceFlow(self.name, self.default_target, "else")
        yield from self.error_flows()

    def values(self) -> Iterator[tuple[str, Any]]:
        yield from super().values()
        yield "Switch", self.value
        for case in self.cases:
            yield "Case", case.value

    def problems(self, label: str) -> Iterator[Problem]:
        yield from super().problems(label)
        if not self.cases:
            yield Problem(
                "E131",
                f"{label} is a Switch without .Case().",
                'Say where to go: .Case("small", this.book).Default(this.ask).',
                self.name,
            )
        if self.next_name and self.default_name:
            yield Problem(
                "E112",
                f"{label} never uses its .Next(): .Default() says where to go.",
                "Remove one of the two.",
                self.name,
            )
        for at, case in enumerate(self.cases):
            if any(case.value == before.value for before in self.cases[:at]):
                yield Problem(
                    "E132",
                    f"{label} has two cases for {case.value!r}; the second is never taken.",
                    "Remove one of the two.",
                    self.name,
                )


class Split(Node):
    """
    Go on at several nodes at once; each ``.Next()`` opens a branch.

    All branches must arrive at one `Join`::

        parallel = flow.Split().Next(this.moderation).Next(this.warning)
    """

    bpmn: ClassVar[str] = "parallelGateway"
    skippable: ClassVar[bool] = False
    forks: ClassVar[bool] = True
    only_leads_on: ClassVar[bool] = True

    written_as: ClassVar[Mapping[str, str]] = {"branches": "Next..."}

    branches: tuple[str, ...] = ()

    def __init__(self, *, description: str = "") -> None:
        super().__init__(description=description)

    def Next(self, node: Any) -> Self:
        """Open a branch at ``node``."""
        return self._with(branches=(*self.branches, self._target(node)))

    @property
    def default_target(self) -> None:
        """A Split has no way out but its branches."""
        return None

    def execute(self, context: Context) -> Outcome:
        return Fork(self.branches)

    def sequence_flows(self) -> Iterator[SequenceFlow]:
        for branch in self.branches:
            yield SequenceFlow(self.name, branch)

    def problems(self, label: str) -> Iterator[Problem]:
        yield from super().problems(label)
        if not self.branches:
            yield Problem(
                "E113",
                f"{label} is a Split without .Next().",
                "Open each branch with .Next(this.node).",
                self.name,
            )
        for branch in dict.fromkeys(self.branches):
            if self.branches.count(branch) > 1:
                yield Problem(
                    "E114",
                    f"{label} opens a branch at {branch!r} more than once.",
                    "Remove the second .Next(), or lead it to a node of its own.",
                    self.name,
                )


class Join(Node):
    """Wait until every branch that the same `Split` has opened has arrived here, then go on."""

    bpmn: ClassVar[str] = "parallelGateway"
    skippable: ClassVar[bool] = False
    merges: ClassVar[bool] = True
    only_leads_on: ClassVar[bool] = True

    def __init__(self, *, description: str = "") -> None:
        super().__init__(description=description)

    def execute(self, context: Context) -> Outcome:
        return Merge()
