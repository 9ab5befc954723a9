"""
How a message gets to a run: to one, to all, or to one that it starts.

It is imported with the first message, not with the classes of a project. Each run receives in a
transaction of its own, and then runs what has become due within the budget of a request. Inside a
transaction of the caller's everything is part of that one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from automations import payload
from automations.definition.process import ProcessDefinition
from automations.definition.receivers import prepare
from automations.dispatch.claims import new_claim
from automations.dispatch.inline import run_all
from automations.engine import receiving
from automations.engine.locking import atomic, in_transaction, lock_run, runs
from automations.engine.notifying import going_on_with
from automations.engine.receiving import Message as Message  # what is given to be delivered
from automations.engine.sending import RECEIVED
from automations.exceptions import (
    BroadcastFailed,
    InvalidData,
    MessageRefused,
    RunBusy,
    WrongAutomation,
)
from automations.models import AutomationModel
from automations.models.runs import ALIVE, RunState

logger = logging.getLogger("automations")

#: How often a run is looked for that has not ended before it can receive.
TRIES = 3


def send(definition: ProcessDefinition, run_id: int, message: Message) -> Any:
    """
    Let one run receive the message and run what is due then; return what it answers.

    None if the class does not receive it, or not with this data, or the run has ended.
    """
    try:
        data = prepare(definition.owner, message.name, message.data)
    except MessageRefused as refused:
        logger.info("%s", refused)
        return None
    claim = "" if in_transaction() else new_claim()
    prepared = Message(message.name, message.token, data, message.key)
    with going_on_with(run_id):
        answer = receiving.receive(run_id, prepared, claim=claim)
    run_all([run_id], claim=claim)
    return answer


def send_from(
    user: Any, definition: ProcessDefinition, run_id: int, message: Message, *, reason: str
) -> Any:
    """
    Let one run receive what a person sends, write that down, and run what is due then.

    Raise `MessageRefused` if the class does not receive it, or not with this data, and what
    `receiving.receive_from` raises; then nothing has happened.
    """
    data = prepare(definition.owner, message.name, message.data)
    claim = "" if in_transaction() else new_claim()
    prepared = Message(message.name, message.token, data)
    with going_on_with(run_id):
        answer = receiving.receive_from(
            user, run_id, prepared, sent=message.data, reason=reason, claim=claim
        )
    run_all([run_id], claim=claim)
    return answer


def find(definition: ProcessDefinition, wanted: Any) -> int | None:
    """
    Return the primary key of the process's run that ``wanted`` means; None if there is none.

    ``wanted`` is an automation, a row, a primary key or a key. Raise `WrongAutomation` for an
    automation or a row of another process.
    """
    row = getattr(wanted, "_row", wanted)
    if isinstance(row, AutomationModel):
        if row.automation_class not in definition.labels:
            raise WrongAutomation(
                f"Run {row.pk} belongs to {row.automation_class}, not to {definition.label}."
            )
        return row.pk
    own = runs().filter(automation_class__in=definition.labels)
    if isinstance(row, bool) or not isinstance(row, int | str):
        return None
    try:
        payload.clean(row)
    except InvalidData:
        return None  # no key contains what some database cannot even be asked for
    found = own.filter(pk=row) if isinstance(row, int) else own.filter(key=row)
    return found.values_list("pk", flat=True).first()


def create(owner: Any, message: Message) -> Any:
    """
    Start a run of ``owner`` that receives the message before its first node, then run it.

    Both happen in one transaction. Of the message's data those parameters that ``unique`` names
    start the run; if one is there already, it gets the message instead. Return the run; None if
    the class does not receive the message, or not with this data, or its receiver has killed it.
    """
    try:
        data = prepare(owner, message.name, message.data)
    except MessageRefused as refused:
        logger.info("%s", refused)
        return None
    names = () if isinstance(owner.unique, bool) else owner.unique
    given = data if isinstance(data, Mapping) else {}
    arguments = {name: given[name] for name in names if name in given}
    prepared = Message(message.name, message.token, data, message.key)
    run_id, is_new = start_and_receive(owner, arguments, prepared)
    if not runs().filter(pk=run_id).exists():
        return None
    run_all([run_id])
    run = owner(automation_id=run_id)
    run._is_new = is_new
    return run


def start_and_receive(owner: Any, arguments: dict[str, Any], message: Message) -> tuple[int, bool]:
    """
    Start a run, or find the one that is there, and let it receive.

    Return its primary key and whether it is new. One that is there may end before it can receive:
    then another is started, which does.
    """
    for _ in range(TRIES):
        with atomic():
            with going_on_with(None):
                run = owner(autorun=False, **arguments)
            run_id: int = run.id
            row = lock_run(run_id, wait=True)
            if row is not None and row.state not in (RunState.FINISHED, RunState.CANCELLED):
                with going_on_with(run_id):
                    receiving.receive(run_id, message)
                return run_id, run.is_new
    raise RunBusy(
        f"Each run of {owner._meta.label} that was to receive {message.name!r} had just ended. "
        f"Try again."
    )


def broadcast(definition: ProcessDefinition, message: Message) -> list[Any]:
    """
    Let every running run of the process receive the message, the oldest first.

    One transaction per run; ``"received"`` stops it. What a receiver raises keeps nobody else from
    the message: `BroadcastFailed` is raised when all others have it.
    """
    try:
        data = prepare(definition.owner, message.name, message.data)
    except MessageRefused as refused:
        logger.info("%s", refused)
        return []
    prepared = Message(message.name, message.token, data, message.key)
    answers: list[Any] = []
    errors: dict[int, Exception] = {}
    reached = []
    for run_id in running(definition):
        try:
            with going_on_with(run_id):
                answers.append(receiving.receive(run_id, prepared))
        except Exception as error:
            logger.exception("Run %s could not receive %r", run_id, message.name)
            errors[run_id] = error
            continue
        reached.append(run_id)
        if answers[-1] == RECEIVED:
            break
    run_all(reached)
    if errors:
        listed = ", ".join(f"{run_id}: {error!r}" for run_id, error in errors.items())
        raise BroadcastFailed(
            f"{len(errors)} runs of {definition.label} could not receive {message.name!r} "
            f"({listed}). {len(answers)} others have it.",
            answers,
            errors,
        )
    return answers


def running(definition: ProcessDefinition) -> Iterable[int]:
    """Return the primary keys of the process's runs that have not ended, the oldest first."""
    alive = runs().filter(automation_class__in=definition.labels, state__in=ALIVE)
    return list(alive.order_by("pk").values_list("pk", flat=True))


def send_by(handle: Any, message: Message) -> Any:
    """Let the run of ``handle`` receive the message, as `send`; the handle then shows what is."""
    row = handle._row
    if row is None:
        return None
    if handle._data_differs():
        with going_on_with(row.pk):
            handle.save()
    answer = send(handle._meta, row.pk, message)
    fresh = runs().filter(pk=row.pk).first()
    if fresh is None:
        handle._row = None
    else:
        handle._bind(fresh)
    return answer
