"""What every play counts: the runs, the tasks and the mails of its process."""

from __future__ import annotations

from collections import Counter
from email import message_from_bytes, policy
from pathlib import Path

from django.conf import settings

from automations.flow import Automation
from automations.models import AutomationModel, AutomationTaskModel

Counts = dict[str, int]


def runs(automation: type[Automation]) -> Counts:
    """Return how many runs are in which state."""
    name = automation.get_automation_name()
    rows = AutomationModel.objects.filter(automation_class=name)
    return Counter(rows.values_list("state", flat=True))


def tasks(automation: type[Automation]) -> Counts:
    """Return how many tasks of which node are in which state."""
    name = automation.get_automation_name()
    rows = AutomationTaskModel.objects.filter(automation__automation_class=name)
    return Counter(" ".join(row) for row in rows.values_list("status", "state"))


def mails(sender: str) -> Counts:
    """Return how many mails of which kind were sent: what stands before the colon or behind it."""
    kinds: Counts = Counter()
    for path in Path(settings.EMAIL_FILE_PATH).iterdir():
        # Django writes a line of dashes behind each mail of a file.
        for raw in path.read_bytes().split(b"-" * 79 + b"\n")[:-1]:
            mail = message_from_bytes(raw, policy=policy.default)
            if mail["From"] == sender:
                kinds[str(mail["Subject"]).partition(":")[0]] += 1
    return kinds
