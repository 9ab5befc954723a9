"""Nodes that do work: `Execute`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from asgiref.sync import async_to_sync

from automations.definition.node import Context
from automations.definition.problems import Problem
from automations.definition.references import Reference, as_reference
from automations.exceptions import DefinitionError
from automations.nodes.work import WorkNode, arguments, keywords
from automations.outcomes import Complete, Outcome, Outside


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

    With `InBackground` it is done outside of the step's transaction, and ``threaded=True`` does it
    in a thread of the very process that comes to it, a web server too.
    """

    bpmn: ClassVar[str] = "scriptTask"
    written_as: ClassVar[Mapping[str, str]] = {"background": "InBackground"}

    background: bool | None = None

    def __init__(
        self, *args: Any, threaded: bool = False, description: str = "", **kwargs: Any
    ) -> None:
        super().__init__(description=description)
        self.threaded = threaded or None
        self.args = tuple(as_reference(value) for value in args)
        self.kwargs = {key: as_reference(value) for key, value in kwargs.items()}

    def InBackground(self) -> Self:
        """
        Do the work outside of the step's transaction, for what takes long or talks to others.

        The run is not locked meanwhile: other branches go on, and what comes next waits. The work
        has a database connection of its own and commits as it writes. It is done at least once:
        a worker that does not come back within its claim (``ATM_CLAIM`` seconds, renewed as long
        as it lives) is replaced, so give ``task.idempotency_key``, the same over all attempts, to
        whoever must not do it twice. What it changes in ``data`` is changed key by key when it is
        done, its result is kept exactly once. ``task.heartbeat(0.4, "rows read")`` shows how
        far it is. An ``async def`` is awaited. ``automation_step`` does such work in its threads
        (``ATM_THREADS``); a test inside a transaction does it in the step's place.
        """
        return self._once("InBackground", background=True)

    def nice(self) -> Self:
        """Do the work in a thread of the process that comes to it: like ``threaded=True``."""
        return self._once("nice", threaded=True)

    @property
    def works_outside(self) -> bool:  # type: ignore[override]  # said anew by each of them
        """Whether the work is done outside of the step's transaction."""
        return bool(self.threaded or self.background)

    def execute(self, context: Context) -> Outcome:
        if self.works_outside:
            return Outside(thread=bool(self.threaded), until=self.deadline(context))
        return self.work(context)

    def work(self, context: Context) -> Outcome:
        if type(self).method is not Execute.method:
            args = arguments(context, self.args)
            result = self.method(context.task, *args, **keywords(context, self.kwargs))
        elif self.args:
            work, *rest = self.args
            result = self.call(context, self.as_work(work), rest, self.kwargs)
        else:
            result = None
        if inspect.isawaitable(result):
            result = self.awaited(result)
        return Complete(result=result)

    def awaited(self, work: Any) -> Any:
        """Wait for what an ``async def`` does; inside a transaction refuse it."""
        if not self.works_outside:
            getattr(work, "close", bool)()
            raise DefinitionError(
                f"Node {self.name!r} cannot wait for an async def inside its transaction. Write "
                f".InBackground() behind it."
            )

        async def wait() -> Any:
            return await work

        return async_to_sync(wait)()

    @property
    def does_nothing(self) -> bool:
        return not (self.does_work or self.wait or self.conditions)

    @property
    def does_work(self) -> bool:  # type: ignore[override]  # said anew by each of them
        """Whether there is anything to call."""
        return bool(self.args) or type(self).method is not Execute.method

    @property
    def calls(self) -> Any:
        """The function or method that is called."""
        if type(self).method is not Execute.method:
            return type(self).method
        return self.as_work(self.args[0]) if self.args else None

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
        if self.works_outside and not self.does_work:
            yield Problem(
                "E115",
                f"{label} is to work in the background, but has nothing to do.",
                "Give it something to call, or take .InBackground() or threaded=True away.",
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
