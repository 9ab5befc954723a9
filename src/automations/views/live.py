"""Parts of pages that are kept up to date: by `live.js` of the package, or by htmx."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import View

from automations import settings
from automations.history import Names, automation_name
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.runs import RunState

#: Asked for with this, a page comes without its frame.
PART = "part"
SALT = "automations.status"
#: Seconds for which a page that shows a status is kept up to date.
LONGEST = 24 * 60 * 60
STATUS = "automations/includes/status.html"


@dataclass(frozen=True)
class Live:
    """Where a part of a page is fetched anew, and after how many seconds each time."""

    address: str
    seconds: str

    @classmethod
    def at(cls, address: str) -> Live | None:
        """Return the part at ``address``; None if ``ATM_REFRESH`` is 0."""
        seconds = settings.get("ATM_REFRESH")
        return cls(address, str(seconds)) if seconds else None


class LivePage:
    """
    A page whose part with the id ``atm-live`` is kept up to date.

    Asked for with ``?part=live`` it answers without the frame of the site: by the same view, with
    the same rights, from the same template and whatever a project has put into its blocks.
    """

    request: HttpRequest

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the context with ``frame``, ``live`` and ``address``, that of the whole page."""
        asked = self.request.GET.copy()
        part = asked.pop(PART, None)
        whole = self.request.path + ("?" + asked.urlencode() if asked else "")
        asked[PART] = "live"
        live = Live.at(f"{self.request.path}?{asked.urlencode()}")
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc] # a view's
        context["frame"] = "automations/fragment.html" if part else "automations/base.html"
        context["address"] = whole
        # What somebody has sent and has to look at is not replaced.
        context["live"] = live if self.request.method == "GET" else None
        return context


class StatusView(View):
    """
    Where a run stands, for whoever was shown it by ``{% automation_status %}``, and nobody else.

    The address is signed: it says which run, which user (or that nobody was logged in) and which
    template. It is good for a day; after that, and for any other user, it answers 404.
    """

    http_method_names = ["get", "head", "options"]

    run: AutomationModel
    template: str

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            key, user, template = signing.loads(kwargs["signed"], salt=SALT, max_age=LONGEST)
        except (signing.BadSignature, ValueError, TypeError):
            key = user = template = None
        run = AutomationModel.objects.filter(pk=key).first() if key is not None else None
        if run is None or user != who(request):
            raise Http404(_("There is no such run."))
        self.run, self.template = run, template
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        context = status_of(self.run, request, self.template)
        response = render(request, self.template, context)
        response["Cache-Control"] = "no-store"
        return response


def who(request: HttpRequest | None) -> str | None:
    """Return the primary key of whoever makes the request; None if nobody is logged in."""
    user = getattr(request, "user", None)
    return str(user.pk) if user is not None and user.is_authenticated else None


def status_of(
    run: AutomationModel, request: HttpRequest | None, template: str = STATUS
) -> dict[str, Any]:
    """
    Return what a template says of where ``run`` stands; it takes one query.

    ``run``, ``automation`` (its name), ``standing`` (its open tasks, each with its names) and
    ``live``.
    """
    tasks = AutomationTaskModel.objects.filter(automation=run).open().order_by("pk")
    standing = []
    for task in tasks:
        task.automation = run
        standing.append((task, Names.of(task)))
    signed = signing.dumps([run.pk, who(request), template], salt=SALT, compress=True)
    over = run.state in (RunState.FINISHED, RunState.CANCELLED)
    live = None if over else Live.at(reverse("automations:status", args=[signed]))
    return {
        "run": run,
        "automation": automation_name(run),
        "standing": standing,
        "live": live,
    }
