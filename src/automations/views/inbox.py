"""What waits for the user, and taking some of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages as notes
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.generic import ListView, View

from automations import settings
from automations.dispatch.advancing import Budget
from automations.engine import holds
from automations.exceptions import NotAllowed, RunBusy, TaskClosed, TaskTaken
from automations.history import Names
from automations.inbox import SHOWS, Inbox, Wanted
from automations.models import AutomationTaskModel
from automations.views.addresses import on_this_site
from automations.views.entries import primary_keys
from automations.views.live import LivePage

PAGE = 50


class Counted(Paginator):  # type: ignore[type-arg] # not at run time
    """Knows without asking how many there are."""

    number = 0

    @cached_property
    def count(self) -> int:
        return self.number


class TaskListView(LoginRequiredMixin, LivePage, ListView):  # type: ignore[type-arg] # not at run time
    """
    The tasks that wait for the user, oldest first, and those that he or she has done.

    ``show``, ``automation``, ``node``, ``q`` and ``sort`` of the address say which: see
    `automations.inbox`. The number of queries does not depend on how many tasks there are.
    With ``part=live`` it answers without the frame of the site.
    """

    template_name = "automations/task_list.html"
    context_object_name = "tasks"
    paginate_by = PAGE

    @cached_property
    def inbox(self) -> Inbox:
        """The inbox of the user."""
        return Inbox.of(self.request)

    @cached_property
    def wanted(self) -> Wanted:
        """What the address asks for."""
        return Wanted.of(self.request.GET)

    def get_queryset(self) -> Any:
        return self.inbox.in_pages(self.wanted)

    def get_paginator(self, *args: Any, **kwargs: Any) -> Counted:
        paginator = Counted(*args, **kwargs)
        paginator.number = self.inbox.number_of(self.wanted)
        return paginator

    def paginate_queryset(self, queryset: Any, page_size: int) -> Any:
        # What was on the last page may be done meanwhile: then it is the one before.
        paginator = self.get_paginator(queryset, page_size)
        page = paginator.get_page(self.request.GET.get("page"))
        return paginator, page, page.object_list, page.has_other_pages()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        wanted = self.wanted
        automations, nodes = self.inbox.choices()
        counts = self.inbox.counts()
        titles = {
            "open": _("To do"),
            "mine": _("Mine"),
            "free": _("Taken by nobody"),
            "taken": _("Taken by others"),
            "done": _("Done by me"),
        }
        context.update(
            items=[(task, Names.of(task)) for task in context["tasks"]],
            count=context["paginator"].count,
            wanted=wanted,
            shows=[
                (show, titles[show], counts.get(show), "?" + query(Wanted(show))) for show in SHOWS
            ],
            overdue=counts["overdue"],
            automations=automations,
            nodes=nodes,
            sorts=[("oldest", _("Oldest")), ("newest", _("Newest")), ("due", _("Due date"))],
            narrowed=bool(wanted.automation or wanted.node or wanted.search),
            keep=query(wanted),
            can_choose=wanted.show in ("open", "mine", "free"),
            back=context["address"],
            by_email=bool(settings.get("ATM_EMAIL")),
        )
        return context


class TaskActView(LoginRequiredMixin, View):
    """Take tasks, or give them back: those that are chosen, as many as a request may."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        act = {"take": holds.take, "give_back": holds.give_back}.get(request.POST.get("act", ""))
        keys = primary_keys(request.POST.getlist("task"), PAGE)
        if act is None or not keys:
            notes.warning(request, _("Nothing was chosen."), fail_silently=True)
            return self.back()
        done, left = 0, len(set(keys))
        budget = Budget.of_request()
        runs = AutomationTaskModel.objects.filter(pk__in=keys).order_by("pk")
        for task, run in list(runs.values_list("pk", "automation")):
            if budget.spent():
                break
            try:
                act(run, task, request.user)
            except (TaskClosed, TaskTaken, NotAllowed, RunBusy):
                continue  # somebody was faster, or it is nobody's business
            done, left = done + 1, left - 1
        said = _("Taken: %(done)s.") if act is holds.take else _("Given back: %(done)s.")
        if left:
            said += " " + _("Not possible, for somebody was faster: %(left)s.")
        notes.success(request, said % {"done": done, "left": left}, fail_silently=True)
        return self.back()

    def back(self) -> HttpResponse:
        """Go on: to the page that the user was on, if that is one of this site."""
        wanted = on_this_site(self.request, self.request.POST.get("back", ""))
        # Not redirect(): it takes what has neither a slash nor a dot for the name of a view.
        return HttpResponseRedirect(wanted or reverse("automations:task_list"))


def query(wanted: Wanted) -> str:
    """Return the part of an address that asks for what is wanted."""
    given = {
        "show": wanted.show if wanted.show != SHOWS[0] else "",
        "automation": wanted.automation,
        "node": wanted.node,
        "q": wanted.search,
        "sort": wanted.sort if wanted.sort != "oldest" else "",
    }
    return urlencode({name: value for name, value in given.items() if value})
