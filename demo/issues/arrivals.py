"""The mails that arrive over the week."""

from __future__ import annotations

import datetime
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from functools import cache

from django.conf import settings
from project import week

from issues import mail


def feed() -> int:
    """Put the mails whose time has come into the box; return how many."""
    now = week.now()
    new = [message for arrives, message in calendar()[mail.count() :] if arrives <= now]
    if new:
        mail.append(new)
    return len(new)


@cache
def calendar() -> list[tuple[datetime.datetime, bytes]]:
    """Return each mail of the week with its date, in order."""
    return [
        (parsedate_to_datetime(message_from_bytes(message)["Date"]), message)
        for message in mail.raw_messages(settings.DATA / "mails.mbox")
    ]
