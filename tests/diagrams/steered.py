"""Processes whose every decision is told from outside, so that a run can be led along a way."""

from __future__ import annotations

import datetime
from typing import Any

from automations import flow

HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)


class Unpaid(Exception):
    """The money has not come."""


class Lost(Exception):
    """The parcel has not come."""


#: What work may raise, by the label of the arrow that it takes then.
ERRORS: dict[str, type[Exception]] = {
    "error": ValueError,
    "error Unpaid": Unpaid,
    "error Lost": Lost,
}


class Steered(flow.Automation):
    """
    Goes where its data says.

    ``data["way"]`` is the label of the arrow by which the next node is left: "yes", "no",
    "error", the value of a case, or "skip" to skip.
    """

    class Meta:
        abstract = True

    def work(self, task: Any) -> None:
        """Do nothing, or raise what the way says."""
        if error := ERRORS.get(self.way):
            raise error(self.way)

    def asks(self, task: Any) -> bool:
        """Answer as the way says."""
        return self.way == "yes"

    def which(self, task: Any) -> str:
        """Choose the case that the way names."""
        return self.way

    def skips(self, task: Any) -> bool:
        """Skip if that is the way."""
        return self.way == "skip"

    def when(self, task: Any) -> datetime.datetime:
        """Name a moment that has come."""
        return flow.now()

    def tell(self, task: Any) -> None:
        """Remind nobody of anything."""

    @property
    def way(self) -> str:
        """The label of the arrow to take now."""
        return str(self.data.get("way", ""))
