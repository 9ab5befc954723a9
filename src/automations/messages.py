"""
What one sends messages to: a run, or the class of many.

A class is declared with this; how a message gets to a run, `automations.delivery`, is imported with
the first one.
"""

from __future__ import annotations

from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.utils.asyncio import async_unsafe

from automations.definition.process import ProcessDefinition
from automations.definition.receivers import prepare
from automations.exceptions import MessageRefused


class Receiver:
    """What one sends messages to: a run, or the class of many."""

    _meta: ClassVar[ProcessDefinition]
    _message_key: str | None = None

    async def asend_message(self, message: str, token: str | None = None, data: Any = None) -> Any:
        """Send ``message`` from async code: like `send_message`, in a thread for the database."""
        return await sync_to_async(self.send_message)(message, token, data)

    @async_unsafe(
        "A message is received with the database, which async code cannot wait for. Write "
        "await run.asend_message(...) instead of run.send_message(...)."
    )
    def send_message(self, message: str, token: str | None = None, data: Any = None) -> Any:
        """
        Let this run receive ``message``, in a transaction of its own, and run what is due then.

        ``receive_<message>(token, data)`` is called with ``data`` (a dict, or a request whose GET
        parameters count) as `require_data_parameters` has it converted; what it changes in
        ``self.data`` is saved. A node ``flow.ReceiveMessage(message)`` takes it too, also later.
        Return what the receiver returns (True if only a node takes it); None if the run has
        ended, does not receive this message, or not with this data. Raise what the receiver
        raises, with nothing written, and `RunBusy` if the run does not become free in
        ``ATM_LOCK_TIMEOUT`` seconds.
        """
        from automations import delivery

        return delivery.send_by(self, delivery.Message(message, token, data))

    @property
    def message_key(self) -> str | None:
        """
        What tells the message that is being received from all others; None if code has sent it.

        It is the ``idempotency_key`` of the `SendMessage` task, the same over all its attempts.
        """
        return self._message_key

    @classmethod
    def satisfies_data_requirements(cls, message: str, data: Any) -> bool:
        """Return whether runs receive ``message``, and ``data`` has what its receiver needs."""
        try:
            prepare(cls, message, data)
        except MessageRefused:
            return False
        return True

    @classmethod
    def dispatch_message(
        cls, automation: Any, message: str, token: str | None = None, data: Any = None
    ) -> Any:
        """
        Send ``message`` to one run: an automation, a row, a primary key (int) or a key (str).

        Like `send_message`; None also if there is no such run. Raise `WrongAutomation` for an
        automation or a row of another class.
        """
        from automations import delivery

        run_id = delivery.find(cls._meta, automation)
        if run_id is None:
            return None
        if isinstance(automation, cls):
            return automation.send_message(message, token, data)
        return delivery.send(cls._meta, run_id, delivery.Message(message, token, data))

    @classmethod
    def broadcast_message(
        cls, message: str, token: str | None = None, data: Any = None
    ) -> list[Any]:
        """
        Send ``message`` to every running run of this class, one transaction each; oldest first.

        Return all answers. A run that answers ``"received"`` catches it: the rest do not get it.
        `BroadcastFailed` is raised when some could not receive it and all others have.
        """
        from automations import delivery

        return delivery.broadcast(cls._meta, delivery.Message(message, token, data))

    @classmethod
    def create_on_message(cls, message: str, token: str | None = None, data: Any = None) -> Any:
        """
        Start a run, which receives ``message`` before its first node, and run it.

        The parameters that ``unique`` names are taken from ``data``; if such a run is there
        already, it receives the message. Return the run; None if the class does not receive this
        message, or not with this data, or the receiver has killed the run.
        """
        from automations import delivery

        return delivery.create(cls, delivery.Message(message, token, data))
