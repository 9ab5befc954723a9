"""A message from outside: a page that asks whether to send it, and what sends it."""

from __future__ import annotations

import json
import logging
from typing import Any, NoReturn

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.generic import View

from automations import payload, settings
from automations.definition.receivers import prepare
from automations.definition.wording import readable
from automations.delivery import create, send
from automations.engine.locking import runs
from automations.engine.receiving import Message
from automations.exceptions import (
    AutomationError,
    AutomationNotFound,
    InvalidData,
    MessageRefused,
    RunBusy,
)
from automations.history import subject_of
from automations.message_links import Link, read
from automations.models import AutomationModel
from automations.models.runs import RunState

logger = logging.getLogger("automations")

#: Bytes that may be sent with a message.
LARGEST = 64 * 1024


class Refused(Exception):
    """Why nothing is sent: the status of the answer, and words for whoever reads it."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


class MessageView(View):
    """
    Ask whether to send the message of a signed link, and send it when that is posted.

    GET and HEAD show a page with a button and change nothing: programs that look at links in
    e-mails send nothing. What is posted, a form or a JSON object of 64 KB at the most, goes with
    the message, and what the link itself says goes before it. Programs are answered in JSON.

    404: no link of ours. 410: its time is over. 409: the run has ended. 400: not what the message
    needs. 413: too much. 429: ``ATM_RATE_LIMIT`` says so. 422: the receiver has failed, which is in
    the log. 503: the run is being worked on.
    """

    http_method_names = ["get", "head", "post", "options"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        answer: HttpResponseBase
        try:
            answer = super().dispatch(request, *args, **kwargs)
        except Refused as refused:
            answer = self.answer(refused.status, refused.words)
        answer["Cache-Control"] = "no-store"
        answer["Referrer-Policy"] = "no-referrer"  # the address is what gives the right
        return answer

    def get(self, request: HttpRequest, signed: str) -> HttpResponse:
        link, owner, run = self.found(signed)
        context = {
            "automation": owner.get_verbose_name(),
            "message": readable(link.name),
            "subject": subject_of(run) if run else "",
        }
        return render(request, "automations/message.html", context)

    def post(self, request: HttpRequest, signed: str) -> HttpResponse:
        link, owner, run = self.found(signed)
        limit = settings.replaced("ATM_RATE_LIMIT")
        if limit is not None and limit(request, link.name):
            raise Refused(429, _("That was too often. Please try again later."))
        sent = self.sent(request)
        try:
            data = {**payload.clean(sent, "What was sent"), **link.data}
            prepare(owner, link.name, data)
            message = Message(link.name, link.token, data, link.message_key)
            if run is None:
                create(owner, message)
            else:
                send(run.definition, run.pk, message)
        except (MessageRefused, InvalidData) as error:
            raise Refused(400, str(error)) from error
        except RunBusy as error:
            busy = _("This process is being worked on just now. Please try again in a moment.")
            raise Refused(503, busy) from error
        except AutomationError as error:
            raise Refused(409, str(error)) from error
        except Exception as error:  # the receiver's own: nothing of it is kept
            logger.exception("%s could not receive %r from a link", owner, link.name)
            raise Refused(422, _("The message could not be taken in.")) from error
        return self.answer(200, _("Thank you. Your message has arrived."))

    def found(self, signed: str) -> tuple[Link, Any, AutomationModel | None]:
        """Return the link, its automation, and its run if it is for one that is there."""
        link = read(signed)
        if link is None:
            raise Refused(404, _("This link is not valid."))
        if link.is_over:
            raise Refused(410, _("The time of this link is over."))
        if not link.key:
            unborn = AutomationModel(automation_class=link.label)
            try:
                return link, unborn.get_automation_class(), None
            except AutomationNotFound:
                self.gone()
        run = runs().filter(key=link.key).first()
        if run is None or run.state in (RunState.FINISHED, RunState.CANCELLED):
            self.gone()
        try:
            return link, run.get_automation_class(), run
        except AutomationNotFound:
            self.gone()

    def gone(self) -> NoReturn:
        """Say that there is nothing any more that the message could be for."""
        raise Refused(409, _("This is not needed any more: what the link was for has ended."))

    def sent(self, request: HttpRequest) -> dict[str, Any]:
        """Return what was sent along."""
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
            if length > LARGEST or len(request.body) > LARGEST:
                raise RequestDataTooBig
        except (RequestDataTooBig, ValueError) as error:
            raise Refused(413, _("That was too much to send.")) from error
        if request.content_type != "application/json":
            return {key: request.POST[key] for key in request.POST if key != "csrfmiddlewaretoken"}
        try:
            data = json.loads(request.body or b"{}")
        except (ValueError, RecursionError) as error:
            raise Refused(400, _("What was sent is no JSON.")) from error
        if not isinstance(data, dict):
            raise Refused(400, _("What was sent is no JSON object."))
        return data

    def answer(self, status: int, words: str) -> HttpResponse:
        """Return what to tell: a page to people, JSON to programs."""
        request = self.request
        if request.content_type == "application/json" or not request.accepts("text/html"):
            about = {"received": True} if status == 200 else {"received": False, "error": words}
            response: HttpResponse = JsonResponse(about, status=status)
        else:
            context = {"words": words, "received": status == 200}
            response = render(request, "automations/message_answer.html", context, status=status)
        if status == 503:
            response["Retry-After"] = "5"
        return response
