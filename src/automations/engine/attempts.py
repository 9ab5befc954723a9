"""
One attempt at a task, in a savepoint: what it came to is written with it, or none of it stays.

An error of the work goes back to the savepoint and is recorded. There are two that this
transaction cannot go on after: the database is in trouble, which says nothing about the task; and
the work has run out of stack or memory, which may have stopped it half-way through talking to the
database.

On PostgreSQL the first task of a transaction needs no savepoint: its error goes back to the
beginning, and is recorded in another transaction. No other database refuses to go on in a
transaction after an error: there the savepoint, which is gone with a transaction that the database
has undone by itself, is what tells so. Work that has ended its transaction is found before anything
is written; its error is recorded in another one as well.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from enum import Enum, auto

from automations.engine.context import TaskContext, neutral
from automations.engine.escapes import contained
from automations.engine.locking import atomic, connection
from automations.engine.savepoints import in_shared
from automations.engine.transitions import apply
from automations.engine.tripwire import TransactionLeft, Tripwire
from automations.engine.trouble import exhaustion, is_transient
from automations.exceptions import AutomationNotFound, DefinitionError
from automations.models.tasks import TaskState
from automations.outcomes import Fail, Outcome

logger = logging.getLogger("automations")


class Broken(Exception):
    """The transaction of the step is gone; what broke it is the cause."""


class Undo(Exception):
    """Nothing of this transaction is to stay: what is ``known`` is written down in another one."""

    def __init__(self, *known: Exception) -> None:
        super().__init__(*known)
        self.known = known


class Exhausted(Undo):
    """The work has run out of stack or memory: nothing is known of the transaction any more."""


#: What the work of a step has come to, and then asking its node what now, in a transaction that
#: could not be used any more to write it down.
Known = Sequence[Exception]


class Place(Enum):
    """Where in a transaction a task is attempted."""

    #: Nothing else has been done in it, and nobody else has begun it.
    FIRST = auto()
    #: After tasks before it, which are done again with it if the transaction is lost.
    AFTER_OTHERS = auto()
    #: In a transaction of the caller's, or to write down what is known by now.
    INSIDE = auto()


def attempt(
    context: TaskContext,
    work: Callable[[], Outcome],
    known: Known = (),
    place: Place = Place.INSIDE,
) -> None:
    """
    Do ``work`` and write down its outcome, all in a savepoint, or where ``place`` lets it be left.

    After others a task in which no author's code runs has none: what can go wrong does so before
    anything is written, or breaks it all. For the first task see above.

    If either fails, all of it is undone and the node is asked what now; if that fails as well,
    or the code lacks the node, the run becomes an incident. What is ``known`` is not tried again.
    Raise `Broken` if the database is in trouble, `Undo` if the error of a first task is to be
    written down in another transaction, `Exhausted` if the work has run out of stack or memory:
    then nothing of this transaction can stay.
    """
    if known:
        first = known[0]
    else:
        try:
            if place is Place.FIRST and refuses_after_errors():
                _as_first(context, work)
            elif place is Place.AFTER_OTHERS and not own_code(context):
                _without_savepoint(context, work)
            elif place is Place.AFTER_OTHERS:
                _in_savepoint(context, work, begin=in_shared)
            else:
                _in_savepoint(context, work)
            return
        except (Broken, Undo):
            raise
        except Exception as error:
            first = error
        context.undo()
        if context.together is not None:  # what is asked now may ask for anything
            context.together.forget()
            context.together.write()
    try:
        if len(known) > 1:
            raise known[1]
        _in_savepoint(context, lambda: context.node.recover(context, first), first)
    except Broken:
        raise
    except Exhausted as error:
        raise Exhausted(first, *error.known) from error
    except Exception as error:
        error.__context__ = None if error is first else first  # both are kept
        context.undo()
        apply(Fail(error), context)
    if context.task.state == TaskState.FAILED:
        logger.error(
            "Task %s (%s) of run %s has failed",
            context.task.pk,
            context.task.status,
            context.run.pk,
            exc_info=first,
        )


def _in_savepoint(
    context: TaskContext,
    work: Callable[[], Outcome],
    error: BaseException | None = None,
    begin: Callable[[], AbstractContextManager[None]] | None = None,
) -> None:
    own: Exception | None = None
    try:
        with (begin or atomic)(), neutral():
            try:
                _do(context, work, error)
            except Exception as raised:
                own = raised  # whatever is raised on the way back to the savepoint
                raise
    except Exception as trouble:
        if own and (exhausted := exhaustion(own)):
            raise Exhausted(exhausted) from trouble
        if isinstance(own, TransactionLeft) and connection().needs_rollback:
            raise Undo(own) from trouble
        # MariaDB rolls a deadlocked transaction back whole, and the savepoint is gone with it.
        if is_transient(trouble) or connection().needs_rollback:
            raise Broken from trouble
        raise


def _as_first(context: TaskContext, work: Callable[[], Outcome]) -> None:
    try:
        with neutral():
            _do(context, work, None)
    except Exception as error:
        if exhausted := exhaustion(error):
            raise Exhausted(exhausted) from error
        if is_transient(error):
            raise Broken from error
        raise Undo(error) from error


def refuses_after_errors() -> bool:
    """Return whether the database takes no more statements in a transaction after an error."""
    return connection().vendor == "postgresql"


def _without_savepoint(context: TaskContext, work: Callable[[], Outcome]) -> None:
    try:
        _do(context, work, None)
    except (DefinitionError, AutomationNotFound):
        raise  # nothing is written yet
    except Exception as trouble:
        raise Broken from trouble


def own_code(context: TaskContext) -> bool:
    """Return whether the author's code may run at the node of the task, or the code lacks it."""
    node = context.known_node
    return node is None or node.runs_own_code


def _do(context: TaskContext, work: Callable[[], Outcome], error: BaseException | None) -> None:
    if context.automation is None:
        contained(context.load)
    with Tripwire():
        outcome = contained(work)
    if context.automation.killed():
        return
    apply(outcome, context, error)
    context.data_changed  # noqa: B018 - raises what cannot be kept, inside the savepoint
