"""The part of a node that does work of the author's: calling it, trying again, going elsewhere."""

from __future__ import annotations

import contextlib
import datetime
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from automations.definition.node import Context, Node
from automations.definition.problems import Problem
from automations.definition.sequence import SequenceFlow
from automations.exceptions import DefinitionError
from automations.outcomes import Again, Complete, Outcome

Errors = tuple[type[BaseException], ...]

#: No try waits longer than this for the next.
LONGEST = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Handler:
    """Where to go on after an error of one of the classes ``on``."""

    target: str
    on: Errors


@dataclass(frozen=True)
class Tries:
    """How often work is tried in all, and how long to wait in between."""

    attempts: Any
    delay: Any
    factor: Any
    jitter: bool
    on: Errors
    unless: Errors

    def fits(self, error: BaseException) -> bool:
        """Return whether work that has raised ``error`` is worth another try."""
        return isinstance(error, self.on) and not isinstance(error, self.unless)

    def pause(self, tries: int) -> datetime.timedelta:
        """Return how long to wait after so many failed tries."""
        longest = LONGEST
        with contextlib.suppress(OverflowError):  # longer than can be said
            longest = min(self.delay * self.factor**tries, LONGEST)
        return longest * random.uniform(0, 1) if self.jitter else longest  # noqa: S311 - no secret

    def wrong(self) -> str:
        """Return what cannot be meant about the numbers; empty if all can."""
        if not isinstance(self.attempts, int) or isinstance(self.attempts, bool):
            return f"attempts={self.attempts!r}"
        if self.attempts < 2:
            return f"attempts={self.attempts}, the first one counts"
        if not isinstance(self.delay, datetime.timedelta) or self.delay < datetime.timedelta():
            return f"delay={self.delay!r}"
        if not isinstance(self.factor, int | float) or not self.factor >= 1:  # nan is no number
            return f"factor={self.factor!r}"
        return ""


class WorkNode(Node):
    """A node that calls something of the author's, may try again, and may go elsewhere."""

    written_as: ClassVar[Mapping[str, str]] = {
        "tries": "Retry",
        "handlers": "OnError...",
        "dispatcher": "DispatchTo",
    }

    tries: Tries | None = None
    handlers: tuple[Handler, ...] = ()

    def Retry(
        self,
        attempts: Any = 5,
        delay: Any = datetime.timedelta(seconds=30),
        factor: Any = 2,
        jitter: bool = True,
        on: Any = (Exception,),
        unless: Any = (),
    ) -> Self:
        """
        Try again if the work raises: ``attempts`` in all.

        After the first failure the task waits ``delay``, then ``factor`` times as long, and so
        on, at most a day; with ``jitter`` a random part of that, so that many do not come back
        at once. Only errors of the classes ``on`` count, and none of ``unless``; others, and the
        last one, go to `OnError` or stop the run. What a failed try has written is undone.
        """
        tries = Tries(attempts, delay, factor, jitter, classes(on), classes(unless))
        return self._once("Retry", tries=tries)

    def OnError(self, node: Any, on: Any = (Exception,)) -> Self:
        """
        Go on at ``node`` if the work raises; what the work wrote is undone all the same.

        ``on`` are the classes of errors that are meant. Of several `OnError` the first that fits
        counts.
        """
        handler = Handler(self._target(node), classes(on))
        if any(set(handler.on) <= set(other.on) for other in self.handlers):
            return self._with(repeated_modifiers=(*self.repeated_modifiers, "OnError"))
        return self._with(handlers=(*self.handlers, handler))

    def DispatchTo(self, name: str) -> Self:
        """
        Execute this node where the dispatcher ``name`` says, whatever ``ATM_DISPATCHER`` says.

        One of ``"inline"``, ``"thread"``, ``"django_tasks"`` and ``"celery"``, or the dotted path
        of a class.
        """
        return self._once("DispatchTo", dispatcher=name)

    def recover(self, context: Context, error: Exception) -> Outcome:
        failed: int = context.task.tries
        if self.tries and failed + 1 < self.tries.attempts and self.tries.fits(error):
            return Again(until=context.now + self.tries.pause(failed), error=error)
        for handler in self.handlers:
            if isinstance(error, handler.on):
                return Complete(message=repr(error), to=handler.target)
        return super().recover(context, error)

    def sequence_flows(self) -> Iterator[SequenceFlow]:
        yield from super().sequence_flows()
        yield from self.error_flows()

    def error_flows(self) -> Iterator[SequenceFlow]:
        """Yield the arrows that an error takes."""
        for handler in self.handlers:
            names = "" if handler.on == (Exception,) else ", ".join(map(name_of, handler.on))
            label = f"error {names}".strip()
            yield SequenceFlow(self.name, handler.target, label, errors=handler.on)

    def problems(self, label: str) -> Iterator[Problem]:
        yield from super().problems(label)
        meant = [("OnError", handler.on) for handler in self.handlers]
        if self.tries:
            meant += [("Retry", self.tries.on), ("Retry", self.tries.unless)]
        for modifier, errors in meant:
            for error in errors:
                if not is_error(error):
                    yield Problem(
                        "E138",
                        f".{modifier}() of {label} needs classes of exceptions, not {error!r}.",
                        "Give a class, or several: on=(ConnectionError, TimeoutError).",
                        self.name,
                    )
        if self.tries and (wrong := self.tries.wrong()):
            yield Problem(
                "E139",
                f".Retry() of {label} cannot be: {wrong}.",
                "Write .Retry(attempts=5, delay=timedelta(seconds=30), factor=2).",
                self.name,
            )

    def call(self, context: Context, work: Any, args: Any, kwargs: Any) -> Any:
        """Call ``work`` with the task and the arguments, each resolved first."""
        function = context.resolve(work)
        if not callable(function):
            raise DefinitionError(
                f"Node {self.name!r} cannot call {work!r}: it is a {type(function).__name__}."
            )
        return function(context.task, *arguments(context, args), **keywords(context, kwargs))


def classes(errors: Any) -> Errors:
    """Return ``errors``, one class or several, as a tuple."""
    return tuple(errors) if isinstance(errors, list | tuple | set) else (errors,)


def is_error(value: Any) -> bool:
    """Return whether ``value`` is a class of exceptions."""
    return isinstance(value, type) and issubclass(value, Exception)


def name_of(error: Any) -> str:
    """Return how to call a class of errors."""
    return getattr(error, "__name__", repr(error))


def arguments(context: Context, args: Any) -> list[Any]:
    """Return the positional arguments with every reference resolved."""
    return [context.resolve(value) for value in args]


def keywords(context: Context, kwargs: Any) -> dict[str, Any]:
    """Return the keyword arguments with every reference resolved."""
    return {key: context.resolve(value) for key, value in kwargs.items()}
