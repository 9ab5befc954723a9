"""Nodes that do work: `Execute`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from automations.definition.node import Context
from automations.definition.problems import Problem
from automations.definition.references import Reference, as_reference
from automations.nodes.work import WorkNode, arguments, keywords
from automations.outcomes import Complete, Outcome


class Execute(WorkNode):
    """
    Call a function, or a method of the automation.

    The callable receives the task and then whatever else was given to ``Execute()``. What it
    returns is kept as the result of the task if it can be written as JSON; the task's message
    says so if it can not. If it raises, everything it wrote to the database is undone, and the
    process stops or goes on at the ``OnError()`` node::

        charge = flow.Execute(this.charge_card).OnError(this.call_customer)

    Without arguments it does nothing, which is useful for waiting::

        pause = flow.Execute().AfterWaitingFor(datetime.timedelta(days=2))

    Subclass it and override ``method()`` to name work that processes share.
    """

    bpmn: ClassVar[str] = "scriptTask"

    def __init__(
        self, *args: Any, threaded: bool = False, description: str = "", **kwargs: Any
    ) -> None:
        super().__init__(description=description)
        self.threaded = threaded
        self.args = tuple(as_reference(value) for value in args)
        self.kwargs = {key: as_reference(value) for key, value in kwargs.items()}

    def execute(self, context: Context) -> Outcome:
        if type(self).method is not Execute.method:
            args = arguments(context, self.args)
            result = self.method(context.task, *args, **keywords(context, self.kwargs))
        elif self.args:
            work, *rest = self.args
            result = self.call(context, self.as_work(work), rest, self.kwargs)
        else:
            result = None
        return Complete(result=result)

    @property
    def does_nothing(self) -> bool:
        works = self.args or type(self).method is not Execute.method
        return not (works or self.wait or self.conditions)

    def method(self, task: Any, *args: Any, **kwargs: Any) -> Any:
        """Do the work; override it in a subclass to give the work a name."""

    def values(self) -> Iterator[tuple[str, Any]]:
        yield from super().values()
        if self.args and type(self).method is Execute.method:
            yield type(self).__name__, self.as_work(self.args[0])
            rest = self.args[1:]
        else:
            rest = self.args
        for value in (*rest, *self.kwargs.values()):
            yield type(self).__name__, value

    def problems(self, label: str) -> Iterator[Problem]:
        yield from super().problems(label)
        if self.threaded:
            yield Problem(
                "E115",
                f"{label} asks for threaded=True, which this version does not offer yet.",
                "Remove threaded=True: the work then runs inside the step.",
                self.name,
            )
        if self.args and type(self).method is Execute.method:
            work = self.as_work(self.args[0])
            if not (isinstance(work, Reference) or callable(work)):
                yield Problem(
                    "E116",
                    f"{label} has nothing to call but {work!r}.",
                    "Give a function, this.method or the name of a method.",
                    self.name,
                )

    @staticmethod
    def as_work(work: Any) -> Any:
        """Return ``work``, with the plain name of a method turned into a reference."""
        return as_reference(f"self.{work}") if isinstance(work, str) else work
