"""What waits for a user: to be done, taken by somebody, done; searched, sorted, counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import F, Q
from django.http import HttpRequest

from automations import settings
from automations.definition import known
from automations.definition.options import subject_fields
from automations.definition.wording import readable
from automations.history import automation_name
from automations.kinds import OFFERED, Kind, count_addressed, count_all
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.rights import has_all, know_objects
from automations.models.tasks import TaskQuerySet

#: What one can look at; "open" is all that one may take or has taken.
SHOWS = ("open", "mine", "free", "taken", "done")
#: How one can sort, by what, and what decides between equals.
SORTS: dict[str, tuple[Any, ...]] = {
    "oldest": ("created", "pk"),
    "newest": ("-created", "-pk"),
    "due": (F("due_date").asc(nulls_last=True), "created", "pk"),
}


@dataclass(frozen=True)
class Wanted:
    """What the user wants to see. What is none of the values that there are counts as the first."""

    show: str = SHOWS[0]
    automation: str = ""
    node: str = ""
    search: str = ""
    sort: str = "oldest"

    @classmethod
    def of(cls, given: Any) -> Wanted:
        """Return what is wanted by the parameters of a request."""

        def one_of(name: str, allowed: Iterable[str]) -> str:
            values = list(allowed)
            value = given.get(name, "")
            return value if value in values else values[0]

        search = given.get("q", "").replace("\0", "").strip()[:100]
        return cls(
            one_of("show", SHOWS),
            given.get("automation", "").replace("\0", "")[:256],
            given.get("node", "").replace("\0", "")[:256],
            search,
            one_of("sort", SORTS),
        )


class DatedFirst:
    """
    Tasks by their due date, those without one last, of which ``dated`` have one.

    No index has that order on all databases. Each part of it has one: only a slice that reaches
    over both is sorted by the database.
    """

    def __init__(self, tasks: TaskQuerySet, dated: int) -> None:
        self.tasks = tasks
        self.dated = dated

    def __getitem__(self, part: slice) -> TaskQuerySet:
        if part.stop <= self.dated:
            return self.tasks.exclude(due_date=None).order_by("due_date", "created", "pk")[part]
        if part.start >= self.dated:
            rest = slice(part.start - self.dated, part.stop - self.dated)
            return self.tasks.filter(due_date=None).order_by("created", "pk")[rest]
        return self.tasks[part]


@dataclass
class Inbox:
    """
    The tasks that ``user`` may do.

    All counts come from one statement that groups the tasks in an index; the user's permissions
    are asked for once, and decided for each distinct list of permissions that tasks need.
    """

    user: Any
    now: Any = field(default_factory=settings.now)

    @classmethod
    def of(cls, request: HttpRequest | None) -> Inbox:
        """Return the inbox of whoever makes the request, one for all that asks during it."""
        found: Inbox | None = getattr(request, "_automations_inbox", None)
        if found is None:
            found = cls(getattr(request, "user", None) or AnonymousUser())
            if request is not None:
                request._automations_inbox = found  # type: ignore[attr-defined] # ours
        return found

    @cached_property
    def _addressed(self) -> TaskQuerySet:
        tasks = AutomationTaskModel.objects.offered()
        if not (self.user.is_authenticated and self.user.is_active):
            return tasks.none()
        if self.user.is_superuser:
            return tasks
        if not self._decides:
            return AutomationTaskModel.objects.doable_by(self.user)
        return tasks.addressed_to(self.user)

    @cached_property
    def _decides(self) -> bool:
        """Whether permissions are still to be decided, for each list of them and not each task."""
        if not (self.user.is_authenticated and self.user.is_active) or self.user.is_superuser:
            return False
        replaced = settings.replaced("ATM_USER_WITH_PERMISSIONS_MODEL_METHOD")
        return not (replaced or know_objects())

    @cached_property
    def kinds(self) -> list[Kind]:
        """All that the user may do, by what is alike."""
        if not self._decides:
            everything = self.user.is_superuser and self.user.is_active
            tasks = AutomationTaskModel.objects.filter(OFFERED) if everything else self._addressed
            return count_all(tasks, self.user, self.now)
        found = count_addressed(self.user, self.now)
        lists = {kind.permissions for kind in found}
        allowed = {permissions: has_all(self.user, permissions) for permissions in lists}
        return [kind for kind in found if allowed[kind.permissions]]

    @property
    def doable(self) -> TaskQuerySet:
        """The tasks that the user may do, by whomever they are taken."""
        if not self._decides:
            return self._addressed
        needed = {kind.permissions for kind in self.kinds}
        return self._addressed.needing(map(list, needed))

    def counts(self) -> dict[str, int]:
        """Return how many tasks there are to see of each kind, and how many are overdue."""
        counts = dict.fromkeys([*SHOWS[:-1], "overdue"], 0)
        for kind in self.kinds:
            counts[kind.hold] += kind.number
            if kind.hold != "taken":
                counts["open"] += kind.number
                counts["overdue"] += kind.overdue
        return counts

    def choices(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the automations and the nodes that one can choose, with their names."""
        automations = {
            kind.automation: automation_name(AutomationModel(automation_class=kind.automation))
            for kind in self.kinds
        }
        nodes = {kind.node: readable(kind.node) for kind in self.kinds}
        return in_order(automations), in_order(nodes)

    def tasks(self, wanted: Wanted) -> TaskQuerySet:
        """Return what is wanted of what the user may do, or has done."""
        if wanted.show == "done":
            found = self._done().order_by(F("finished").desc(), "-pk")
        else:
            found = self.doable.filter(self._held(wanted.show)).order_by(*SORTS[wanted.sort])
        if wanted.automation:
            found = found.filter(automation__automation_class=wanted.automation)
        if wanted.node:
            found = found.filter(status=wanted.node)
        if wanted.search:
            found = found.filter(self._matches(wanted.search, wanted.show == "done"))
        return found.select_related("automation", "taken_by")

    def next(self) -> AutomationTaskModel | None:
        """Return the task that the user may do next: what is hers or his before what is free."""
        for show in ("mine", "free"):
            found = self.doable.filter(self._held(show)).order_by(*SORTS["oldest"]).first()
            if found is not None:
                return found
        return None

    def number_of(self, wanted: Wanted) -> int:
        """Return how many tasks are wanted: as far as it can, by what is counted already."""
        if wanted.search or wanted.show == "done":
            return self.tasks(wanted).count()
        return sum(kind.number for kind in self._kinds_of(wanted))

    def in_pages(self, wanted: Wanted) -> TaskQuerySet | DatedFirst:
        """Return what is wanted, to take slices of."""
        found = self.tasks(wanted)
        if wanted.sort != "due" or wanted.search or wanted.show == "done":
            return found
        return DatedFirst(found, sum(kind.dated for kind in self._kinds_of(wanted)))

    def _kinds_of(self, wanted: Wanted) -> list[Kind]:
        """Return those kinds of open tasks that are wanted; a search cannot be decided by them."""
        holds = {"open": ("mine", "free")}.get(wanted.show, (wanted.show,))
        return [
            kind
            for kind in self.kinds
            if kind.hold in holds
            and wanted.automation in ("", kind.automation)
            and wanted.node in ("", kind.node)
        ]

    @property
    def _mine(self) -> Q:
        """Return what holds for tasks that the user has taken, or alone is asked to do."""
        return Q(taken_by=self.user.pk) | Q(taken_by=None, interaction_user=self.user.pk)

    def _held(self, show: str) -> Q:
        """Return what holds for the tasks to show."""
        return {
            "open": Q(taken_by=None) | Q(taken_by=self.user.pk),
            "mine": self._mine,
            "free": Q(taken_by=None) & ~Q(interaction_user=self.user.pk),
            "taken": Q(taken_by__isnull=False) & ~Q(taken_by=self.user.pk),
        }[show]

    def _done(self) -> TaskQuerySet:
        """Return the tasks whose forms the user has completed."""
        mine = Q(automationauditmodel__user=self.user.pk, automationauditmodel__action="complete")
        return AutomationTaskModel.objects.filter(mine)

    def _matches(self, text: str, done: bool) -> Q:
        """
        Return what makes a task match: the number of its run, or the subject, as people read it.

        Only those entries of the data are searched that the class shows in its subject.
        """
        found = Q(automation=int(text)) if text.isdecimal() and len(text) < 19 else Q(pk=None)
        for definition in known.startable():
            if text.casefold() in str(definition.owner.get_verbose_name()).casefold():  # type: ignore[attr-defined] # of an automation
                found |= Q(automation__automation_class__in=definition.labels)
            for name in subject_fields(definition.options.subject):
                found |= Q(
                    **{f"automation__data__{name}__icontains": text},
                    automation__automation_class__in=definition.labels,
                )
        return found


def in_order(names: dict[str, str]) -> dict[str, str]:
    """Return the names in the order of the alphabet."""
    return dict(sorted(names.items(), key=lambda item: item[1].casefold()))
