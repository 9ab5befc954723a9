"""The picture of a process over all of its runs; what pages show of the picture of one run."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from automations import registry, settings
from automations.automation import Automation
from automations.definition.process import ProcessDefinition
from automations.diagrams.formats import FORMATS, offered
from automations.diagrams.outline import outline
from automations.diagrams.painting import Paint
from automations.diagrams.svg import drawn, picture_of
from automations.exceptions import ConverterMissing
from automations.history import about_process, subject_of
from automations.models import AutomationModel
from automations.pictured import is_drawn, process_paint, run_paint
from automations.views.dashboard import CHOICES, days_of, timespan
from automations.views.live import LivePage
from automations.views.runs import CHANGE_RUNS


class ProcessView(LoginRequiredMixin, PermissionRequiredMixin, TemplateView):
    """
    A process with what all of its runs say: counts, medians, and where time goes.

    ``?history=7`` looks at what was begun in the last seven days (30 if nothing is said, 0 is
    all). ``?format=svg`` answers with the file in one of the formats of `automation_diagram`. The
    template gets ``automation`` (a class), ``about``, ``picture``, ``outline`` and ``formats``.
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
            paints = wanted in FORMATS and FORMATS[wanted].paints
            paint = process_paint(definition, since) if paints else Paint()
            return download(definition, wanted, paint)
        paint = process_paint(definition, since)
        choices = CHOICES if back in CHOICES else (back, *CHOICES)
        context = self.get_context_data(
            automation=automation,
            name=automation.get_verbose_name(),
            about=about_process(automation),
            **shown(definition, paint, automation.get_verbose_name()),
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


def download(
    definition: ProcessDefinition, wanted: str, paint: Paint, of: str = ""
) -> HttpResponse:
    """Return the process as a file, in whose name it is said ``of`` what."""
    if wanted not in FORMATS:
        raise Http404(_("There is no such format."))
    one = FORMATS[wanted]
    try:
        made = one.make(definition, paint)
    except ConverterMissing as error:
        return HttpResponse(str(error), content_type="text/plain; charset=utf-8", status=404)
    response = HttpResponse(made, content_type=one.media_type)
    name = f"{definition.owner.__name__}{of}.{one.ending}"
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    response["X-Content-Type-Options"] = "nosniff"
    # It carries its stylesheet with it, which no policy for pages would let in.
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return response


def shown(definition: ProcessDefinition, paint: Paint, title: str) -> dict[str, Any]:
    """Return what a template shows: the picture, and the process in words."""
    picture = drawn(picture_of(definition, paint), paint, title=title, prefix="atm-picture")
    # Made here, and every text in it is escaped.
    return {
        "picture": mark_safe(picture),  # noqa: S308 - see above
        "outline": outline(definition, paint),
        "formats": {name: one.title for name, one in offered().items()},
        "path": definition.label,
    }


class RunPictureView(LoginRequiredMixin, PermissionRequiredMixin, LivePage, TemplateView):
    """
    The picture of a run: what is done, where it is, for whom it waits and until when.

    A node is a link to its latest task. ``?format=svg`` answers with the file, and so do the other
    formats of `automation_diagram`. The template gets ``automation`` (the run), ``subject``,
    ``picture``, ``outline`` and ``formats``. With ``part=live`` it answers without the frame.
    """

    http_method_names = ["get", "head", "options"]
    template_name = "automations/picture.html"
    permission_required = CHANGE_RUNS

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        run = get_object_or_404(AutomationModel, pk=kwargs["automation_id"])
        if not is_drawn(run):
            raise Http404(_("The code no longer has the process of this run."))
        history = reverse("automations:history", args=[run.pk])
        paint = run_paint(run, run.definition, lambda task: f"{history}?all=1#task-{task.pk}")
        wanted = request.GET.get("format")
        if wanted is not None:
            of = f"-{run.pk}" if wanted in FORMATS and FORMATS[wanted].paints else ""
            return download(run.definition, wanted, without_links(paint), of)
        names = {"number": run.pk, "name": run.get_automation_class().get_verbose_name()}
        title = _("Run %(number)s of %(name)s") % names
        context = self.get_context_data(
            automation=run, subject=subject_of(run), **shown(run.definition, paint, title)
        )
        return self.render_to_response(context)


def without_links(paint: Paint) -> Paint:
    """Return the paint for a file, in which links would lead nowhere."""
    return replace(paint, marks={name: replace(m, link="") for name, m in paint.marks.items()})
