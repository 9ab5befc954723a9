"""Telling a story: in lines that its author understands, and as code to paste into a test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.core.files import File
from django.db.models import Model
from django.utils import timezone

if TYPE_CHECKING:
    from automations.testing.deeds import Act

UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
#: Not at the end of "days" in "2 days later".
PLURAL = "s"


class StoryFailed(AssertionError):
    """
    A story of a process that should not be; the error that failed it is the cause.

    ``lines`` tell the story, ``code`` plays it in a test, ``seed`` finds it again.
    """

    def __init__(self, text: str, lines: list[str], code: str, seed: int) -> None:
        super().__init__(text)
        self.lines = lines
        self.code = code
        self.seed = seed


def lines_of(acts: Iterable[Act], began: datetime) -> list[str]:
    """Return the acts as lines, the first of which says when it was."""
    lines = [line for act in acts for line in act.lines()]
    local = timezone.localtime(began, timezone.get_default_timezone())
    return [f"{local:%A %Y-%m-%d %H:%M}: {line}" if line is lines[0] else line for line in lines]


def said(error: BaseException) -> str:
    """Return an error as it stands at the end of a traceback."""
    return f"{type(error).__name__}: {error}"


def code_of(acts: Iterable[Act], began: datetime, error: BaseException) -> str:
    """Return the acts as the body of a test, and how that fails as a comment."""
    acts = list(acts)
    people = {variable(act.person): act.person for act in acts if hasattr(act, "person")}
    lines = [f"{name} = {found(person)}" for name, person in people.items()]
    lines.append(f"with clock({value(began)}) as time:")
    lines += [f"    {line}" for act in acts for line in act.code()]
    lines.append(f"    # {said(error).splitlines()[0]}")
    return "\n".join(lines)


def arguments(data: Mapping[str, Any]) -> str:
    """Return keyword arguments as they are written in a call."""
    return ", ".join(f"{name}={value(given)}" for name, given in data.items())


def value(given: Any) -> str:
    """Return a value as it is written in Python."""
    if isinstance(given, Mapping):
        return "{" + ", ".join(f"{name!r}: {value(each)}" for name, each in given.items()) + "}"
    if isinstance(given, list):
        return "[" + ", ".join(value(each) for each in given) + "]"
    if isinstance(given, Model):
        return found(given)
    if isinstance(given, File):
        given.seek(0)
        return f"SimpleUploadedFile({given.name!r}, {given.read()!r})"
    if isinstance(given, datetime) and given.tzinfo is UTC:
        numbers = [given.year, given.month, given.day, given.hour, given.minute, given.second]
        numbers += [given.microsecond]
        while len(numbers) > 4 and not numbers[-1]:
            numbers.pop()
        return f"datetime({', '.join(map(str, numbers))}, tzinfo=UTC)"
    return repr(given)


def found(given: Model) -> str:
    """Return how an object is found in the database."""
    field = getattr(given, "USERNAME_FIELD", "pk")
    return f"{type(given).__name__}.objects.get({field}={getattr(given, field)!r})"


def variable(person: Any) -> str:
    """Return the name of a variable for a person."""
    name = str(person).lower()
    return name if name.isidentifier() and name.isascii() else f"user_{person.pk}"


def called(maker: Any) -> str:
    """Return the name of what is called."""
    return str(getattr(maker, "__name__", "start")).replace("<lambda>", "start")


def amounts(length: timedelta) -> Iterator[tuple[str, int]]:
    """Yield of each unit how many a time takes, without those of which there are none."""
    seconds = round(length.total_seconds())
    for name, size in UNITS:
        number, seconds = divmod(seconds, size)
        if number:
            yield name, number


def span(length: timedelta) -> str:
    """Return a time in words: "2 days 1 hour"."""
    parts = [f"{number} {name}{PLURAL * (number > 1)}" for name, number in amounts(length)]
    return " ".join(parts) or "a moment"


def duration(length: timedelta) -> str:
    """Return a time as the arguments of `Clock.advance`."""
    return ", ".join(f"{name}s={number}" for name, number in amounts(length))
