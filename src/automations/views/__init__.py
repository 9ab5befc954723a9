"""The pages for people."""

from automations.views.dashboard import DashboardView, TaskDashboardView
from automations.views.health import HealthView
from automations.views.holding import TaskHoldView
from automations.views.inbox import TaskActView, TaskListView
from automations.views.incidents import (
    AutomationErrorsView,
    AutomationTracebackView,
    IncidentsActView,
)
from automations.views.live import StatusView
from automations.views.messages import MessageView
from automations.views.notifications import NotificationsView, UnsubscribeView
from automations.views.pictures import ProcessView, RunPictureView
from automations.views.runs import AutomationHistoryView, RunActView
from automations.views.starting import StartListView, StartView
from automations.views.tasks import TaskView

__all__ = [
    "AutomationErrorsView",
    "AutomationHistoryView",
    "AutomationTracebackView",
    "DashboardView",
    "HealthView",
    "IncidentsActView",
    "MessageView",
    "NotificationsView",
    "ProcessView",
    "RunActView",
    "RunPictureView",
    "StartListView",
    "StartView",
    "StatusView",
    "TaskActView",
    "TaskDashboardView",
    "TaskHoldView",
    "TaskListView",
    "TaskView",
    "UnsubscribeView",
]
