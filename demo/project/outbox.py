"""What the demo has sent by mail: nobody gets it, so it can be read on a page."""

from __future__ import annotations

from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

from django.conf import settings

#: The line that Django writes behind each mail of a file.
BEHIND = b"-" * 79 + b"\n"


@dataclass(frozen=True)
class Mail:
    """One mail."""

    to: str
    subject: str
    body: str


def latest(number: int) -> list[Mail]:
    """Return the mails that were sent last, at most so many, the latest first."""
    files = sorted(Path(settings.EMAIL_FILE_PATH).glob("*.log"), key=written, reverse=True)
    found: list[Mail] = []
    for file in files[:number]:
        for raw in reversed(file.read_bytes().split(BEHIND)[:-1]):
            mail = message_from_bytes(raw, policy=policy.default)
            body = mail.get_body(("plain",))
            found.append(Mail(mail["To"], mail["Subject"], body.get_content() if body else ""))
    return found[:number]


def written(file: Path) -> int:
    """Return when the file was written."""
    return file.stat().st_mtime_ns
