"""
The pages of the package: ``path("automations/", include("automations.urls"))``.

Every view works outside of ``ATOMIC_REQUESTS``: the engine makes its own transactions, one per
task. That is said here and not in the views, for a decorator on ``dispatch()`` would be lost when
a project overrides it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import connections, transaction
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from automations import views

app_name = "automations"


def outside(view: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``view``, taken out of the transaction of the request on every database."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


urlpatterns = [
    path("health/", outside(login_not_required(views.HealthView.as_view())), name="health"),
    path("", outside(views.TaskListView.as_view()), name="task_list"),
    path("act", outside(views.TaskActView.as_view()), name="task_act"),
    path("<int:task_id>", outside(views.TaskView.as_view()), name="task"),
    path("<int:task_id>/hold", outside(views.TaskHoldView.as_view()), name="task_hold"),
    path("notifications", outside(views.NotificationsView.as_view()), name="notifications"),
    path(
        "unsubscribe/<str:signed>",
        csrf_exempt(outside(login_not_required(views.UnsubscribeView.as_view()))),
        name="unsubscribe",
    ),
    path("start", outside(views.StartListView.as_view()), name="start_list"),
    path("start/<str:automation>", outside(views.StartView.as_view()), name="start"),
    path(
        "message/<str:signed>",
        csrf_exempt(outside(login_not_required(views.MessageView.as_view()))),
        name="message",
    ),
    path(
        "status/<str:signed>",
        outside(login_not_required(views.StatusView.as_view())),
        name="status",
    ),
    path("errors", outside(views.AutomationErrorsView.as_view()), name="error_report"),
    path("errors/act", outside(views.IncidentsActView.as_view()), name="incidents_act"),
    path("dashboard", outside(views.TaskDashboardView.as_view()), name="dashboard"),
    path(
        "dashboard/process/<str:automation>",
        outside(views.ProcessView.as_view()),
        name="process",
    ),
    path(
        "dashboard/<int:automation_id>",
        outside(views.AutomationHistoryView.as_view()),
        name="history",
    ),
    path(
        "dashboard/<int:automation_id>/picture",
        outside(views.RunPictureView.as_view()),
        name="picture",
    ),
    path("dashboard/<int:automation_id>/act", outside(views.RunActView.as_view()), name="act"),
    path(
        "dashboard/<int:automation_id>/traceback/<int:task_id>",
        outside(views.AutomationTracebackView.as_view()),
        name="traceback",
    ),
]
