"""
What a node may answer when it is executed.

An outcome is a value: a node returns one, the engine writes it down. The set is closed on
purpose, so that a custom node cannot break a law of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Complete:
    """
    The work is done; go on.

    ``to`` names the node to go on with; without it the process goes where the node leads by
    itself. ``result`` is kept on the task if it can be written as JSON, ``message`` is what the
    history shows. ``data`` are entries to set in the run's ``data``.
    """

    result: Any = None
    message: str = "OK"
    to: str | None = None
    data: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Skip:
    """Leave the work undone and go on, to ``to`` or where the node leads by itself."""

    message: str = "skipped"
    to: str | None = None


@dataclass(frozen=True)
class Postpone:
    """
    Nothing to do yet: look again at ``until``, an aware datetime in process time.

    Without ``until``, or with ``poll``, the engine looks again at the next sweep (``ATM_POLL``
    seconds later), and as soon as the run's ``data`` has changed. ``reminded`` is how often each
    ``.Remind()`` has come due, if that has changed.
    """

    until: datetime | None = None
    poll: bool = False
    reminded: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Again:
    """
    The work has failed and is to be tried again, not before ``until``, in process time.

    What the failed try has written is undone; ``error`` is kept on the task, which goes on waiting.
    """

    until: datetime
    error: BaseException


@dataclass(frozen=True)
class Ask:
    """
    Wait for a person to complete this task.

    ``user`` and ``group`` are primary keys, ``permissions`` dotted names; all that are given must
    hold. ``until`` is when the engine looks at the task again (a deadline, a reminder), ``poll``
    makes it look at every sweep; ``reminded`` as with `Postpone`. ``due_date`` is by when people
    should have done it.
    """

    user: Any = None
    group: Any = None
    permissions: tuple[str, ...] = ()
    until: datetime | None = None
    poll: bool = False
    reminded: tuple[int, ...] | None = None
    due_date: datetime | None = None


@dataclass(frozen=True)
class Listen:
    """
    Take the oldest message of the name ``message`` that the run has kept, or wait for one.

    The node's `received` is asked what the message comes to. ``until``, ``poll`` and ``reminded``
    as with `Ask`.
    """

    message: str
    until: datetime | None = None
    poll: bool = False
    reminded: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Send:
    """
    Send a message to other runs, each in a transaction of its own, after this step is committed.

    Either ``automation``, the dotted path of a class all of whose running runs get it until one
    answers ``"received"`` (with ``everyone`` until the last), or ``run``, the primary key or the
    key of one. The task is completed when all of them have it: the node's `sent` is asked.
    """

    message: str
    token: str | None = None
    data: Any = None
    automation: str | None = None
    run: int | str | None = None
    everyone: bool = False


@dataclass(frozen=True)
class Outside:
    """
    Do the work outside of the step's transaction, without the lock of the run.

    The node's `work` is called at least once, and its outcome is written if the worker still has
    its claim on the task. ``thread`` asks for a thread of the very process that comes to the
    task; else the work is done where background work is done. ``until``, ``poll`` and
    ``reminded`` as with `Ask`.
    """

    thread: bool = False
    until: datetime | None = None
    poll: bool = False
    reminded: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Fork:
    """Open one branch at each of the nodes named in ``to``."""

    to: tuple[str, ...]


@dataclass(frozen=True)
class Merge:
    """This branch has arrived; go on when it is the last one of its Split to arrive."""


@dataclass(frozen=True)
class Finish:
    """
    The process has reached its end.

    While other branches are open this is an error, unless ``terminate`` is true: then they are
    cancelled.
    """

    terminate: bool = False


@dataclass(frozen=True)
class Fail:
    """The work could not be done: stop the run and keep ``error`` for a person to look at."""

    error: BaseException


Outcome: TypeAlias = (
    Complete
    | Skip
    | Postpone
    | Again
    | Ask
    | Listen
    | Outside
    | Send
    | Fork
    | Merge
    | Finish
    | Fail
)
