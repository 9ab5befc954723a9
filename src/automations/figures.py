"""How many runs there are, how long they took, and how many began and ended on each day."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import (
    CharField,
    Count,
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    Q,
    QuerySet,
    Value,
    Window,
)
from django.db.models.functions import Cast, RowNumber, TruncDate
from django.utils import timezone

from automations import settings
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.runs import RunState

Runs = QuerySet[AutomationModel]

#: At most so many days stand in a chart.
MOST_DAYS = 90


@dataclass
class Figures:
    """
    What is counted of one automation.

    ``states`` counts runs by their state, ``waiting`` those that wait for people; ``overdue``
    counts tasks that people should have done. ``median`` and ``most`` are how long runs that have
    finished took: half of them no longer than the one, nine of ten no longer than the other.
    """

    states: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    overdue: int = 0
    begun: Counter[date] = field(default_factory=Counter)
    ended: Counter[date] = field(default_factory=Counter)
    median: timedelta | None = None
    most: timedelta | None = None


def figures(runs: Runs, since: datetime | None) -> dict[str, Figures]:
    """
    Return the figures of each automation that has any of ``runs``, by the name that runs carry.

    Two statements, whatever the number of runs. Days are those of the present offset of the
    current time zone, from ``since`` on, 90 at the most.
    """
    found: dict[str, Figures] = defaultdict(Figures)
    for path, kind, what, number in counted(runs, first_day(since)):
        one = found[path]
        match kind:
            case "state":
                one.states[what] += number
            case "begun" | "ended":
                getattr(one, kind)[date.fromisoformat(what[:10])] += number
            case _:
                setattr(one, kind, number)
    for path, took, place, of in quantiles(runs):
        # One that takes both places is the only one, or the longer half of two.
        if place * 10 < of * 5 + 10:
            found[path].median = took
        if place * 10 >= of * 9:
            found[path].most = took
    return dict(found)


def together(several: list[Figures]) -> Figures:
    """
    Return the figures of one automation whose runs carry several names.

    How long they take is that of the name that took longest: they are not counted together.
    """
    if len(several) == 1:
        return several[0]
    return Figures(
        states=sum((one.states for one in several), Counter()),
        waiting=sum(one.waiting for one in several),
        overdue=sum(one.overdue for one in several),
        begun=sum((one.begun for one in several), Counter()),
        ended=sum((one.ended for one in several), Counter()),
        median=max((one.median for one in several if one.median is not None), default=None),
        most=max((one.most for one in several if one.most is not None), default=None),
    )


def first_day(since: datetime | None) -> datetime:
    """Return the moment at which the first day of a chart begins."""
    today = timezone.localtime(settings.now()).replace(hour=0, minute=0, second=0, microsecond=0)
    earliest = today - timedelta(days=MOST_DAYS - 1)
    return max(since, earliest) if since else earliest


def days(since: datetime | None) -> list[date]:
    """Return the days of a chart."""
    first = timezone.localtime(first_day(since)).date()
    last = timezone.localtime(settings.now()).date()
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def counted(runs: Runs, first: datetime) -> Iterable[Any]:
    """Return, in one statement, what is counted: path, kind, what of it, how many."""
    runs = runs.order_by()
    asking = AutomationTaskModel.objects.offered().order_by()
    late = asking.filter(due_date__lt=settings.now())
    parts = [
        as_row(runs, "automation_class", "state", F("state"), Count("pk")),
        as_row(
            asking,
            "automation__automation_class",
            "waiting",
            Value(""),
            Count("automation", distinct=True),
        ),
        as_row(late, "automation__automation_class", "overdue", Value(""), Count("pk")),
    ]
    for kind, column in (("begun", "created"), ("ended", "ended")):
        some = runs.filter(**{f"{column}__gte": first})
        parts.append(as_row(some, "automation_class", kind, day_of(column), Count("pk")))
    rows: Iterable[Any] = parts[0].union(*parts[1:], all=True)
    return rows


def as_row(rows: Any, path: str, kind: str, what: Any, number: Any) -> Any:
    """Return a count as a part of the one statement: all parts have the same columns."""
    text = CharField()
    return (
        rows.annotate(kind=Value(kind, text), path=Cast(path, text), what=Cast(what, text))
        .values("path", "kind", "what")
        .annotate(number=number)
        .values_list("path", "kind", "what", "number")
    )


def day_of(column: str) -> Any:
    """
    Return the expression for the day of a moment, by the present offset of the current time zone.

    Not by its rules, for MariaDB and MySQL know these only if somebody has loaded them.
    """
    offset = timezone.localtime(settings.now()).utcoffset() or timedelta(0)
    moment = ExpressionWrapper(F(column) + offset, DateTimeField())
    return TruncDate(moment, tzinfo=UTC)


def quantiles(runs: Runs) -> Iterable[Any]:
    """
    Return two runs of each automation that have finished: path, how long, which place, of how many.

    One that half of them took no longer than, and one for nine of ten. By nearest rank: the place
    is the smallest that is at least so much of the number.
    """
    took = ExpressionWrapper(F("ended") - F("created"), DurationField())
    of_class = [F("automation_class")]
    placed = runs.filter(state=RunState.FINISHED).order_by().annotate(
        took=took,
        place=Window(RowNumber(), partition_by=of_class, order_by=[took, F("pk")]),
        of=Window(Count("pk"), partition_by=of_class),
    )  # fmt: skip
    return placed.annotate(
        tenfold=F("place") * 10, half=F("of") * 5, most=F("of") * 9
    ).filter(
        Q(tenfold__gte=F("half"), tenfold__lt=F("half") + 10)
        | Q(tenfold__gte=F("most"), tenfold__lt=F("most") + 10)
    ).values_list("automation_class", "took", "place", "of")  # fmt: skip
