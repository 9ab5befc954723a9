"""``manage.py feed``: let the mails, sign-ups and expenses arrive whose time has come."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from typing import Any

import expenses.arrivals
import issues.arrivals
import webinars.arrivals
from django.core.management.base import BaseCommand
from django.db import close_old_connections

#: What arrives, and what lets it.
SOURCES = {
    "mails": issues.arrivals.feed,
    "news of webinars": webinars.arrivals.feed,
    "expenses": expenses.arrivals.feed,
}


class Command(BaseCommand):
    """Let everything arrive as long after the beginning as the files say."""

    help = "Let the mails, sign-ups and expenses arrive whose time has come."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--every", type=float, metavar="SECONDS", help="Keep running.")

    def handle(self, *args: Any, every: float | None = None, **options: Any) -> None:
        stop = threading.Event()
        if every:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
        while True:
            arrived = {what: count for what, feed in SOURCES.items() if (count := feed())}
            if arrived and options["verbosity"]:
                listed = ", ".join(f"{count} {what}" for what, count in arrived.items())
                self.stdout.write(f"Arrived: {listed}")
            if not every or stop.wait(every):
                return
            close_old_connections()
