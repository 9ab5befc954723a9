"""``manage.py automation_step``: what a scheduler calls."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections
from django.db.utils import DatabaseError, InterfaceError

from automations.dispatch.noops import move_on
from automations.dispatch.sweep import Report, sweep
from automations.engine.locking import in_transaction
from automations.engine.trouble import is_transient


class Command(BaseCommand):
    """
    Run every task that is due, once or every few seconds.

    When it begins, it first moves runs on from nodes that do nothing any more: the way to delete
    a node of a process that has runs.
    """

    help = (
        "Run every task that is due, once or every few seconds. Exits with 1 if a task has failed "
        "or a run could not be worked on. SIGTERM and SIGINT finish the task in hand and end."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--every",
            type=float,
            metavar="SECONDS",
            help="Keep running, and look for due tasks at this interval.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        every, verbosity = options["every"], options["verbosity"]
        if every is not None and every <= 0:
            raise CommandError("--every needs a number of seconds above 0.")
        if in_transaction():
            raise CommandError(
                "automation_step commits every task, so it cannot run inside a transaction. Call "
                "AutomationModel.run() there, in a TestCase for example."
            )
        self.stop = threading.Event()
        self.moved_on = False
        self._listen()
        while True:
            report = self._sweep(patient=every is not None)
            if report and (verbosity > 1 or (verbosity and (report.runs or every is None))):
                self.stdout.write(str(report))
            if every is None:
                if report and not report.ok:
                    raise CommandError(f"Something has failed: {report}.")
                return
            if self.stop.wait(every):
                return

    def _sweep(self, *, patient: bool) -> Report | None:
        """Sweep once; in trouble with the database say so, and be patient if that is wanted."""
        try:
            if not self.moved_on:
                move_on()
                self.moved_on = True
            return sweep(stopped=self.stop.is_set)
        except (DatabaseError, InterfaceError) as error:
            if not (patient and is_transient(error)):
                raise
            self.stderr.write(f"The database is in trouble, trying again: {error}")
            return None
        finally:
            close_old_connections()

    def _listen(self) -> None:
        """Let SIGTERM and SIGINT finish the task in hand; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            return

        def stop(number: int, frame: FrameType | None) -> None:
            self.stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
