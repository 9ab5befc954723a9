"""The rows of one run, for reading: what happened, in order, with the branches told apart."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.paginator import Page, Paginator
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Count, F, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext_lazy as _
from django.views.debug import SafeExceptionReporterFilter

from automations.definition.options import subject_fields
from automations.definition.wording import readable
from automations.exceptions import AutomationError
from automations.models import AutomationAuditModel, AutomationModel, AutomationTaskModel
from automations.models.tasks import OPEN, TaskState

#: Deeper branches are not indented any further.
DEEPEST = 6
PAGE = 100
#: A node that was visited more often than this is folded, to as many first and last visits.
FEW, ENDS = 6, 2
#: How many completed forms stand above the next one.
FORMS = 5
#: What the engine itself notes on tasks, in English whoever triggers it, as people read it.
NOTES = {
    "Again": _("Again"),
    "Arrived": _("Arrived"),
    "False": _("False"),
    "Joined": _("Joined"),
    "OK": _("OK"),
    "Split": _("Split"),
    "The run has ended": _("The run has ended"),
    "True": _("True"),
    "cancelled by a person": _("cancelled by a person"),
    "skipped": _("skipped"),
    "skipped by a person": _("skipped by a person"),
    "timed out": _("timed out"),
}


@dataclass(frozen=True)
class Names:
    """How a task is called where people read; ``about`` is what its process is."""

    automation: str
    node: str
    description: str = ""
    subject: str = ""
    about: str = ""

    @classmethod
    def of(cls, task: AutomationTaskModel) -> Names:
        """Return the names of ``task``, also if the code no longer knows its class or node."""
        run, about = task.automation, ""
        try:
            node = run.definition.nodes.get(task.status)
            about = about_process(run.get_automation_class())
        except AutomationError:
            node = None
        described = node.description if node else ""
        return cls(automation_name(run), readable(task.status), described, subject_of(run), about)


@dataclass(frozen=True)
class Entry:
    """
    One task of a run, with its names, how deep its branch is, and who completed it.

    ``folded`` is how many tasks before it are left out, for they only say the same again, and
    ``there`` on which page of the whole history they begin.
    """

    task: AutomationTaskModel
    names: Names
    depth: int
    act: AutomationAuditModel | None
    folded: int = 0
    there: int = 1


def automation_name(run: AutomationModel) -> str:
    """Return the name of the run's automation, also if the code no longer has it."""
    try:
        return str(run.get_automation_class().get_verbose_name())
    except AutomationError:
        return str(_("Obsolete automation %s") % run.automation_class.rpartition(".")[2])


def about_process(automation: type) -> str:
    """Return how the docstring of an automation begins; "" if it has none of its own."""
    described = (vars(automation).get("__doc__") or "").strip().partition("\n\n")[0]
    return " ".join(described.split())


def subject_of(run: AutomationModel) -> str:
    """
    Return what tells the run from others, as its class says in ``Meta.subject``; "" if nothing.

    What its data lacks is left out, and what is called like a secret is hidden.
    """
    try:
        subject = run.definition.options.subject
    except AutomationError:
        return ""
    data = run.data if isinstance(run.data, dict) else {}
    values = {
        name: "" if data.get(name) is None else without_secrets(name, data[name])
        for name in subject_fields(subject)
    }
    return " ".join(subject.format_map(values).split())


def span_of(took: timedelta) -> str:
    """Return how long something took, in words: in the two largest units that it has."""
    seconds = max(0, round(took.total_seconds()))
    units = [(86400, _("%d d")), (3600, _("%d h")), (60, _("%d min")), (1, _("%d s"))]
    first = next(place for place, (size, text) in enumerate(units) if seconds >= size or size == 1)
    parts: list[str] = []
    for size, text in units[first : first + 2]:
        number, seconds = divmod(seconds, size)
        if number or not parts:
            parts.append(str(text) % number)
    return " ".join(parts)


def note(task: AutomationTaskModel) -> str:
    """Return the message of ``task``, translated if the engine itself has written it."""
    return str(NOTES.get(task.message, task.message))


def fold(tasks: QuerySet[AutomationTaskModel]) -> QuerySet[AutomationTaskModel]:
    """
    Return ``tasks`` without the middle of loops, each with its ``place`` among all of them.

    Of a node that was visited often stay the first visits and the last ones, and whatever is open
    or has failed.
    """
    numbered = tasks.annotate(
        place=Window(RowNumber(), order_by="pk"),
        visit=Window(RowNumber(), order_by="pk", partition_by=F("status")),
        visits=Window(Count("pk"), partition_by=F("status")),
    )
    telling = Q(state__in=[*OPEN, TaskState.FAILED])
    ends = Q(visit__lte=ENDS) | Q(visit__gt=F("visits") - ENDS)
    return numbered.filter(telling | ends | Q(visits__lte=FEW)).order_by("pk")


def result_of(task: AutomationTaskModel) -> str:
    """
    Return what the work of ``task`` has returned, as JSON; what is called like a secret is hidden.

    "" if that is nothing, or what the engine itself notes.
    """
    if task.result is None or task.message == "Joined":
        return ""
    return as_json(without_secrets("", task.result))


def entries(
    run: AutomationModel,
    number: Any,
    *,
    whole: bool = False,
    task: int | None = None,
    told: Sequence[AutomationAuditModel] | None = None,
) -> tuple[list[Entry], Page[AutomationTaskModel]]:
    """
    Return the tasks on one page of the history of ``run``, oldest first, and the page.

    Loops are folded, unless the ``whole`` is wanted. The page is the one on which ``task`` is, the
    primary key of one, if that is given. ``told`` are the `acts` on the run, if they are known. The
    number of queries does not depend on how many tasks the run has.
    """
    tasks = run.automationtaskmodel_set.order_by("pk")
    found = tasks if whole else fold(tasks)
    if task is not None:
        before = tasks.filter(pk__in=found.order_by().values("pk"), pk__lt=task)
        number = before.count() // PAGE + 1
    page, shown, more = _page(found, number)
    last = 0 if whole else sum(one.place for one in shown[:more])
    shown = shown[more:]
    forks: dict[int, int | None] = {}
    if any(one.fork_id is not None for one in shown):
        # As a set of the run's own rows: no database is led through all branches of all runs.
        inside = run.automationtaskmodel_set.filter(fork__isnull=False).values("fork")
        forks |= tasks.filter(pk__in=inside).values_list("pk", "fork_id")
    by_task = {act.task_id: act for act in _completions(shown, told)}
    listed = []
    for one in shown:
        one.automation = run
        folded = 0 if whole else one.place - last - 1
        there = last // PAGE + 1
        act = by_task.get(one.pk)
        listed.append(Entry(one, Names.of(one), depth(one, forks), act, folded, there))
        last += folded + 1
    return listed, page


def _page(
    found: QuerySet[AutomationTaskModel], number: Any
) -> tuple[Page[AutomationTaskModel], list[Any], int]:
    """
    Return the page of the tasks, its rows, and how many of them are from the page before.

    That is the last one there, by which one knows what is left out in between. If all are on the
    first page, nobody has to count them.
    """
    if str(number or 1) == "1":
        rows = list(found[: PAGE + 1])
        if len(rows) <= PAGE:
            return Paginator(rows, PAGE).get_page(1), rows, 0
    page = Paginator(found, PAGE).get_page(number)
    begin = max(0, page.start_index() - 1)
    more = min(begin, 1)
    return page, list(found[begin - more : begin + PAGE]), more


def _completions(
    tasks: Sequence[AutomationTaskModel], told: Sequence[AutomationAuditModel] | None
) -> Iterable[AutomationAuditModel]:
    """Return who has completed the tasks: of the acts that are known, if they are all of them."""
    done = AutomationAuditModel.Action.COMPLETE
    if told is not None and len(told) < PAGE:
        return [act for act in told if act.action == done]
    return AutomationAuditModel.objects.filter(task__in=tasks, action=done)


def so_far(run: AutomationModel) -> list[tuple[str, AutomationAuditModel]]:
    """Return the latest forms of ``run`` that people have completed, with their nodes' names."""
    done = run.automationauditmodel_set.filter(action=AutomationAuditModel.Action.COMPLETE)
    latest = list(done.select_related("task").order_by("-time", "-pk")[:FORMS])
    return [(readable(act.task.status) if act.task else "", act) for act in reversed(latest)]


def acts(run: AutomationModel) -> list[AutomationAuditModel]:
    """Return the latest acts of people on ``run``, the latest first: at most as many as a page."""
    found = run.automationauditmodel_set.select_related("task").order_by("-time", "-pk")
    return list(found[:PAGE])


def data_of(run: AutomationModel) -> list[tuple[str, str]]:
    """
    Return the data of ``run`` by name, each as it would be written in JSON; texts as they are.

    What is called like a secret is hidden, by the rules of Django's own error reports.
    """
    if not isinstance(run.data, dict):
        return []
    shown = ((name, without_secrets(name, value)) for name, value in sorted(run.data.items()))
    return [(name, value if isinstance(value, str) else as_json(value)) for name, value in shown]


def changes_of(act: AutomationAuditModel) -> str:
    """Return what ``act`` has changed or sent, as JSON; what is called like a secret is hidden."""
    return as_json(without_secrets("", act.changes))


def without_secrets(name: str, value: Any) -> Any:
    """Return ``value``, which is called ``name``, with stars for what is called like a secret."""
    return SafeExceptionReporterFilter().cleanse_setting(name, value)


def as_json(value: Any) -> str:
    """Return ``value`` as JSON that people can read."""
    return json.dumps(value, ensure_ascii=False, cls=DjangoJSONEncoder)


def depth(task: AutomationTaskModel, forks: Mapping[int, int | None]) -> int:
    """Return in how many branches, one inside the other, the task is."""
    deep, fork = 0, task.fork_id
    while fork is not None and deep < DEEPEST:
        deep, fork = deep + 1, forks.get(fork)
    return deep
