"""The dashboard: a card for each automation that has something to show."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from automations import settings
from automations.charts import Chart
from automations.exceptions import AutomationNotFound
from automations.figures import Figures, days, figures, together
from automations.models import AutomationModel
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
        back = days_of(self.request.GET.get("history", ""))
        choices = CHOICES if back in CHOICES else (back, *CHOICES)
        return super().get_context_data(
            automations=cards(
                recent(back), settings.now() - timedelta(days=back) if back else None
            ),
            days=back,
            timespan=timespan(back),
            timespans=[(choice, timespan(choice), choice == back) for choice in choices],
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


def cards(runs: Runs, since: datetime | None = None) -> list[Card]:
    """
    Return a card for each automation that has any of ``runs``, by name; charts begin at ``since``.

    A card is a dictionary: ``cls`` (the dotted path), ``verbose_name``, ``verbose_name_plural``;
    ``running``, ``finished``, ``failed`` and ``cancelled``, querysets of runs; ``counts``, how
    many there are in each state, with ``running`` (suspended ones included) and ``waiting``
    (those that wait for people); ``overdue``, tasks that people should have done; ``median`` and
    ``most``, how long those that have finished took, half of them and nine of ten at the most;
    ``chart``, what began and ended on each day (`Chart`); ``dashboard_template``; ``dashboard``,
    what the automation's ``get_dashboard_context()`` returns; ``error``, whether that has failed.
    An automation whose ``Meta.dashboard_template`` is None has no card. Two queries, whatever the
    number of runs. ``drawn``: whether there is a page with its picture.
    """
    counted = figures(runs, since)
    found = (
        card(cls, runs.filter(automation_class__in=paths), [counted[path] for path in paths], since)
        for cls, paths in grouped(counted).items()
    )
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


def card(cls: Any, runs: Runs, counted: list[Figures], since: datetime | None) -> Card:
    """Return the card of an automation, a class or the path of one that is gone."""
    all_of_it = together(counted)
    counts = all_of_it.states
    shown: Card = {
        "running": runs.filter(state__in=ALIVE),
        "finished": runs.filter(state=RunState.FINISHED),
        "failed": runs.filter(state=RunState.FAILED),
        "cancelled": runs.filter(state=RunState.CANCELLED),
        "counts": {
            "waiting": all_of_it.waiting,
            **{state: counts[state] for state in RunState.values},
            "running": sum(counts[state] for state in ALIVE),
        },
        "overdue": all_of_it.overdue,
        "median": all_of_it.median,
        "most": all_of_it.most,
        "chart": Chart.of(all_of_it, days(since)),
        "dashboard_template": "",
        "drawn": False,
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
        "drawn": True,
    }
    if shown["dashboard_template"] is not None:
        try:
            shown["dashboard"] = dict(cls.get_dashboard_context(runs))
        except Exception:  # whatever the author's code raises costs one card only
            logger.exception("%s.get_dashboard_context() has failed.", shown["cls"])
            shown["error"] = True
    return shown
