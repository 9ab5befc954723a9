"""The mail box that the group's mails arrive in, and what stands in a mail."""

from __future__ import annotations

import mailbox
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parseaddr
from pathlib import Path
from typing import TypeVar

from django.conf import settings

VOTE = re.compile(r"^Vote: *(ISSUE-\d+) +(yes|no|abstain)\s*$", re.IGNORECASE | re.MULTILINE)

Result = TypeVar("Result")


@dataclass(frozen=True)
class Mail:
    """What a moderator sees of a mail, and the votes in it by issue."""

    number: int
    sender: str
    subject: str
    body: str
    automatic: bool
    votes: tuple[tuple[str, str], ...]


def count() -> int:
    """Return how many mails have arrived."""
    return locked(len)


def read(numbers: Iterable[int]) -> list[Mail]:
    """Return those of the mails that have arrived which have these numbers, in order."""
    wanted = sorted(numbers)
    raw = locked(lambda box: [box.get_bytes(number) for number in wanted])
    return [parse(number, message) for number, message in zip(wanted, raw, strict=True)]


def append(messages: Iterable[bytes]) -> None:
    """Put mails into the box, in order."""

    def put(box: mailbox.mbox) -> None:
        for message in messages:
            box.add(message)
        box.flush()

    locked(put)


def locked(work: Callable[[mailbox.mbox], Result]) -> Result:
    """Do ``work`` while nobody else reads or writes the box."""
    box = mailbox.mbox(settings.INBOX)
    try:
        for _ in range(100):
            try:
                box.lock()
                break
            except mailbox.ExternalClashError:
                time.sleep(0.02)
        else:
            raise TimeoutError(f"Somebody does not give {settings.INBOX} free.")
        try:
            return work(box)
        finally:
            box.unlock()
    finally:
        box.close()


def parse(number: int, raw: bytes) -> Mail:
    """Read one mail, however it is encoded."""
    message = BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(raw)
    part = message.get_body(preferencelist=("plain", "html"))
    body = part.get_content() if part else ""
    name, address = parseaddr(str(message["From"]))
    votes = tuple((code.upper(), choice.lower()) for code, choice in VOTE.findall(body))
    return Mail(
        number,
        f"{name} <{address}>",
        str(message["Subject"]),
        body,
        "Auto-Submitted" in message,
        votes,
    )


def raw_messages(path: Path) -> list[bytes]:
    """Return the mails of a file as they stand there."""
    box = mailbox.mbox(path, create=False)
    try:
        return [box.get_bytes(key) for key in box.iterkeys()]
    finally:
        box.close()
