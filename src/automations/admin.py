"""
Runs, tasks and acts of people in Django's admin: to look at, and to act on as on the pages.

Nothing can be edited by hand into a state that the engine does not know. The mixins do the work;
for another look of the admin (django-unfold, say) put them before its ``ModelAdmin``::

    admin.site.unregister(AutomationModel)

    @admin.register(AutomationModel)
    class RunAdmin(RunAdminMixin, unfold.admin.ModelAdmin): ...
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from automations.definition.wording import readable
from automations.exceptions import AutomationError
from automations.models import AutomationAuditModel, AutomationModel, AutomationTaskModel

# Django imports this module with every project: pages and engine are imported inside of functions.


class AutomationFilter(admin.SimpleListFilter):
    """The automations that there are rows of, by their names."""

    title = _("automation")
    parameter_name = "of"
    path = "automation_class"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        paths = AutomationModel.objects.order_by().values_list("automation_class", flat=True)
        named = [
            (path, automation_name(AutomationModel(automation_class=path)))
            for path in paths.distinct()
        ]
        return sorted(named, key=lambda pair: pair[1].casefold())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        path = (self.value() or "").replace("\0", "")
        return queryset.filter(**{self.path: path}) if path else queryset


class OfRunFilter(AutomationFilter):
    """The same for what belongs to runs."""

    path = "automation__automation_class"


class ReadOnlyMixin:
    """Rows that the engine writes, and nobody else: to look at."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return that nobody may."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return that nobody may."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return that nobody may: ``automation_delete_history`` deletes what is old."""
        return False


class RunAdminMixin(ReadOnlyMixin):
    """
    Runs: how they stand, the way to their pages, and what an operator does to several.

    Without ``date_hierarchy``: MariaDB and MySQL know time zones only if somebody has loaded them.
    """

    list_display: ClassVar[Any] = ("number", "automation", "state", "created", "updated", "ended")
    list_display_links: ClassVar[Any] = ("number",)
    list_filter: ClassVar[Any] = ("state", AutomationFilter, "created")
    search_fields: ClassVar[Any] = ("=id", "=key", "automation_class")
    ordering: ClassVar[Any] = ("-id",)
    fields: ClassVar[Any] = (
        "page", "automation", "state", "created", "updated", "due", "ended", "shown_data",
    )  # fmt: skip
    readonly_fields: ClassVar[Any] = fields
    actions: ClassVar[Any] = ("suspend_runs", "resume_runs", "cancel_runs")

    @admin.display(description=_("run"), ordering="id")
    def number(self, run: AutomationModel) -> int:
        """Return the number of the run."""
        return run.pk

    @admin.display(description=_("automation"), ordering="automation_class")
    def automation(self, run: AutomationModel) -> str:
        """Return what is run."""
        return automation_name(run)

    @admin.display(description=_("page"))
    def page(self, run: AutomationModel) -> str:
        """Return the way to the page of the run."""
        return link_to(run.pk)

    @admin.display(description=_("data"))
    def shown_data(self, run: AutomationModel) -> str:
        """Return the data of the run, without what is called like a secret."""
        from automations.history import data_of

        lines = data_of(run)
        return format_html("<dl>{}</dl>", format_html_join("", "<dt>{}</dt><dd>{}</dd>", lines))

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may act on runs: the rule of the page of a run."""
        from automations.views.runs import CHANGE_RUNS

        return all(request.user.has_perm(right) for right in CHANGE_RUNS)

    @admin.action(description=_("Suspend the selected runs"), permissions=["operate"])
    def suspend_runs(self, request: HttpRequest, runs: QuerySet[Any]) -> HttpResponse | None:
        """Ask for a reason, then suspend."""
        return self.confirmed(request, runs, "suspend", _("Suspend the selected runs"))

    @admin.action(description=_("Resume the selected runs"), permissions=["operate"])
    def resume_runs(self, request: HttpRequest, runs: QuerySet[Any]) -> HttpResponse | None:
        """Ask for a reason, then resume."""
        return self.confirmed(request, runs, "resume", _("Resume the selected runs"))

    @admin.action(description=_("Cancel the selected runs"), permissions=["operate"])
    def cancel_runs(self, request: HttpRequest, runs: QuerySet[Any]) -> HttpResponse | None:
        """Ask for a reason, then cancel."""
        return self.confirmed(request, runs, "cancel", _("Cancel the selected runs"))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Leave out of what was chosen what can be no run: Django fails at it."""
        from automations.views.entries import primary_keys

        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        runs = [str(key) for key in primary_keys(chosen, len(chosen))]
        if len(runs) < len(chosen):
            sent = request.POST.copy()
            sent.setlist(ACTION_CHECKBOX_NAME, runs)
            request.POST = sent  # type: ignore[assignment] # which the request may have
        return super().changelist_view(request, extra_context)  # type: ignore[misc,no-any-return] # a ModelAdmin's

    def confirmed(
        self, request: HttpRequest, runs: QuerySet[Any], verb: str, title: Any
    ) -> HttpResponse | None:
        """
        Show what is about to be done, and do it when that is sent with a reason.

        One transaction each, as many as fit into the budget of a request.
        """
        from automations.views.acts import ReasonForm
        from automations.views.entries import is_valid

        form = ReasonForm(request.POST if "confirmed" in request.POST else None)
        if not (form.is_bound and is_valid(form)):
            context = {
                **admin.site.each_context(request),
                "title": title,
                "runs": [(run.pk, automation_name(run)) for run in runs[:100]],
                "number": runs.count(),
                "chosen": request.POST.getlist(ACTION_CHECKBOX_NAME),
                "checkbox": ACTION_CHECKBOX_NAME,
                "action": f"{verb}_runs",
                "everything": request.POST.get("select_across", "0"),
                "form": form,
                "opts": AutomationModel._meta,
            }
            return TemplateResponse(request, "automations/admin/confirm.html", context)
        done = sum(self.act_on_all(runs, verb, request.user, form.cleaned_data["reason"]))
        said = gettext("Taken care of: %(done)s. Left: %(left)s.")
        left = runs.count() - done
        messages.success(request, said % {"done": done, "left": max(0, left)})
        return None

    def act_on_all(self, runs: QuerySet[Any], verb: str, user: Any, reason: str) -> Iterator[bool]:
        """Do it to one run after the other; yield whether it could be done."""
        from automations.dispatch.advancing import Budget
        from automations.views.runs import VERBS

        budget = Budget.of_request()
        for run in list(runs.order_by("pk")[: budget.tasks]):
            if budget.spent():
                return
            try:
                VERBS[verb](run.pk, user=user, reason=reason)
            except AutomationError:
                yield False  # it has ended, or is just now worked on
            else:
                yield True


class TaskAdminMixin(ReadOnlyMixin):
    """Tasks: what they wait for, who is asked, what has failed."""

    list_display: ClassVar[Any] = (
        "number", "node", "automation_of", "state", "interaction_user", "interaction_group",
        "taken_by", "created", "due_date", "finished", "page",
    )  # fmt: skip
    list_display_links: ClassVar[Any] = ("number",)
    list_filter: ClassVar[Any] = ("state", OfRunFilter, "requires_interaction", "created")
    list_select_related: ClassVar[Any] = (
        "automation", "interaction_user", "interaction_group", "taken_by",
    )  # fmt: skip
    search_fields: ClassVar[Any] = ("=id", "=automation__id", "status", "error")
    ordering: ClassVar[Any] = ("-id",)
    fields: ClassVar[Any] = (
        "page", "node", "automation_of", "state", "noted", "error", "attempts", "tries", "retry_at",
        "interaction_user", "interaction_group", "interaction_permissions", "taken_by", "taken_at",
        "due_date", "created", "due", "finished",
    )  # fmt: skip
    readonly_fields: ClassVar[Any] = fields

    @admin.display(description=_("task"), ordering="id")
    def number(self, task: AutomationTaskModel) -> int:
        """Return the number of the task."""
        return task.pk

    @admin.display(description=_("node"), ordering="status")
    def node(self, task: AutomationTaskModel) -> str:
        """Return what the task is a visit to."""
        return readable(task.status)

    @admin.display(description=_("automation"), ordering="automation__automation_class")
    def automation_of(self, task: AutomationTaskModel) -> str:
        """Return what is run."""
        return automation_name(task.automation)

    @admin.display(description=_("message"))
    def noted(self, task: AutomationTaskModel) -> str:
        """Return what was noted on the task."""
        from automations.history import note

        return note(task)

    @admin.display(description=_("run"), ordering="automation")
    def page(self, task: AutomationTaskModel) -> str:
        """Return the way to the page of the run."""
        return link_to(task.automation_id)


class AuditAdminMixin(ReadOnlyMixin):
    """What people did."""

    list_display: ClassVar[Any] = ("time", "action", "user_name", "automation_of", "page", "reason")
    list_filter: ClassVar[Any] = ("action", OfRunFilter, "time")
    list_select_related: ClassVar[Any] = ("automation", "task")
    search_fields: ClassVar[Any] = ("user_name", "=automation__id", "reason")
    ordering: ClassVar[Any] = ("-time", "-id")
    fields: ClassVar[Any] = (
        "page", "time", "action", "user", "user_name", "task", "reason", "what_changed",
    )  # fmt: skip
    readonly_fields: ClassVar[Any] = fields

    @admin.display(description=_("automation"), ordering="automation__automation_class")
    def automation_of(self, act: AutomationAuditModel) -> str:
        """Return what is run."""
        return automation_name(act.automation)

    @admin.display(description=_("run"), ordering="automation")
    def page(self, act: AutomationAuditModel) -> str:
        """Return the way to the page of the run."""
        return link_to(act.automation_id)

    @admin.display(description=_("changes"))
    def what_changed(self, act: AutomationAuditModel) -> str:
        """Return what was changed or sent, without what is called like a secret."""
        from automations.history import changes_of

        return changes_of(act)


def automation_name(run: AutomationModel) -> str:
    """Return what the automation of the run is called."""
    from automations import history

    return history.automation_name(run)


def link_to(run_id: int) -> str:
    """Return the way to the page of a run; its number alone where the project has no such page."""
    text = gettext("Run %(number)s") % {"number": run_id}
    try:
        address = reverse("automations:history", args=[run_id])
    except NoReverseMatch:
        return text
    return format_html('<a href="{}">{}</a>', address, text)


@admin.register(AutomationModel)
class RunAdmin(RunAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg] # not at run time
    """Runs, as Django's own admin shows rows."""


@admin.register(AutomationTaskModel)
class TaskAdmin(TaskAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg] # as above
    """Tasks, as Django's own admin shows rows."""


@admin.register(AutomationAuditModel)
class AuditAdmin(AuditAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg] # as above
    """Acts of people, as Django's own admin shows rows."""
