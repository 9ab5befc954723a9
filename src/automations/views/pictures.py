"""The picture of a process over all of its runs, and that of one run on a page of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from automations import registry, settings
from automations.automation import Automation
from automations.diagrams.formats import FORMATS
from automations.diagrams.painting import NOTHING
from automations.history import about_process, subject_of
from automations.models import AutomationModel
from automations.pictured import is_drawn, process_paint, run_paint
from automations.views.dashboard import CHOICES, days_of, timespan
from automations.views.drawing import download, link_to, shown, shown_run
from automations.views.live import LivePage
from automations.views.runs import CHANGE_RUNS


class ProcessView(LoginRequiredMixin, PermissionRequiredMixin, TemplateView):
    """
    A process with what all of its runs say: counts, medians, and where time goes.

    ``?history=7`` looks at what was begun in the last seven days (30 if nothing is said, 0 is
    all). ``?format=svg`` answers with the file in one of the formats of `automation_diagram`. The
    template gets ``automation`` (a class), ``about``, ``picture``, ``outline``, ``heat``,
    ``formats`` and ``files``.
    """

    http_method_names = ["get", "head", "options"]
    template_name = "automations/process.html"
    permission_required = (
        "automations.view_automationmodel",
        "automations.view_automationtaskmodel",
    )

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        automation = found(kwargs["automation"])
        back = days_of(request.GET.get("history", ""))
        since = settings.now() - timedelta(days=back) if back else None
        wanted = request.GET.get("format")
        definition = automation._meta
        if wanted is not None:
            paint = process_paint(definition, since) if paints(wanted) else NOTHING
            return download(definition, wanted, paint)
        paint = process_paint(definition, since)
        choices = CHOICES if back in CHOICES else (back, *CHOICES)
        context = self.get_context_data(
            automation=automation,
            name=automation.get_verbose_name(),
            about=about_process(automation),
            **shown(definition, paint, automation.get_verbose_name(), request.path),
            days=back,
            timespans=[(choice, timespan(choice), choice == back) for choice in choices],
        )
        return self.render_to_response(context)


def found(path: str) -> type[Automation]:
    """Return the automation with this dotted path, of those that the project has."""
    for automation in registry.automations():
        if automation.get_automation_name() == path:
            return automation
    raise Http404(_("There is no such automation."))


def paints(wanted: str) -> bool:
    """Return whether what was asked for is a format in which something is painted."""
    return wanted in FORMATS and FORMATS[wanted].paints


class RunPictureView(LoginRequiredMixin, PermissionRequiredMixin, LivePage, TemplateView):
    """
    The picture of a run on a page of its own, in full width.

    A node is a link to its latest task. ``?format=svg`` answers with the file, and so do the other
    formats of `automation_diagram`. The template gets ``automation`` (the run), ``subject``,
    ``picture``, ``legend``, ``outline``, ``formats`` and ``files``. With ``part=live`` it answers
    without the frame.
    """

    http_method_names = ["get", "head", "options"]
    template_name = "automations/picture.html"
    permission_required = CHANGE_RUNS

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        run = get_object_or_404(AutomationModel, pk=kwargs["automation_id"])
        if not is_drawn(run):
            raise Http404(_("The code no longer has the process of this run."))
        wanted = request.GET.get("format")
        if wanted is None:
            context = self.get_context_data(
                automation=run, subject=subject_of(run), **shown_run(run, link_to)
            )
            return self.render_to_response(context)
        if paints(wanted):
            return download(run.definition, wanted, run_paint(run, run.definition), f"-{run.pk}")
        return download(run.definition, wanted, NOTHING)
