"""Nodes that send messages to other runs and wait for messages: `SendMessage`, `ReceiveMessage`."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any, ClassVar

from django.utils.module_loading import import_string

from automations.definition.context import Context
from automations.definition.node import Node
from automations.definition.problems import Problem
from automations.definition.process import ProcessDefinition
from automations.definition.receivers import receives
from automations.definition.references import as_reference
from automations.exceptions import DefinitionError
from automations.nodes.work import WorkNode
from automations.outcomes import Complete, Listen, Outcome, Send, Skip

#: How long the name of a message may be.
LONGEST_NAME = 256


class SendMessage(WorkNode):
    """
    Send a message to other runs.

    ``target`` is an automation class or its dotted path (then all its running runs get the
    message, until one answers ``"received"``; with ``allow_multiple_receivers`` all of them), a
    run, or the primary key (int) or key of one. ``data`` and further keyword arguments are the
    data of the message. ``target``, ``token`` and each entry may be a callable that gets the task,
    ``this.x`` or ``"self.x"``::

        tell = flow.SendMessage("shop.automations.Delivery", "paid", order=this.order_id)

    The message is delivered when the step is committed, each receiver in a transaction of its
    own, exactly once also when the sender crashes in between; then the process goes on. The
    task's result keeps what was answered. What a receiver raises is the error of this task, once
    all others have the message: the process stops, or goes on at the ``OnError()`` node.
    """

    bpmn: ClassVar[str] = "sendTask"

    def __init__(
        self,
        target: Any,
        message: str,
        token: Any = None,
        allow_multiple_receivers: bool = False,
        *,
        data: Any = None,
        description: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(description=description)
        self.target = as_reference(target)
        self.message_name = self.sends = message
        self.token = as_reference(token)
        self.everyone = allow_multiple_receivers
        self.entries = {key: as_reference(value) for key, value in kwargs.items()}
        self.whole = as_reference(data)

    def execute(self, context: Context) -> Outcome:
        token = context.evaluate(self.token)
        data = context.evaluate(self.whole)
        entries = {key: context.evaluate(value) for key, value in self.entries.items()}
        if entries:
            data = {**(data or {}), **entries}
        return Send(
            self.message_name,
            token=None if token is None else str(token),
            data=data,
            everyone=self.everyone,
            **self.receiver(context),
        )

    def receiver(self, context: Context) -> dict[str, Any]:
        """Return to whom: the dotted path of a class, or the primary key or key of a run."""
        target = context.resolve(self.target)
        if callable(target) and definition_of(target) is None:
            target = target(context.task)
        definition = definition_of(target)
        if definition is not None:
            return (
                {"automation": definition.label} if isinstance(target, type) else {"run": target.id}
            )
        if isinstance(target, str) and "." in target:
            return {"automation": imported(target, self.name).label}
        if isinstance(target, int | str) and not isinstance(target, bool):
            return {"run": target}
        raise DefinitionError(
            f"SendMessage {self.name!r} cannot send to {target!r}. Give an automation, its dotted "
            f"path, a run, or the primary key or key of one."
        )

    def values(self) -> Iterator[tuple[str, Any]]:
        yield from super().values()
        yield "SendMessage", self.target
        yield "SendMessage", self.token
        yield "SendMessage", self.whole
        for value in self.entries.values():
            yield "SendMessage", value

    def problems(self, label: str) -> Iterator[Problem]:
        yield from super().problems(label)
        yield from name_problems(self, label, self.message_name)
        target = self.target
        if isinstance(target, str) and "." in target:
            try:
                target = imported(target, self.name).owner
            except DefinitionError as error:
                yield Problem(
                    "E128",
                    f"{label}: {error}",
                    "Put the path right, or the class there.",
                    self.name,
                )
                return
        if (
            isinstance(target, type)
            and definition_of(target)
            and not receives(target, self.message_name)
        ):
            yield Problem(
                "W103",
                f"{label} sends {self.message_name!r}, which {target.__name__} does not receive.",
                f"Define receive_{self.message_name}(self, token, data) there, or a node "
                f"flow.ReceiveMessage({self.message_name!r}).",
                self.name,
            )


class ReceiveMessage(Node):
    """
    Wait for a message of this name; one that has come before is taken at once.

    ::

        paid = flow.ReceiveMessage("paid").OnTimeout(timedelta(days=14), this.cancel)

    The message comes from ``run.send_message("paid", token, data)`` or a `SendMessage` node. Its
    data is kept in the run's ``data`` under the node's name, token and data in the task's result.
    The messages are taken in the order in which they came, each once. One that came before the
    time was over counts, however late the engine looks.
    """

    bpmn: ClassVar[str] = "receiveTask"

    def __init__(self, message: str, *, description: str = "") -> None:
        super().__init__(description=description)
        self.message = message

    def execute(self, context: Context) -> Outcome:
        return Listen(self.message, until=self.deadline(context), poll=bool(self.skip_conditions))

    def limits(self, context: Context) -> Iterator[tuple[datetime.datetime, Skip]]:
        for moment, outcome in super().limits(context):
            if moment > context.now or not self.came_by(context, moment):
                yield moment, outcome

    def came_by(self, context: Context, moment: datetime.datetime) -> bool:
        """Return whether the message could have been taken by ``moment``."""
        came = None if self.conditions else context.message_came(self.message)
        return came is not None and max(came, self.waits_until(context) or came) <= moment

    def received(self, context: Context, token: str | None, data: Any) -> Outcome:
        return Complete(result={"token": token, "data": data}, data={self.name: data})

    def problems(self, label: str) -> Iterator[Problem]:
        yield from super().problems(label)
        yield from name_problems(self, label, self.message)


def name_problems(node: Node, label: str, name: Any) -> Iterator[Problem]:
    """Yield what is wrong with ``name`` as the name of the message of ``node``."""
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
        yield Problem(
            "E129",
            f"{label} needs the name of a message, not {name!r}.",
            f'Give a text of up to {LONGEST_NAME} characters: "paid".',
            node.name,
        )


def definition_of(target: Any) -> ProcessDefinition | None:
    """Return the definition of ``target``, an automation's class or a run of it; else None."""
    definition = getattr(target, "_meta", None)
    return definition if isinstance(definition, ProcessDefinition) else None


def imported(path: str, name: str) -> ProcessDefinition:
    """Return the definition at the dotted ``path``. Raise `DefinitionError` if there is none."""
    try:
        found = import_string(path)
    except ImportError as error:
        raise DefinitionError(f"Node {name!r} cannot import {path!r}: {error}.") from error
    definition = definition_of(found)
    if definition is None:
        raise DefinitionError(f"Node {name!r} names {path!r}, which is no automation.")
    return definition
