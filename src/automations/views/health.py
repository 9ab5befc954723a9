"""How the automations are, for a monitor: JSON, for whoever knows the token."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, InterfaceError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.generic import View

from automations import settings
from automations.health import Limits, read


class HealthView(View):
    """
    200 if all is well, else 503; the same JSON either way.

    The token stands in the header ``Authorization: Bearer ...``; without it the answer is 401,
    and 404 in a project without ``ATM_HEALTH_TOKEN``. The parameters are those of the command
    ``automation_health``: ``?max-incidents=5``.
    """

    http_method_names = ["get", "head"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        token = settings.get("ATM_HEALTH_TOKEN")
        if not token:
            raise Http404
        answer: HttpResponseBase
        if knows(request, token):
            answer = super().dispatch(request, *args, **kwargs)
        else:
            answer = HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
        answer["Cache-Control"] = "no-store"
        return answer

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        given = {name.replace("-", "_"): value for name, value in request.GET.items()}
        try:
            limits = Limits.of(given)
        except ValueError:
            return JsonResponse({"error": "A limit is no number."}, status=400)
        try:
            report = read().report(limits)
        except (DatabaseError, InterfaceError):
            report = {"ok": False, "problems": ["The database is in trouble."]}
        return JsonResponse(report, status=200 if report["ok"] else 503)


def knows(request: HttpRequest, token: str) -> bool:
    """Return whether the request carries the token."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    given = given.strip().encode("utf-8", "replace").decode()
    return constant_time_compare(given, token) and scheme.lower() == "bearer"
