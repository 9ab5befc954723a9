"""
The base class of every step of a process.

A node is a value: it is shared by all runs, every modifier returns a changed copy, and after its
class has been made it cannot be changed. It decides what happens by returning an outcome; it
never writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from automations.definition.context import Context
from automations.definition.problems import Problem
from automations.definition.recurrence import Recurrence
from automations.definition.references import Reference, as_reference
from automations.definition.sequence import SequenceFlow
from automations.definition.waiting import Waiting
from automations.exceptions import DefinitionError
from automations.outcomes import Complete, Fail, Outcome

__all__ = ["Context", "Node"]


class Node(Waiting):
    """
    One step of a process.

    ``description`` tells people what the step is for. Subclass it and override `execute` to make
    a node of your own::

        class Poll(flow.Node):
            def __init__(self, question, *, every, description=""):
                super().__init__(description=description)
                self.question = question
                self.every = every

            def execute(self, context):
                answer = context.evaluate(self.question)
                if answer is None:
                    return Postpone(until=context.now + self.every)
                return Complete(result=answer)

    The values given to a modifier may be plain, a callable that gets the task, ``this.x`` or
    ``"self.x"``. When a task is looked at, `SkipIf` and `SkipAfter` are asked first, then the
    wait, then the condition; then the work is done, once.

    Asked of a run (``signup.approve``), a node knows that run: `data`, `resolve` and
    `get_automation_name` are about it.
    """

    bpmn: ClassVar[str] = "task"
    written_as: ClassVar[Mapping[str, str]] = {
        "next_name": "Next",
        "commits": "Commit",
        **dict.fromkeys(("following", "places", "first", "automation_name", "automation"), ""),
        **dict.fromkeys(("asked", "sends"), ""),
    }
    #: Whether .SkipIf(), .SkipAfter(), .OnTimeout() and .Remind() mean anything for this kind.
    skippable: ClassVar[bool] = True
    #: Whether the run ends here; whether this opens branches; whether it joins them.
    ends: ClassVar[bool] = False
    forks: ClassVar[bool] = False
    merges: ClassVar[bool] = False
    #: Whether the process comes back from here for ever, so that no End is needed behind it.
    repeats: ClassVar[bool] = False
    #: Whether this very class, and none made of it, does no more than say where to go on.
    only_leads_on: ClassVar[bool] = False
    #: Whether people are asked here, by a form.
    asks: ClassVar[bool] = False
    #: Whether something is done here, so that it is more than a place to wait at.
    does_work: bool = True
    #: Whether the end that this is closes what is still open in other branches.
    terminate: bool = False
    #: What is asked where this chooses among ways: a condition, or a value.
    asked: Any = None
    #: What is called here, as the author gave it.
    calls: Any = None
    #: The name of the message that this sends.
    sends: str = ""
    #: Whether its work may be done outside of the step's transaction.
    works_outside: bool = False
    #: Whether its task shares its transaction with none before and none after it.
    commits: bool | None = None
    #: The name of the dispatcher that says where it is executed; None: as the process says.
    dispatcher: str | None = None
    #: The name of the message that this waits for.
    message: str = ""

    following: str | None = None
    places: frozenset[str] = frozenset()
    first: str = ""
    description: str = ""
    next_name: str | None = None
    automation_name: str = ""
    automation: Any = None

    def __init__(self, *, description: str = "") -> None:
        self.description = description

    # Modifiers

    def Next(self, node: Any) -> Self:
        """Go on at ``node`` (``this.x``, ``"self.x"`` or ``"x"``) instead of the next attribute."""
        return self._once("Next", next_name=self._target(node))

    def Commit(self) -> Self:
        """
        Commit before this step's work and directly after it, whatever ``ATM_COMMIT_EVERY`` says.

        For work that reaches out of the database, a charge or an e-mail: if the process is killed,
        only what this very step did outside may be done again, and nothing of the steps before it.
        """
        return self._once("Commit", commits=True)

    # What an author of nodes overrides

    def execute(self, context: Context) -> Outcome:
        """Do the work of this step and return its outcome."""
        return Complete()

    def recover(self, context: Context, error: Exception) -> Outcome:
        """Say what becomes of the task after `execute` has raised ``error`` and was undone."""
        return Fail(error)

    def complete(self, context: Context, form: Any, user: Any) -> Outcome:
        """Return the outcome of the valid ``form`` that ``user`` has sent for this task."""
        raise DefinitionError(f"Node {self.name!r} asks nobody, so nobody can complete it.")

    def received(self, context: Context, token: str | None, data: Any) -> Outcome:
        """Return the outcome of a message that this node has waited for."""
        raise DefinitionError(f"Node {self.name!r} waits for no message, so it can take none.")

    def sent(self, context: Context, answers: list[Any]) -> Outcome:
        """Return the outcome of a message that has been delivered, with what was answered."""
        return Complete(result={"results": answers})

    def work(self, context: Context) -> Outcome:
        """Do the work outside of a transaction, and return its outcome: after `Outside`."""
        raise DefinitionError(f"Node {self.name!r} has no work to do outside of its step.")

    def sequence_flows(self) -> Iterator[SequenceFlow]:
        """Yield every arrow by which the process goes on when this node is done."""
        if self.default_target:
            yield SequenceFlow(self.name, self.default_target)

    def performers(self) -> Iterator[tuple[str, str]]:
        """Yield who is asked here, as kind and name: ``("group", "staff")``."""
        yield from ()

    # What the engine asks

    def boundary_flows(self) -> Iterator[SequenceFlow]:
        """Yield the arrows that leave this node while it waits, or when it is skipped."""
        yield from super().boundary_flows()
        if self.skippable and (self.skip_conditions or self.skip_after is not None):
            target = self.default_target
            if target and all(flow.target != target for flow in self.sequence_flows()):
                yield SequenceFlow(self.name, target, label="skipped")

    def error_flows(self) -> Iterator[SequenceFlow]:
        """Yield those of the arrows that an error takes."""
        yield from ()

    @property
    def default_target(self) -> str | None:
        """The name of the node to go on with unless an outcome says otherwise."""
        return self.next_name or self.following

    @property
    def runs_own_code(self) -> bool:
        """Whether anything that an author has written may run when the process comes here."""
        own_class = not vars(type(self)).get("only_leads_on", False)
        return own_class or next(self.values(), None) is not None

    @property
    def rule(self) -> Recurrence | None:
        """The rule by which the process comes back from here. Raise `DefinitionError` if flawed."""
        return None

    def run(self, context: Context) -> Outcome:
        """Skip, wait, or execute: the outcome of looking at the task now, reminders done."""
        return self.remind(context, self.look(context) or self.execute(context))

    # How a node becomes part of a definition, and of a run

    def bound(
        self,
        name: str,
        following: str | None,
        places: frozenset[str],
        *,
        first: str = "",
        label: str = "",
    ) -> Self:
        """
        Return the frozen copy of this node that a definition keeps under ``name``.

        ``following`` is the node declared after this one, ``places`` the names of all nodes,
        ``first`` that of the first, ``label`` the dotted path of the automation.
        """
        return self._with(
            name=name,
            following=following,
            places=places,
            first=first,
            automation_name=label,
            _frozen=True,
        )

    def ready(self, automation: Any, name: str = "") -> Self:
        """Return this node as one that knows the run ``automation``; ``name`` is not needed."""
        return self._with(automation=automation, _frozen=True)

    def __get__(self, automation: Any, owner: type) -> Self:
        meta = getattr(owner, "_meta", None)
        node: Self = meta.nodes.get(self.name, self) if meta else self
        return node if automation is None else node.ready(automation)

    @property
    def does_nothing(self) -> bool:
        """Whether this neither works nor waits: what a node is before it is deleted."""
        return False

    @property
    def data(self) -> dict[str, Any]:
        """The JSON dictionary of the run that the node was asked of."""
        if self.automation is None:
            raise DefinitionError(
                f"Node {self.name!r} belongs to the process, not to a run, and has no data. Ask "
                f"the run for it: run.{self.name or 'node'}.data."
            )
        data: dict[str, Any] = self.automation.data
        return data

    def resolve(self, value: Any) -> Any:
        """Return ``value``, or the attribute of the run that ``this.x`` or ``"self.x"`` names."""
        value = as_reference(value)
        return getattr(self.automation, value.name) if isinstance(value, Reference) else value

    def get_automation_name(self) -> str:
        """Return the dotted path of the automation that the node belongs to."""
        return self.automation_name

    @property
    def node_name(self) -> str:
        """The name of the node's kind: ``"Execute"``, ``"Form"``, ..."""
        return type(self).__name__

    def values(self) -> Iterator[tuple[str, Any]]:
        """Yield, with the modifier's name, each value that is asked for when the process runs."""
        yield from self.waiting_values()

    def problems(self, label: str) -> Iterator[Problem]:
        """Yield what is wrong with this node by itself; ``label`` is how to call it."""
        for modifier in self.repeated_modifiers:
            yield Problem(
                "E106",
                f"{label} has a second .{modifier}() modifier, or one that excludes the first.",
                "Remove one of the two.",
                self.name,
            )
        if not self.skippable and (self.skip_conditions or self.skip_after is not None):
            yield Problem(
                "E107",
                f"{label} cannot be skipped: the branches or the run would never end.",
                f"Remove .SkipIf() and .SkipAfter(), or lead past {self.name!r} with an If.",
                self.name,
            )
        if not self.skippable and (self.timeout or self.reminders):
            yield Problem(
                "E107",
                f"{label} has .OnTimeout() or .Remind(), which a {self.node_name} does not know.",
                "Put it on the node that people or messages are waited for at.",
                self.name,
            )
        yield from self.waiting_problems(label)

    def __setattr__(self, attribute: str, value: Any) -> None:
        if self._frozen:
            raise DefinitionError(
                f"Node {self.name!r} is shared by every running process and cannot be changed "
                f"(setting {attribute!r}). Keep what belongs to one run in task.data."
            )
        super().__setattr__(attribute, value)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name or '(unnamed)'}>"
