"""A process whose runs all change one row."""

from __future__ import annotations

from typing import Any

from tests.testapp.models import IssueList
from tests.testapp.proof_processes import Line


class Contested(Line):
    """Four steps in a row, each of which reads a number, and writes one more."""

    def work(self, task: Any) -> None:
        """Leave an effect, and count in the row that all have in common."""
        row = IssueList.objects.get(pk=self.data["row"])
        super().work(task)
        row.title = str(int(row.title) + 1)
        row.save()
