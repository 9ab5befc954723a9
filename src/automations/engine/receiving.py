"""
A message reaches a run: one transaction, under the lock of the run.

The method ``receive_<message>`` is called, and what it changes in ``data`` is saved. If nodes of
the process wait for the message, it is kept for them, so that one that comes early is not lost.
Then the run's conditions are looked at again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from automations import payload, settings
from automations.definition.receivers import receiver_of
from automations.engine.attention import wake
from automations.engine.context import RunContext, neutral
from automations.engine.locking import act_on, atomic, lock_run, messages, runs
from automations.engine.people import Action, record
from automations.engine.reading import open_tasks_of
from automations.engine.run_row import settle
from automations.engine.steps import at_work, claim_columns, working_on
from automations.exceptions import AutomationFinished, InvalidData, MessageRefused, RunBusy
from automations.models import AutomationMessageModel, AutomationModel
from automations.models.runs import RunState


@dataclass(frozen=True)
class Message:
    """What is sent: its name, an optional token, data, and the key of its sending."""

    name: str
    token: str | None = None
    data: Any = None
    key: str | None = None


def receive(run_id: int, message: Message, *, claim: str = "") -> Any:
    """
    Let the run receive ``message``; return what its receiver answers, True if a node waits for it.

    ``message.data`` has been checked. A message with a key that has reached the run before does
    nothing and is answered as then. None if the run has ended. A run that has failed keeps the
    message for its nodes, but its method is not called. Raise what the receiver raises, with
    nothing written; `RunBusy` if the run does not become free in ``ATM_LOCK_TIMEOUT`` seconds;
    `InvalidData` if what is to be kept is no JSON.
    """
    with receiving(run_id, message) as run:
        return None if run is None else deliver(run, message, claim)


def receive_from(
    user: Any, run_id: int, message: Message, *, sent: Any, reason: str, claim: str = ""
) -> Any:
    """
    Let the run receive what a person sends, like `receive`, and write down who, what and why.

    Both in one transaction; ``sent`` is the data as it was entered. Raise `AutomationFinished` if
    the run has ended, `MessageRefused` if it has failed and none of its nodes takes the message.
    """
    with receiving(run_id, message) as run:
        if run is None:
            raise AutomationFinished(f"Run {run_id} has ended and receives nothing any more.")
        if run.state == RunState.FAILED and message.name not in run.definition.listens:
            raise MessageRefused(
                f"Run {run_id} has failed and receives {message.name!r} only when it goes on."
            )
        answer = deliver(run, message, claim)
        changes = {"message": message.name, "token": message.token, "data": sent or None}
        said = {name: value for name, value in changes.items() if value is not None}
        if runs().filter(pk=run_id).exists():  # a receiver may have killed it
            record(Action.MESSAGE, run, user, reason=reason, changes=said)
        return answer


@contextmanager
def receiving(run_id: int, message: Message) -> Iterator[AutomationModel | None]:
    """Be the transaction in which the run receives; give its row, locked; None if it has ended."""
    if at_work(run_id):
        raise RunBusy(
            f"Run {run_id} is in the middle of a step and cannot receive {message.name!r} from "
            f"itself. Call its method receive_{message.name}() instead."
        )
    with act_on(run_id), working_on(run_id):
        run = lock_run(run_id, wait=True)
        ended = run is None or run.state in (RunState.FINISHED, RunState.CANCELLED)
        yield None if ended else run


def deliver(run: AutomationModel, message: Message, claim: str) -> Any:
    """Let the locked run receive, unless it knows the sending already; return the answer."""
    if message.key:
        known = messages().filter(automation=run, key=message.key).first()
        if known is not None:
            return known.answer
    context = RunContext(run, settings.now(), open_tasks_of(run))
    context.load()
    answer = call(context, message)
    listened = message.name in context.definition.listens
    # What a failed run's method did not get is no delivery: a later try may still reach it.
    if listened or (message.key and run.state != RunState.FAILED):
        keep(run, message, answer, context, listened=listened)
    if run.state != RunState.FAILED and not context.automation.killed():
        if run.state == RunState.RUNNING:
            wake(context, context.others, message.name)
        settle(context, claim_columns(run, claim, keep=True))
    return answer


def call(context: RunContext, message: Message) -> Any:
    """Call the receiver, in a savepoint; return its answer."""
    automation = context.automation
    receiver = receiver_of(automation, message.name)
    answer: Any = True if message.name in context.definition.listens else None
    if receiver is None or context.run.state == RunState.FAILED:
        return answer
    automation._message_key = message.key
    with atomic(), neutral():
        returned = receiver(message.token, message.data)
        if not automation.killed():
            context.data_changed  # noqa: B018 - raises what cannot be kept, inside the savepoint
    return answer if returned is None else returned


def keep(
    run: AutomationModel, message: Message, answer: Any, context: RunContext, *, listened: bool
) -> None:
    """Write the row of the message: for a node to take, or to know the sending again."""
    if context.automation.killed():
        return
    sent = message.data if listened else None
    data = payload.clean(dict(sent) if isinstance(sent, Mapping) else sent, "The message")
    try:
        answered = payload.clean(answer, "The answer")
    except InvalidData:
        answered = None
    AutomationMessageModel(
        automation=run,
        name=message.name,
        token=message.token if message.token is None else payload.clean(str(message.token)),
        data=data,
        key=message.key,
        answer=answered,
        created=context.now,
        taken=None if listened else context.now,
    ).save(using=messages().db, force_insert=True)
