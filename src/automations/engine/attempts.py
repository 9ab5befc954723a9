"""
One attempt at a task, in a savepoint: what it came to is written with it, or none of it stays.

An error of the work goes back to the savepoint and is recorded. There are two that this
transaction cannot go on after: the database is in trouble, which says nothing about the task; and
the work has run out of stack or memory, which may have stopped it half-way through talking to the
database.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from automations.engine.context import TaskContext, neutral
from automations.engine.escapes import contained
from automations.engine.locking import atomic, connection
from automations.engine.transitions import apply
from automations.engine.trouble import exhaustion, is_transient
from automations.models.tasks import TaskState
from automations.outcomes import Fail, Outcome

logger = logging.getLogger("automations")


class Broken(Exception):
    """The transaction of the step is gone; what broke it is the cause."""


class Exhausted(Exception):
    """The work has run out of stack or memory: nothing is known of the transaction any more."""

    def __init__(self, *known: Exception) -> None:
        super().__init__(*known)
        self.known = known


#: What the work of a step has come to, and then asking its node what now, in a transaction that
#: could not be used any more to write it down.
Known = Sequence[Exception]


def attempt(context: TaskContext, work: Callable[[], Outcome], known: Known = ()) -> None:
    """
    Do ``work`` and write down its outcome, all in a savepoint.

    If either fails, all of it is undone and the node is asked what now; if that fails as well,
    or the code lacks the node, the run becomes an incident. What is ``known`` is not tried again.
    Raise `Broken` if the database is in trouble, `Exhausted` if the work has run out of stack or
    memory: then nothing of this transaction can stay.
    """
    if known:
        first = known[0]
    else:
        try:
            _in_savepoint(context, work)
            return
        except (Broken, Exhausted):
            raise
        except Exception as error:
            first = error
        context.undo()
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
    context: TaskContext, work: Callable[[], Outcome], error: BaseException | None = None
) -> None:
    own: Exception | None = None
    try:
        with atomic(), neutral():
            try:
                _do(context, work, error)
            except Exception as raised:
                own = raised  # whatever is raised on the way back to the savepoint
                raise
    except Exception as trouble:
        if own and (exhausted := exhaustion(own)):
            raise Exhausted(exhausted) from trouble
        # MariaDB rolls a deadlocked transaction back whole, and the savepoint is gone with it.
        if is_transient(trouble) or connection().needs_rollback:
            raise Broken from trouble
        raise


def _do(context: TaskContext, work: Callable[[], Outcome], error: BaseException | None) -> None:
    if context.automation is None:
        contained(context.load)
    outcome = contained(work)
    if context.automation.killed():
        return
    apply(outcome, context, error)
    context.data_changed  # noqa: B018 - raises what cannot be kept, inside the savepoint
