"""What the home page says about one process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count

from automations.flow import Automation
from automations.models import AutomationModel, AutomationTaskModel


@dataclass(frozen=True)
class Person:
    """Somebody to log in as, who that is, and how many tasks wait for them."""

    name: str
    role: str
    waiting: int


@dataclass(frozen=True)
class Summary:
    """One section of the home page; ``more`` is what the template of the process needs beside."""

    template: str
    automation: type[Automation]
    roles: Mapping[str, str]
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def runs(self) -> list[tuple[str, str, int]]:
        """How many runs are in which state: the state, its name, the number."""
        counts = self._rows().values_list("state").annotate(Count("pk")).order_by("-state")
        return [(state, AutomationModel.State(state).label, count) for state, count in counts]

    @property
    def latest(self) -> Iterable[AutomationModel]:
        """The run in which something has happened last."""
        return self._rows().order_by("-updated", "-pk")[:1]

    @property
    def now(self) -> list[tuple[str, int]]:
        """Where the running runs are: the name of the step as words, how many are there."""
        tasks = AutomationTaskModel.objects.open().filter(
            automation__automation_class=self.automation.get_automation_name(),
            automation__state=AutomationModel.State.RUNNING,
        )
        counts = tasks.values_list("status").annotate(Count("pk")).order_by("status")
        return [(status.replace("_", " "), count) for status, count in counts]

    @property
    def people(self) -> list[Person]:
        """Who to log in as."""
        users = {user.username: user for user in User.objects.filter(username__in=self.roles)}
        return [
            Person(name, role, AutomationTaskModel.objects.doable_by(users[name]).count())
            for name, role in self.roles.items()
            if name in users
        ]

    def _rows(self) -> Any:
        return AutomationModel.objects.filter(
            automation_class=self.automation.get_automation_name()
        )
