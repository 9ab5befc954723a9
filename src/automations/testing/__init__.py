"""
Tests of processes: time that is moved, people who fill in forms, and where a run stands.

The engine, the forms and the rights are the real ones; nothing is simulated but the clock::

    from automations.testing import assert_path, assert_waiting_at, clock, complete

    with clock(datetime(2026, 3, 2, 9, tzinfo=UTC)) as time:
        run = Expense(amount=120)
        assert_waiting_at(run, "approve", for_user=ada)
        complete(run, "approve", {"approved": True}, user=ada)
        time.advance(days=3)
        assert_path(run, ["start", "approve", "pay", "end"])

It works in a ``TestCase``, in a ``TransactionTestCase`` and with pytest-django.
"""

from automations.testing.acts import FormRefused, complete, send
from automations.testing.assertions import assert_mail_sent, assert_path, assert_waiting_at
from automations.testing.clocks import Clock, clock
from automations.testing.dying import worker_dies
from automations.testing.exploring import Explored, FormNeverValid, explore
from automations.testing.idling import NeverIdle, run_until_idle
from automations.testing.retelling import StoryFailed

__all__ = [
    "Clock",
    "Explored",
    "FormNeverValid",
    "FormRefused",
    "NeverIdle",
    "StoryFailed",
    "assert_mail_sent",
    "assert_path",
    "assert_waiting_at",
    "clock",
    "complete",
    "explore",
    "run_until_idle",
    "send",
    "worker_dies",
]
