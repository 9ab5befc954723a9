"""What is remembered: runs, their tasks, and what people did; with the laws they keep."""

from automations.models.audit import AutomationAuditModel
from automations.models.drafts import AutomationDraftModel
from automations.models.messages import AutomationMessageModel
from automations.models.notices import AutomationNoticeModel, AutomationPreferenceModel
from automations.models.objects import AutomationObjectModel
from automations.models.runs import AutomationModel
from automations.models.schedules import AutomationScheduleModel
from automations.models.sweeps import AutomationSweepModel
from automations.models.tasks import AutomationTaskModel

__all__ = [
    "AutomationAuditModel",
    "AutomationDraftModel",
    "AutomationMessageModel",
    "AutomationModel",
    "AutomationNoticeModel",
    "AutomationObjectModel",
    "AutomationPreferenceModel",
    "AutomationScheduleModel",
    "AutomationSweepModel",
    "AutomationTaskModel",
]
