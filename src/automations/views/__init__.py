"""The pages for people."""

from automations.views.dashboard import DashboardView, TaskDashboardView
from automations.views.health import HealthView
from automations.views.incidents import (
    AutomationErrorsView,
    AutomationTracebackView,
    IncidentsActView,
)
from automations.views.runs import AutomationHistoryView, RunActView
from automations.views.tasks import TaskListView, TaskView

__all__ = [
    "AutomationErrorsView",
    "AutomationHistoryView",
    "AutomationTracebackView",
    "DashboardView",
    "HealthView",
    "IncidentsActView",
    "RunActView",
    "TaskDashboardView",
    "TaskListView",
    "TaskView",
]
