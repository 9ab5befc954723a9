"""The dashboard: a card for each automation that has something to show."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from automations import settings
from automations.exceptions import AutomationNotFound
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.runs import ALIVE, RunState

logger = logging.getLogger("automations")

#: How many days the dashboard looks back; 0 is all of them, and so is more than the greatest.
USUAL_DAYS, MOST_DAYS = 30, 36_500
CHOICES = (7, USUAL_DAYS, 90, 0)

Runs = QuerySet[AutomationModel]
Card = dict[str, Any]


class TaskDashboardView(LoginRequiredMixin, PermissionRequiredMixin, TemplateView):
    """
    How many runs of each automation go on, wait for people, have failed, have ended.

    ``?history=7`` looks back seven days (30 if nothing is said, 0 is everything). What goes on
    or was stopped by an error is always there, whatever its age. The template gets
    ``automations``, a list of the cards that `cards` makes, and ``timespan``, a text.
    """

    template_name = "automations/dashboard.html"
    permission_required = (
        "automations.view_automationmodel",
        "automations.view_automationtaskmodel",
    )

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        days = days_of(self.request.GET.get("history", ""))
        choices = CHOICES if days in CHOICES else (days, *CHOICES)
        return super().get_context_data(
            automations=cards(recent(days)),
            days=days,
            timespan=timespan(days),
            timespans=[(choice, timespan(choice), choice == days) for choice in choices],
            **kwargs,
        )


#: The name that the documentation has for it.
DashboardView = TaskDashboardView


def days_of(text: str) -> int:
    """Return the number of days that ``text`` says: the usual ones for nonsense, 0 for all."""
    if not (text.isascii() and text.isdigit()):
        return USUAL_DAYS
    digits = text.lstrip("0") or "0"
    if len(digits) > len(str(MOST_DAYS)) or int(digits) > MOST_DAYS:
        return 0
    return int(digits)


def timespan(days: int) -> str:
    """Return ``days`` as words."""
    if days == 0:
        return _("All time")
    return _("Last 24 hours") if days == 1 else _("Last %d days") % days


def recent(days: int) -> Runs:
    """Return the runs that go on or were stopped by an error, and those ended in ``days``."""
    runs = AutomationModel.objects.order_by("-created", "-pk")
    if not days:
        return runs
    since = settings.now() - timedelta(days=days)
    return runs.filter(Q(state__in=[*ALIVE, RunState.FAILED]) | Q(ended__gte=since))


def cards(runs: Runs) -> list[Card]:
    """
    Return a card for each automation that has any of ``runs``, by name.

    A card is a dictionary: ``cls`` (the dotted path), ``verbose_name``, ``verbose_name_plural``;
    ``running``, ``finished``, ``failed`` and ``cancelled``, querysets of runs; ``counts``, how
    many there are in each state, with ``running`` (suspended ones included) and ``waiting``
    (those that wait for people); ``dashboard_template``; ``dashboard``, what the automation's
    ``get_dashboard_context()`` returns; ``error``, whether that has failed. An automation whose
    ``Meta.dashboard_template`` is None has no card. Two queries, whatever the number of runs.
    """
    states: dict[str, Counter[str]] = defaultdict(Counter)
    rows = runs.order_by().values_list("automation_class", "state").annotate(Count("pk"))
    for path, state, number in rows:
        states[path][state] = number
    asking = AutomationTaskModel.objects.offered().values_list("automation__automation_class")
    for path, number in asking.annotate(Count("automation", distinct=True)):
        states[path]["waiting"] = number
    found = (card(cls, paths, runs, states) for cls, paths in grouped(states).items())
    shown = [one for one in found if one["dashboard_template"] is not None]
    return sorted(shown, key=lambda one: (one["verbose_name_plural"].casefold(), one["cls"]))


def grouped(paths: Iterable[str]) -> dict[Any, list[str]]:
    """
    Return ``paths``, as runs know their classes, by the automation they lead to.

    A class that has been renamed and is still found by its former path has its runs of either
    name together. A path that the code no longer knows stands for itself.
    """
    found: dict[Any, list[str]] = defaultdict(list)
    for path in paths:
        try:
            found[AutomationModel(automation_class=path).get_automation_class()].append(path)
        except AutomationNotFound:
            found[path].append(path)
    return found


def card(cls: Any, paths: list[str], runs: Runs, states: dict[str, Counter[str]]) -> Card:
    """Return the card of an automation, a class or the path of one that is gone."""
    runs = runs.filter(automation_class__in=paths)
    counts = sum((states[path] for path in paths), Counter())
    shown: Card = {
        "running": runs.filter(state__in=ALIVE),
        "finished": runs.filter(state=RunState.FINISHED),
        "failed": runs.filter(state=RunState.FAILED),
        "cancelled": runs.filter(state=RunState.CANCELLED),
        "counts": {
            "waiting": counts["waiting"],
            **{state: counts[state] for state in RunState.values},
            "running": sum(counts[state] for state in ALIVE),
        },
        "dashboard_template": "",
        "dashboard": {},
        "error": False,
    }
    if isinstance(cls, str):
        name = cls.rpartition(".")[2]
        return shown | {
            "cls": cls,
            "verbose_name": _("Obsolete automation %s") % name,
            "verbose_name_plural": _("Obsolete automations %s") % name,
        }
    shown |= {
        "cls": cls.get_automation_name(),
        "verbose_name": cls.get_verbose_name(),
        "verbose_name_plural": cls.get_verbose_name_plural(),
        "dashboard_template": cls._option("dashboard_template", ""),
    }
    if shown["dashboard_template"] is not None:
        try:
            shown["dashboard"] = dict(cls.get_dashboard_context(runs))
        except Exception:  # whatever the author's code raises costs one card only
            logger.exception("%s.get_dashboard_context() has failed.", shown["cls"])
            shown["error"] = True
    return shown
