"""What is remembered: runs, their tasks, and what people did; with the laws they keep."""

from automations.models.audit import AutomationAuditModel
from automations.models.runs import AutomationModel
from automations.models.tasks import AutomationTaskModel

__all__ = ["AutomationAuditModel", "AutomationModel", "AutomationTaskModel"]
