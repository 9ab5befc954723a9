"""One run: what has happened in it, and what an operator does to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages as notes
from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from automations.delivery import send_from
from automations.dispatch import inline
from automations.engine import incidents
from automations.engine.failures import describe
from automations.engine.receiving import Message
from automations.exceptions import (
    AutomationFinished,
    InvalidData,
    MessageRefused,
    RunBusy,
    TaskClosed,
)
from automations.history import acts, data_of, entries, subject_of
from automations.models import AutomationModel
from automations.models.tasks import TaskState
from automations.views.acts import DONE, Acts, MendForm, MessageForm, ReasonForm, listening, verbs
from automations.views.drawing import link_to, shown_run
from automations.views.entries import Forgiving, is_valid, primary_keys
from automations.views.live import LivePage

#: Who has both may see what has happened in a run, errors and tracebacks included, and act on it.
CHANGE_RUNS = ("automations.change_automationmodel", "automations.change_automationtaskmodel")

Do = Callable[[dict[str, Any]], object]
#: What can be done to a run as a whole.
VERBS: dict[str, Callable[..., object]] = {
    "cancel": incidents.cancel,
    "resume": inline.resume,
    "suspend": incidents.suspend,
}


class AutomationHistoryView(LoginRequiredMixin, PermissionRequiredMixin, LivePage, TemplateView):
    """
    What has happened in a run, task by task; its data; what people did; and what may be done.

    The template gets ``automation`` (the run), ``subject`` (what tells it from others), ``entries``
    and ``page_obj`` (its tasks), ``data``, ``audit`` (the latest acts of people), ``whole`` (by
    ``all=1``: loops are not folded), ``acts``, the forms of `Acts`, and, if the code still has its
    process, ``picture``, ``legend``, ``outline``, ``formats`` and ``files``. With ``part=live`` it
    answers without the frame of the site, and ``task=7`` is the page on which that task is.
    """

    template_name = "automations/history.html"
    permission_required = CHANGE_RUNS

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        run = get_object_or_404(AutomationModel, pk=kwargs["automation_id"])
        whole = self.request.GET.get("all") == "1"
        asked = primary_keys([self.request.GET.get("task", "")], 1)
        number = self.request.GET.get("page")
        told = acts(run)
        at = asked[0] if asked else None
        found, page = entries(run, number, whole=whole, task=at, told=told)
        here = {entry.task.pk for entry in found}
        return super().get_context_data(
            automation=run,
            subject=subject_of(run),
            entries=found,
            page_obj=page,
            whole=whole,
            keep="all=1" if whole else "",
            data=data_of(run),
            audit=told,
            acts=Acts(run, kwargs.get("bound")),
            **shown_run(run, lambda task: f"#task-{task.pk}" if task.pk in here else link_to(task)),
            **kwargs,
        )


class RunActView(AutomationHistoryView):
    """
    Do what an operator asks for, which needs a reason and is on record in the same transaction.

    ``act`` is ``retry`` or ``skip`` (a failed ``task``), ``suspend``, ``resume`` or ``cancel`` (the
    run), or ``message``.

    It answers with the page of the run: 200 with errors in the form, 409 if somebody was faster,
    503 if the run is being worked on, else a redirect to it.
    """

    http_method_names = ["post", "options"]
    response_class = Forgiving

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        run = get_object_or_404(AutomationModel, pk=kwargs["automation_id"])
        act = request.POST.get("act", "")
        chosen = self.chosen(run, act)
        if chosen is None:
            return self.shown(None, _("There was nothing of that kind to do."), 409)
        form, do = chosen
        if not is_valid(form):
            return self.shown(form)
        try:
            do(form.cleaned_data)
        except (TaskClosed, AutomationFinished):
            return self.shown(None, _("Somebody was faster: this is done already."), 409)
        except RunBusy:
            busy = _("This run is being worked on just now. Please try again in a moment.")
            return self.shown(form, busy, 503)
        except (InvalidData, MessageRefused) as error:
            form.add_error(None, str(error))
            return self.shown(form)
        except Exception as error:  # a receiver's own: nothing of it is kept
            if act != "message":
                raise
            form.add_error(None, _("The receiver has failed: %s") % describe(error))
            return self.shown(form)
        notes.success(request, str(DONE[act]), fail_silently=True)
        return redirect("automations:history", run.pk)

    def chosen(self, run: AutomationModel, act: str) -> tuple[forms.Form, Do] | None:
        """Return the form that was sent, and what to do with what it holds; None if neither."""
        sent, user = self.request.POST, self.request.user
        if act in ("retry", "skip"):
            task = self.failed_task(run, sent.get("task", ""))
            if task is None:
                return None
            retrying = act == "retry"

            def mend(given: dict[str, Any]) -> None:
                about = {"user": user, "reason": given["reason"]}
                if retrying:
                    inline.retry(run.pk, task, **about, data=given["changes"])
                else:
                    inline.skip(run.pk, task, **about, result=given["result"])

            return MendForm(sent, prefix=f"task-{task}"), mend
        if act in verbs(run):
            verb = VERBS[act]
            return ReasonForm(sent, prefix="run"), lambda given: verb(run.pk, user=user, **given)
        names = listening(run) if act == "message" else []
        if not names:
            return None

        def send(given: dict[str, Any]) -> None:
            message = Message(given["message"], given["token"] or None, given["content"])
            send_from(user, run.definition, run.pk, message, reason=given["reason"])

        return MessageForm(sent, prefix="message", names=names), send

    def failed_task(self, run: AutomationModel, key: str) -> int | None:
        """Return the primary key of the failed task that ``key`` says."""
        failed = run.automationtaskmodel_set.filter(state=TaskState.FAILED)
        found = [pk for pk in failed.values_list("pk", flat=True) if str(pk) == key]
        return found[0] if found else None

    def shown(self, form: forms.Form | None, error: str = "", status: int = 200) -> HttpResponse:
        """Return the page of the run, with what is wrong."""
        context = self.get_context_data(bound=form, error=error, **self.kwargs)
        response = self.render_to_response(context, status=status)
        if status == 503:
            response["Retry-After"] = "5"
        return response
