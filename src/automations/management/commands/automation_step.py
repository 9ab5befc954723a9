"""``manage.py automation_step``: what a scheduler calls."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from contextlib import nullcontext, suppress
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections
from django.db.models import Min
from django.db.utils import DatabaseError, InterfaceError

from automations import notices, settings
from automations.dispatch import background
from automations.dispatch.background import Workers
from automations.dispatch.lanes import Lanes
from automations.dispatch.listening import Listener
from automations.dispatch.noops import move_on
from automations.dispatch.pulse import Pulse
from automations.dispatch.schedules import next_start
from automations.dispatch.sweep import Report, sweep
from automations.dispatch.waking import Waker
from automations.engine import turns
from automations.engine.locking import in_transaction, renew_connection, runs
from automations.engine.notifying import HORIZON, enabled, notify_left, resident
from automations.engine.trouble import is_transient
from automations.postman import Postman

#: How far a process that keeps running gives way to others on its machine, as ``nice`` counts.
NICE = 10
#: Seconds until the next sweep when background works are left to it, for threads may be free then.
SOON = 1.0
#: Seconds that an e-mail which is being sent has left when the process is told to end.
LEAVING = 10.0


def give_way(nice: int) -> None:
    """
    Let other processes of the machine go first, by so much at the least, not on Windows.

    Whoever waits for a page is answered before a backlog is worked off. On SQLite they get its one
    write lock first as well.
    """
    if nice:
        turns.give_way()
    if hasattr(os, "nice"):
        os.nice(max(0, nice - os.nice(0)))


def pause(every: float, since: datetime | None = None) -> float:
    """
    Return how many seconds to wait for the next sweep: at most until a task or a schedule is due.

    Nobody is told of what is due in a long time, so who is to be woken does not sleep as long.
    ``since`` is when the last sweep has looked: what has become due after that is not kept waiting.
    Where the project has a clock of its own, seconds say nothing about it: then it is ``every``.
    """
    if settings.get("ATM_CLOCK") != settings.SETTINGS["ATM_CLOCK"].default:
        return every
    try:
        if enabled():
            every = min(every, HORIZON.total_seconds())
        moment = since or settings.now()
        due = runs().filter(due__gt=moment).aggregate(next=Min("due"))["next"]
        times = (due, next_start(moment), notices.next_due(moment))
        dues = [moment for moment in times if moment]
    except (DatabaseError, InterfaceError):
        return every  # the next sweep says what is wrong
    finally:
        close_old_connections()
    left = (min(dues) - settings.now()).total_seconds() if dues else every
    return max(0.0, min(every, left))


class Command(BaseCommand):
    """
    Run every task that is due, once or every few seconds.

    In a backlog, one that keeps running looks anew after each round, for what has become due since.
    When it begins, it first moves runs on from nodes that do nothing any more: the way to delete
    a node of a process that has runs.
    """

    help = (
        "Run every task that is due, once or every few seconds. Exits with 1 if a task has failed "
        "or a run could not be worked on. SIGTERM and SIGINT finish the task in hand and end; a "
        "second one ends at once."
    )

    own_process = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--every",
            type=float,
            metavar="SECONDS",
            help="Keep running, and look for due tasks at this interval, or when the next is due.",
        )
        parser.add_argument(
            "--nice",
            type=int,
            choices=range(20),
            metavar="0..19",
            default=NICE,
            help=(
                "With --every: how far to give way to other processes of this machine, those that "
                f"answer requests for example. 0: not at all. Default: {NICE}."
            ),
        )

    def run_from_argv(self, argv: list[str]) -> None:
        # What calls the command in its own process keeps its priority.
        self.own_process = True
        super().run_from_argv(argv)

    def handle(self, *args: Any, **options: Any) -> None:
        every, verbosity = options["every"], options["verbosity"]
        if every is not None and every <= 0:
            raise CommandError("--every needs a number of seconds above 0.")
        if in_transaction():
            raise CommandError(
                "automation_step commits every task, so it cannot run inside a transaction. Call "
                "AutomationModel.run() there, in a TestCase for example."
            )
        self.moved_on = False
        self.pulse = Pulse()
        with Listener(self.stderr.write) as listener, Waker(listener) as waker:
            if every is None:
                report = self._sweep(waker, None, Lanes(), patient=False)
                untold = self._tell(waker)
                if verbosity:
                    self.stdout.write(str(report))
                if report and not report.ok:
                    raise CommandError(f"Something has failed: {report}.")
                if untold:
                    raise CommandError(f"People could not be told of their tasks yet: {untold}")
                return
            if self.own_process:
                give_way(options["nice"])
            lanes, post = Lanes(one_round=True), Postman()
            with Workers(background.MOST) as workers:
                while not waker.stopped():
                    listener.listen()  # before the sweep: what comes in between wakes
                    report = self._sweep(waker, workers, lanes, patient=True)
                    post.go_round(waker.stopped)
                    if report and (verbosity > 1 or (verbosity and (report.runs or report.done))):
                        self.stdout.write(str(report))
                    if report and lanes.left():
                        continue
                    if not waker.stopped():
                        rest = pause(every, report.until if report else None)
                        waker.sleep(min(rest, SOON) if report and report.left else rest)
            post.wait(LEAVING)
            self._leave()

    def _tell(self, waker: Waker) -> Exception | None:
        """Tell people of their tasks; return the database's error if that is for the next call."""
        try:
            notices.send_due(waker.stopped)
        except (DatabaseError, InterfaceError) as error:
            return error
        return None

    def _sweep(
        self, waker: Waker, workers: Workers | None, lanes: Lanes, *, patient: bool
    ) -> Report | None:
        """
        Sweep once; in trouble with the database say so, and be patient if that is wanted.

        In a backlog the connection is kept for the next sweep, which follows at once.
        """
        report = None
        try:
            if not self.moved_on:
                move_on()
                self.moved_on = True
            with resident() if patient else nullcontext():
                report = sweep(stopped=waker.stopped, workers=workers, lanes=lanes)
            self.pulse.beat()
            return report
        except (DatabaseError, InterfaceError) as error:
            if not (patient and is_transient(error)):
                raise
            self.stderr.write(f"The database is in trouble, trying again: {error}")
            return None
        finally:
            # The command has refused to begin in one, so what is open now was left by accident.
            renew_connection()
            if report is None or not lanes.left():
                close_old_connections()

    def _leave(self) -> None:
        """Let others wait for what only this process knew to be due."""
        with suppress(DatabaseError, InterfaceError):
            notify_left()
