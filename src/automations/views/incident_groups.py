"""What has failed in the same way: one automation, one node, one error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from django.db.models import Count, Max
from django.utils.http import urlencode

from automations.history import Names, note
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.runs import RunState
from automations.models.tasks import TaskQuerySet, TaskState

#: How many groups are listed at the most: more kinds of errors nobody reads.
MOST = 100


@dataclass(frozen=True)
class Group:
    """
    The failed tasks of one automation (its dotted path), node and error (its class).

    ``number`` is how many there are, ``latest`` when the last one failed, ``text`` what one of
    them says: known where groups are listed.
    """

    automation: str
    node: str
    error: str
    number: int = 0
    latest: datetime | None = None
    text: str = ""

    @classmethod
    def asked_for(cls, query: Mapping[str, str]) -> Self | None:
        """Return the group that the address names; None if it names none."""
        automation, node, error = (query.get(name) for name in ("automation", "node", "error"))
        if automation is None or node is None or error is None:
            return None
        if "\0" in automation + node + error:
            return None  # which no database can even be asked for
        return cls(automation, node, error)

    @property
    def query(self) -> str:
        """What stands in the address of its page."""
        return urlencode({"automation": self.automation, "node": self.node, "error": self.error})

    @property
    def names(self) -> Names:
        """How it is called where people read."""
        return Names.of(self._task)

    @property
    def message(self) -> str:
        """What one of its tasks says, as people read it."""
        return note(self._task)

    @property
    def _task(self) -> AutomationTaskModel:
        run = AutomationModel(automation_class=self.automation)
        return AutomationTaskModel(automation=run, status=self.node, message=self.text)

    def tasks(self) -> TaskQuerySet:
        """Return its tasks that have stopped their runs and still do."""
        return failed().filter(
            automation__automation_class=self.automation, status=self.node, error=self.error
        )


def failed() -> TaskQuerySet:
    """Return the tasks that have stopped their runs."""
    return AutomationTaskModel.objects.filter(
        state=TaskState.FAILED, automation__state=RunState.FAILED
    )


def groups() -> list[Group]:
    """Return the ways in which something has failed, the latest first, in one query."""
    kinds = failed().order_by().values_list("automation__automation_class", "status", "error")
    found = kinds.annotate(number=Count("pk"), latest=Max("finished"), text=Max("message"))
    return [Group(*row) for row in found.order_by("-latest", "status", "error")[:MOST]]
