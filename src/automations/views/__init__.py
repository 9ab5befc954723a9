"""The pages for people."""

from automations.views.dashboard import DashboardView, TaskDashboardView
from automations.views.incidents import AutomationErrorsView, AutomationTracebackView
from automations.views.runs import AutomationHistoryView
from automations.views.tasks import TaskListView, TaskView

__all__ = [
    "AutomationErrorsView",
    "AutomationHistoryView",
    "AutomationTracebackView",
    "DashboardView",
    "TaskDashboardView",
    "TaskListView",
    "TaskView",
]
