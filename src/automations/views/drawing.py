"""What pages show of a picture: the SVG, its legend, the process in words, and the files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _

from automations.definition.process import ProcessDefinition
from automations.diagrams.formats import FORMATS, offered
from automations.diagrams.outline import outline
from automations.diagrams.painting import SIGNS, WORDS, Paint
from automations.diagrams.svg import drawn, picture_of
from automations.exceptions import ConverterMissing
from automations.models import AutomationModel, AutomationTaskModel
from automations.pictured import HEAT, is_drawn, run_paint

#: The id of the process in words, to which the picture leads.
IN_WORDS = "atm-in-words"


def shown(definition: ProcessDefinition, paint: Paint, title: str, files: str) -> dict[str, Any]:
    """Return what a template shows of a picture, whose ``files`` are at that address."""
    picture = picture_of(definition, paint)
    # Made here, and every text in it is escaped.
    text = mark_safe(  # noqa: S308 - see above
        drawn(picture, paint, title=title, prefix="atm-picture", details=IN_WORDS)
    )
    states = {mark.state for mark in paint.marks.values()}
    return {
        "picture": text,
        "in_words": IN_WORDS,
        "outline": outline(definition, paint),
        "legend": [(each, SIGNS.get(each, ""), WORDS[each]) for each in WORDS if each in states],
        "heat": sorted((degree, least) for least, degree in HEAT),
        "formats": {name: one.title for name, one in offered().items()},
        "files": files,
        "path": definition.label,
    }


def shown_run(run: AutomationModel, link: Callable[[AutomationTaskModel], str]) -> dict[str, Any]:
    """Return what a template shows of the picture of a run; nothing, if its process is gone."""
    if not is_drawn(run):
        return {}
    names = {"number": run.pk, "name": run.get_automation_class().get_verbose_name()}
    title = _("Run %(number)s of %(name)s") % names
    paint = run_paint(run, run.definition, link)
    return shown(run.definition, paint, title, reverse("automations:picture", args=[run.pk]))


def link_to(task: AutomationTaskModel) -> str:
    """Return the address of a task on the page of its run."""
    page = reverse("automations:history", args=[task.automation_id])
    return f"{page}?task={task.pk}#task-{task.pk}"


def download(
    definition: ProcessDefinition, wanted: str, paint: Paint, of: str = ""
) -> HttpResponse:
    """Return the process as a file, in whose name it is said ``of`` what."""
    if wanted not in FORMATS:
        raise Http404(_("There is no such format."))
    one = FORMATS[wanted]
    try:
        made = one.make(definition, without_links(paint))
    except ConverterMissing as error:
        return HttpResponse(str(error), content_type="text/plain; charset=utf-8", status=404)
    response = HttpResponse(made, content_type=one.media_type)
    name = f"{definition.owner.__name__}{of}.{one.ending}"
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    response["X-Content-Type-Options"] = "nosniff"
    # It carries its stylesheet with it, which no policy for pages would let in.
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return response


def without_links(paint: Paint) -> Paint:
    """Return the paint for a file, in which links would lead nowhere."""
    return replace(paint, marks={name: replace(m, link="") for name, m in paint.marks.items()})
