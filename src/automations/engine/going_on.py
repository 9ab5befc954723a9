"""
Where a run goes on: what is opened when a task is done, at the end of one branch and of all.

Everything here runs inside the transaction of a step, under the lock of the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from automations.engine.announcing import announce
from automations.engine.context import TaskContext
from automations.engine.locking import connection
from automations.engine.opening import open_task
from automations.engine.reading import arrivals
from automations.engine.run_row import end_run
from automations.engine.states import change_state, move
from automations.engine.together import Ending
from automations.exceptions import DefinitionError
from automations.models import AutomationTaskModel
from automations.models.runs import RunState
from automations.models.tasks import TaskState
from automations.outcomes import Finish, Fork
from automations.signals import run_finished, task_finished


def follow(context: TaskContext, state: TaskState, to: str | None = None, **changes: Any) -> None:
    """Close the task, and open the one that comes next: at ``to``, or where the node leads."""
    go_on(context, state, target_of(context, to), context.task.fork_id, **changes)


def go_on(
    context: TaskContext, state: TaskState, target: str, fork_id: int | None, **changes: Any
) -> None:
    """Close the task and open one at ``target``; end the run if that is an End and nothing else."""
    opened = opened_at(context, [target], fork_id)
    ends = ends_at_once(context, opened[0])
    if ends:
        vars(opened[0]).update(state=TaskState.COMPLETED, due=None, finished=context.now)
    if ends and context.together is not None and not context.data_changed:
        move(context, state, opened, partial(keep, context), **changes)
    else:
        move(context, state, opened, **changes)
    if ends:
        announce(task_finished, context.run, opened[0])
        come_to_an_end(context)


def keep(
    context: TaskContext,
    task: int,
    state: str,
    changes: Mapping[str, Any],
    opened: Sequence[AutomationTaskModel],
) -> bool:
    """Note how the run ends; `settle` sees to it that it is written."""
    connection().validate_no_broken_transaction()  # as a statement does
    context.ending = Ending(task, state, dict(changes), opened)
    return True


def ends_at_once(context: TaskContext, opened: AutomationTaskModel) -> bool:
    """
    Return whether the task that is opened is at an End that can be written as done at once.

    So it would be found after it in this very transaction: nothing else is open, no author's code
    runs there, and more may be done.
    """
    node = context.definition.node(opened.status)
    plain = node.ends and not (node.runs_own_code or node.commits or node.dispatcher)
    return plain and not context.others and context.may_go_on()


def target_of(context: TaskContext, to: str | None = None) -> str:
    """Return where to go on: at ``to``, or where the node leads by itself."""
    target = to or context.node.default_target
    if target is None:
        raise DefinitionError(
            f"{context.definition.label}.{context.task.status} leads nowhere. Add .Next(), or a "
            f"node after it."
        )
    return target


def opened_at(
    context: TaskContext, targets: Iterable[str], fork_id: int | None
) -> list[AutomationTaskModel]:
    """Return a task to open at each of ``targets``; a second at one node is a bug and fails."""
    return [
        open_task(
            context.run, context.definition.node(target).name, context.now, context.task, fork_id
        )
        for target in targets
    ]


def fork(context: TaskContext, outcome: Fork) -> None:
    """Open a branch at each of the places."""
    opened = opened_at(context, outcome.to, context.task.pk)
    move(context, TaskState.COMPLETED, opened, message="Split")


def merge(context: TaskContext) -> None:
    """Let this branch end at the Join, unless it is the last to arrive."""
    task = context.task
    if task.fork_id is None:
        raise DefinitionError(
            f"No Split leads to the Join {context.definition.label}.{task.status}."
        )
    if any(other.fork_id == task.fork_id for other in context.others):
        move(context, TaskState.MERGED, message="Arrived")  # that one is still to come
        return
    outer, expected, arrived = arrivals(task.fork_id, task.status)
    if len(arrived) + 1 < expected:
        move(context, TaskState.MERGED, message="Arrived")
        return
    joined = [*arrived, task.pk]
    go_on(context, TaskState.COMPLETED, target_of(context), outer, message="Joined", result=joined)


def finish(context: TaskContext, outcome: Finish) -> None:
    """End the run; close what is open if that is wanted, else refuse."""
    if context.others and not outcome.terminate:
        still = ", ".join(sorted(task.status for task in context.others))
        raise DefinitionError(
            f"{context.definition.label}.{context.task.status} was reached while tasks are open "
            f"at {still}. Join the branches first, or write flow.End(terminate=True)."
        )
    move(context, TaskState.COMPLETED)
    for task in context.others:
        change_state(task, TaskState.CANCELLED, context.now, message="The run has ended")
    come_to_an_end(context)


def come_to_an_end(context: TaskContext) -> None:
    """Note that the run has ended as it should; whoever listens is told on commit."""
    end_run(context, RunState.FINISHED)
    announce(run_finished, context.run)
