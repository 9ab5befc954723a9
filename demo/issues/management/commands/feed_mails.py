"""``manage.py feed_mails``: let the mails arrive whose time has come."""

from __future__ import annotations

import datetime
import signal
import threading
from argparse import ArgumentParser
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import close_old_connections

from issues import mail
from issues.automations import clock
from issues.models import IssueList

#: The Monday that the dates of the mails are counted from: the hour of the announcement.
MONDAY = datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)


class Command(BaseCommand):
    """Put mails into the box, as many hours after the announcement as their date says."""

    help = "Let the mails arrive whose time has come, once or every few seconds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--every", type=float, metavar="SECONDS", help="Keep running.")

    def handle(self, *args: Any, every: float | None = None, **options: Any) -> None:
        stop = threading.Event()
        if every:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
        while True:
            arrived = feed()
            if arrived and options["verbosity"]:
                self.stdout.write(f"{arrived} mails have arrived")
            close_old_connections()
            if not every or stop.wait(every):
                return


def feed() -> int:
    """Put the mails whose time has come into the box; return how many."""
    announced = (
        IssueList.objects.exclude(announced=None).values_list("announced", flat=True).first()
    )
    if announced is None:
        return 0
    passed = clock() - announced
    new = [message for offset, message in calendar()[mail.count() :] if offset <= passed]
    if new:
        mail.append(new)
    return len(new)


@cache
def calendar() -> list[tuple[datetime.timedelta, bytes]]:
    """Return each mail of the week with how long after the announcement it arrives, in order."""
    return [
        (parsedate_to_datetime(message_from_bytes(message)["Date"]) - MONDAY, message)
        for message in mail.raw_messages(settings.DATA / "mails.mbox")
    ]
