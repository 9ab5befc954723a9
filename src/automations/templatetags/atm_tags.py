"""``{% load atm_tags %}``: the tasks of a user, and how things are called, in any template."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any, cast

from django import template
from django.contrib.auth.models import AnonymousUser
from django.template import Context, Template

from automations import settings
from automations.automation import Automation
from automations.definition.wording import readable
from automations.hand_starts import startable_by
from automations.history import Names, changes_of, note, result_of, span_of
from automations.history import automation_name as name_of
from automations.inbox import Inbox
from automations.models import AutomationAuditModel, AutomationModel, AutomationTaskModel
from automations.models.tasks import TaskQuerySet
from automations.views.acts import Acts
from automations.views.live import STATUS, status_of

register = template.Library()
logger = logging.getLogger("automations")

TASK_LIST = "automations/includes/task_list.html"
CARD = "automations/includes/dashboard_item.html"


@register.simple_tag(takes_context=True)
def automation_tasks(context: Context, template: str = TASK_LIST, limit: int = 50) -> str:
    """
    Show the tasks that wait for the current user, oldest first; nothing to anonymous users.

    ``template`` gets ``items``, pairs of a task and its names, the first ``limit`` of them;
    ``count``, how many there are; and ``more``, whether some are left out.
    """
    if not _user(context).is_authenticated:
        return ""
    tasks = automation_task_list(context)
    shown = list(tasks[: limit + 1])
    more = len(shown) > limit
    values = {
        "items": [(task, Names.of(task)) for task in shown[:limit]],
        "count": tasks.count() if more else len(shown),
        "more": more,
    }
    return _render(context, template, values)


@register.simple_tag(takes_context=True)
def automation_task_list(context: Context) -> TaskQuerySet:
    """Return the tasks that wait for the current user, oldest first; none for anonymous users."""
    tasks = AutomationTaskModel.objects.doable_by(_user(context))
    return tasks.select_related("automation").order_by("created", "pk")


@register.simple_tag(takes_context=True)
def dashboard_card(context: Context, automation: dict[str, Any]) -> str:
    """
    Show one card of the dashboard: by the automation's own template, else by the usual one.

    An error in the automation's own template is logged, and said in the card.
    """
    own = automation["dashboard_template"]
    if own and not automation["error"]:
        try:
            return _render(context, own, automation["dashboard"] | {"automation": automation})
        except Exception:  # whatever the author's template raises costs one card only
            logger.exception("The dashboard template %r of %s has failed.", own, automation["cls"])
            automation = automation | {"error": True}
    return _render(context, CARD, automation["dashboard"] | {"automation": automation})


@register.simple_tag(takes_context=True)
def automation_count(context: Context) -> int:
    """
    Return how many tasks wait for the current user that nobody else has taken.

    0 to anonymous users. For a badge: ``{% automation_count as count %}``. It costs a few queries,
    however many tasks there are.
    """
    return Inbox.of(context.get("request")).counts()["open"]


@register.simple_tag(takes_context=True)
def automation_status(context: Context, run: Any, template: str = STATUS) -> str:
    """
    Show where a run stands: its state, and what it waits for. Whoever sees the page may see that.

    ``run`` is a run, its row or its primary key; without one there is nothing to see. It is kept
    up to date for a day, every ``ATM_REFRESH`` seconds. ``template`` gets ``run``, ``automation``
    (its name), ``standing`` (pairs of an open task and its names) and ``live``.
    """
    key = run.id if isinstance(run, Automation) else getattr(run, "pk", run)
    row = AutomationModel.objects.filter(pk=key).first() if key else None
    if row is None:
        return ""
    return _render(context, template, status_of(row, context.get("request"), template))


@register.simple_tag(takes_context=True)
def may_start_something(context: Context) -> bool:
    """Return whether there is an automation that the current user may start by hand."""
    return any(startable_by(_user(context)))


@register.filter
def is_overdue(task: AutomationTaskModel) -> bool:
    """Return whether a task that waits should have been done by now."""
    return task.is_open and task.due_date is not None and task.due_date < settings.now()


@register.filter
def names(task: AutomationTaskModel) -> Names:
    """Return how a task is called: ``.automation``, ``.node``, ``.description``."""
    return Names.of(task)


@register.filter
def automation_name(run: AutomationModel) -> str:
    """Return the name of a run's automation."""
    return name_of(run)


@register.filter
def node_name(name: str) -> str:
    """Return the name of a node as people read it."""
    return readable(name)


@register.filter
def changes(act: AutomationAuditModel) -> str:
    """Return what an act has changed or sent, as JSON without secrets."""
    return changes_of(act)


@register.filter
def mend(acts: Acts, task: AutomationTaskModel) -> Any:
    """Return the form by which ``task`` is retried or skipped; None if that cannot be done."""
    return acts.mend(task)


@register.filter
def span(took: timedelta) -> str:
    """Return how long something took, in the two largest units that it has."""
    return span_of(took)


@register.filter
def took(task: AutomationTaskModel) -> str:
    """Return how long a task that is over was there, in words; "" if less than a second."""
    if task.finished is None or task.finished - task.created < timedelta(seconds=1):
        return ""
    return span_of(task.finished - task.created)


@register.filter
def result(task: AutomationTaskModel) -> str:
    """Return what the work of a task has returned, as JSON without secrets; "" if nothing."""
    return result_of(task)


@register.filter
def message(task: AutomationTaskModel) -> str:
    """Return the message of a task, in the user's language if the engine has written it."""
    return note(task)


def _user(context: Context) -> Any:
    """Return the user of the request that the template is rendered for."""
    return getattr(context.get("request"), "user", None) or AnonymousUser()


def _render(context: Context, name: str, values: dict[str, Any]) -> str:
    """Return the template of that name, rendered with ``values`` on top of ``context``."""
    engine = cast(Template, context.template).engine
    with context.push(values):
        return engine.get_template(name).render(context)
