"""What rows say for the picture of a process: how far one run is, where the time of all goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import RowNumber
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from automations.definition.process import ProcessDefinition
from automations.diagrams.painting import SIGNS, TIMES, Mark, Paint, State
from automations.exceptions import AutomationError
from automations.history import span_of
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.runs import RunState
from automations.models.tasks import OPEN, TaskState

#: From which share of all time on a node is so hot, in percent.
HEAT = ((40, 5), (25, 4), (12, 3), (5, 2), (1, 1))
#: What an `If` notes, as the label of the way that it takes then.
ANSWER = Case(
    When(previous__message="True", then=Value("yes")),
    When(previous__message="False", then=Value("no")),
    default=Value(""),
    output_field=CharField(),
)

STATES = {
    TaskState.READY: State.HERE,
    TaskState.WAITING: State.WAITING,
    TaskState.COMPLETED: State.DONE,
    TaskState.SKIPPED: State.SKIPPED,
    TaskState.FAILED: State.FAILED,
    TaskState.CANCELLED: State.CANCELLED,
    # Of a run that is over: what has come to a Join that was never passed.
    TaskState.MERGED: State.CANCELLED,
}
#: A run that stands so waits for nothing any more.
OVER = (RunState.FINISHED, RunState.CANCELLED)


Tasks = QuerySet[AutomationTaskModel]
#: The names of two nodes that were visited one after the other.
Way = tuple[str, str]


def is_drawn(run: AutomationModel) -> bool:
    """Return whether the code still has the process of a run, so that it has a picture."""
    try:
        return bool(run.definition.nodes)
    except AutomationError:
        return False


def run_paint(
    run: AutomationModel,
    definition: ProcessDefinition,
    link: Callable[[AutomationTaskModel], str] = lambda task: "",
) -> Paint:
    """
    Return how far ``run`` is: in one query, whatever the number of its tasks.

    Each node is as its latest task is, or as one that is open or has failed. ``link`` returns
    where a click on the node of a task leads; "" for nowhere.
    """
    shown: dict[str, tuple[AutomationTaskModel, int]] = {}
    found: set[tuple[str, str, str]] = set()
    for task in telling(run):
        if task.previous_id is not None:
            found.add((task.before, task.status, task.answer))
        if task.status not in shown or weight(task) >= weight(shown[task.status][0]):
            shown[task.status] = task, task.visits
    marks = dict.fromkeys(definition.nodes, Mark(State.NEVER))
    for name, (task, count) in shown.items():
        if name in definition.nodes:
            arrived = task.state == TaskState.MERGED
            state = STATES[TaskState(task.state)]
            note = note_of(task)
            if arrived and run.state not in OVER:
                state, note = State.WAITING, _("for the other branches")
            marks[name] = Mark(state, note, 1 if arrived else count, link=link(task))
    return Paint(MappingProxyType(marks), *ways(found))


def telling(run: AutomationModel) -> Iterable[Any]:
    """
    Return the latest task of each node in each state, and of each way to it, oldest first.

    Each has ``visits``, how many its node has had; ``before``, the node before it; and ``answer``,
    the way that an `If` has chosen there.
    """
    tasks = AutomationTaskModel.objects.filter(automation=run)
    state: list[Any] = ["status", "state"]
    way: list[Any] = ["status", "previous__status", ANSWER]
    numbered = tasks.select_related("interaction_user", "interaction_group", "taken_by").annotate(
        before=F("previous__status"),
        answer=ANSWER,
        visits=Window(Count("pk"), partition_by=[F("status")]),
        of_state=Window(RowNumber(), partition_by=state, order_by=["-pk"]),
        of_way=Window(RowNumber(), partition_by=way, order_by=["-pk"]),
    )
    return numbered.filter(Q(of_state=1) | Q(of_way=1)).order_by("pk")


def ways(
    found: Iterable[tuple[str, str, str]],
) -> tuple[frozenset[Way], Mapping[Way, frozenset[str]]]:
    """Return which nodes came after which, and by which answers, where all are known."""
    answers: dict[Way, set[str]] = {}
    for before, after, answer in found:
        answers.setdefault((before, after), set()).add(answer)
    known = {way: frozenset(given) for way, given in answers.items() if "" not in given}
    return frozenset(answers), MappingProxyType(known)


def weight(task: AutomationTaskModel) -> int:
    """Return how much a task says of its node: what needs somebody before what is over."""
    if task.state == TaskState.FAILED:
        return 3
    return 2 if task.state in OPEN else 1 if task.state != TaskState.MERGED else 0


def note_of(task: AutomationTaskModel) -> str:
    """Return for whom a task waits and until when, or what has gone wrong."""
    if task.state == TaskState.FAILED:
        return task.error.rpartition(".")[2] or _("error")
    if task.state not in OPEN:
        return ""
    until = task.due_date if task.requires_interaction else task.due
    parts = []
    if task.requires_interaction:
        asked = [task.interaction_user, task.interaction_group]
        if task.taken_by:  # nobody else completes it then
            asked = [task.taken_by]
        whom = [str(each) for each in asked if each]
        whom += [] if whom else sorted(task.interaction_permissions or [])
        parts.append(_("for %s") % ", ".join(whom) if whom else _("for anybody"))
    if until:
        parts.append(_("until %s") % moment(until))
    return "\n".join(parts)


def moment(given: datetime) -> str:
    """Return a moment as it is said at a picture."""
    return formats.date_format(timezone.localtime(given), "SHORT_DATETIME_FORMAT")


# Over all runs


def process_paint(definition: ProcessDefinition, since: datetime | None = None) -> Paint:
    """
    Return how often each node was done, how long it took half of the times, and where time goes.

    That is of tasks that were opened from ``since`` on (an aware datetime; of all by default) and
    are over; and how many stand where now. That takes four queries, whatever their number.
    """
    tasks = over(definition, since)
    spent = {row["status"]: row for row in totals(tasks)}
    halves = dict(medians(tasks))
    rows = tasks.exclude(previous=None).order_by().annotate(answer=ANSWER)
    found = rows.values_list("previous__status", "status", "answer").distinct()
    whole = sum((row["time"] or timedelta() for row in spent.values()), timedelta())
    standing = standing_now(definition)
    marks = {}
    for name in definition.nodes:
        if name in spent or name in standing:
            row = spent.get(name, {"n": 0, "time": None})
            share = percent(row["time"], whole)
            parts = [*told(row["n"], halves.get(name, timedelta()), share), *standing.get(name, [])]
            heat = next((degree for least, degree in HEAT if share >= least), 0)
            note = "\n".join(each.note for each in parts)
            marks[name] = Mark(note=note, heat=heat, said=", ".join(each.said for each in parts))
    return Paint(MappingProxyType(marks), *ways(found))


@dataclass(frozen=True)
class Told:
    """A line of what stands at a node, and what is said of it in words."""

    note: str
    said: str


def told(number: int, took: timedelta, share: int) -> Iterator[Told]:
    """Yield what stands at a node in each line, with the same in words: what is over."""
    if number:
        note, words = (
            f"{number}{TIMES}",
            [ngettext("done %d time", "done %d times", number) % number],
        )
        if share:
            note += f" · {share}\N{NO-BREAK SPACE}%"
            words.append(_("%d%% of all time") % share)
        yield Told(note, ", ".join(words))
    if took >= timedelta(seconds=1):
        span = span_of(took)
        note = span.replace(" ", "\N{NO-BREAK SPACE}")
        yield Told(note, _("half of the times in at most %s") % span)


def standing_now(definition: ProcessDefinition) -> Mapping[str, list[Told]]:
    """Return how many runs stand at each node now, and how many have failed there."""
    now = Count("pk", filter=Q(state__in=OPEN))
    tasks = AutomationTaskModel.objects.filter(
        automation__automation_class__in=definition.labels, state__in=[*OPEN, TaskState.FAILED]
    )
    found = {}
    for row in tasks.order_by().values("status").annotate(now=now, all=Count("pk")):
        here, failed = row["now"], row["all"] - row["now"]
        signs = [f"{SIGNS[State.HERE]} {here}"] * bool(here)
        signs += [f"{SIGNS[State.FAILED]} {failed}"] * bool(failed)
        words = [_("%d here now") % here] * bool(here) + [_("%d failed") % failed] * bool(failed)
        found[row["status"]] = [Told(" · ".join(signs), ", ".join(words))]
    return found


TOOK = ExpressionWrapper(F("finished") - F("created"), DurationField())


def over(definition: ProcessDefinition, since: datetime | None) -> Tasks:
    """Return the tasks of all runs of the process that are over."""
    tasks = AutomationTaskModel.objects.filter(
        automation__automation_class__in=definition.labels,
        state__in=[TaskState.COMPLETED, TaskState.SKIPPED],
    )
    return tasks.filter(created__gte=since) if since else tasks


def totals(tasks: Tasks) -> Iterable[Mapping[str, Any]]:
    """Return how often each node was done, and how long in all."""
    rows: Any = tasks.order_by().values("status").annotate(n=Count("pk"), time=Sum(TOOK))
    return rows  # type: ignore[no-any-return] # dictionaries


def medians(tasks: Tasks) -> Iterable[tuple[str, timedelta]]:
    """Return how long each node took half of the times at the most, by nearest rank."""
    placed = tasks.order_by().annotate(
        took=TOOK,
        place=Window(RowNumber(), partition_by=[F("status")], order_by=[TOOK, F("pk")]),
        of=Window(Count("pk"), partition_by=[F("status")]),
    )  # fmt: skip
    middle = placed.annotate(twice=F("place") * 2).filter(twice__gte=F("of"), twice__lt=F("of") + 2)
    return middle.values_list("status", "took")


def percent(part: timedelta | None, whole: timedelta) -> int:
    """Return the share of ``part``, in whole percent."""
    return round(100 * (part or timedelta()) / whole) if whole else 0
