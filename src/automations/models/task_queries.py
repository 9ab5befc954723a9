"""Tasks: the states they can be in, and the questions one asks about them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import partial
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from automations import settings
from automations.models.rights import has_all, has_all_on, know_objects, objects_of
from automations.models.runs import RunState

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

    from automations.models.tasks import AutomationTaskModel  # noqa: F401 - named below


class TaskState(models.TextChoices):
    """The states of a task."""

    READY = "ready", _("Ready")
    WAITING = "waiting", _("Waiting")
    COMPLETED = "completed", _("Completed")
    SKIPPED = "skipped", _("Skipped")
    MERGED = "merged", _("Merged")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


#: Tasks for which a backend is asked at a time whether somebody has rights on their objects.
ASKED = 1000
#: Tasks in these states are still to be done.
OPEN = (TaskState.READY.value, TaskState.WAITING.value)
#: They ask a person. Of a mere ``True`` Django 5.2 writes SQL in which SQLite sees no index.
ASKING = Q(requires_interaction__in=[True])


class TaskQuerySet(models.QuerySet["AutomationTaskModel"]):
    """Tasks, and questions one asks about them."""

    def open(self) -> TaskQuerySet:
        """Tasks that are still to be done."""
        return self.filter(state__in=OPEN)

    def offered(self) -> TaskQuerySet:
        """Tasks that wait for a person, in runs that go on."""
        return self.filter(ASKING, state=TaskState.WAITING, automation__state=RunState.RUNNING)

    def of_nobody(self) -> TaskQuerySet:
        """
        Tasks that wait for a user or a group that has been deleted: only the name is left.

        Nobody but a superuser can do them.
        """
        return self.offered().filter(
            Q(interaction_user=None) & ~Q(interaction_user_name="")
            | Q(interaction_group=None) & ~Q(interaction_group_name="")
        )

    def stranded(self) -> TaskQuerySet:
        """
        Tasks that wait for a person, and none of those who are asked can act.

        The user or the group has been deleted, the user is not active (or not in the group), the
        group has no active member, or nobody is asked at all. Permissions are not looked at:
        whoever has them may be there. Where ``ATM_USER_WITH_PERMISSIONS_MODEL_METHOD`` decides who
        may act, only what has been deleted counts.
        """
        if settings.replaced("ATM_USER_WITH_PERMISSIONS_MODEL_METHOD"):
            return self.of_nobody()
        gone = Q(interaction_user=None) & ~Q(interaction_user_name="")
        gone |= Q(interaction_group=None) & ~Q(interaction_group_name="")
        unasked = Q(interaction_user=None, interaction_group=None, interaction_permissions=[])
        active = get_user_model()._default_manager.filter(is_active=True)
        member = active.filter(groups=OuterRef("interaction_group"))
        user = OuterRef("interaction_user")
        of_user = Q(Exists(member.filter(pk=user))) | Q(
            Exists(active.filter(is_superuser=True, pk=user))
        )
        able = Q(interaction_user=None, interaction_group=None)
        able |= Q(interaction_user=None) & Q(Exists(member))
        able |= Q(interaction_group=None) & Q(Exists(active.filter(pk=user)))
        able |= of_user
        return self.offered().filter(gone | unasked | ~able)

    def doable_by(self, user: User | AnonymousUser) -> TaskQuerySet:
        """
        Tasks that wait for a person and that ``user`` may do.

        The same rule as `AutomationTaskModel.may_be_done_by`, in a number of queries that does
        not depend on how many tasks there are.
        """
        tasks = self.offered()
        if not (user.is_authenticated and user.is_active):
            return tasks.none()
        if user.is_superuser:
            return tasks
        if settings.replaced("ATM_USER_WITH_PERMISSIONS_MODEL_METHOD"):
            return tasks.filter(pk__in=[task.pk for task in tasks if task.may_be_done_by(user)])
        tasks = tasks.addressed_to(user)
        distinct = tasks.order_by().values_list("interaction_permissions", flat=True).distinct()
        held: list[list[str]] = []
        lacking: list[list[str]] = []
        for needed in distinct:
            (held if has_all(user, needed) else lacking).append(needed)
        return tasks.needing(held, also=tasks.needing(lacking).granted_on_objects(user))

    def granted_on_objects(self, user: User) -> list[int]:
        """
        Return those of these tasks whose permissions ``user`` has on what their runs are about.

        Only where a backend knows rights on single objects; it is asked for each of the oldest
        `ASKED` tasks, and what they are about is fetched at once.
        """
        if not know_objects():
            return []
        asked = list(
            self.order_by("created", "pk").values_list(
                "pk", "automation", "interaction_permissions"
            )[:ASKED]
        )
        bound = objects_of({run_id for _, run_id, _ in asked}, self.db)
        return [
            pk
            for pk, run_id, needed in asked
            if has_all_on(user, needed, partial(bound.__getitem__, run_id))
        ]

    def addressed_to(self, user: User) -> TaskQuerySet:
        """
        Those of these tasks of which user and group fit, whatever permissions they need.

        A task that names nobody and needs nothing is for nobody.
        """
        groups = user.groups.order_by().values("pk")
        mine = Q(interaction_user=user.pk) | Q(interaction_user=None, interaction_user_name="")
        mine &= Q(interaction_group__in=groups) | Q(
            interaction_group=None, interaction_group_name=""
        )
        somebody = ~Q(interaction_user=None) | ~Q(interaction_group=None)
        return self.filter(mine).filter(somebody | ~Q(interaction_permissions=[]))

    def needing(
        self, permissions: Iterable[list[str]], *, also: Collection[int] = ()
    ) -> TaskQuerySet:
        """Those of these tasks that need one of these lists of permissions, and ``also`` these."""
        wanted = Q(pk__in=also) if also else Q(pk=None)
        for needed in permissions:
            wanted |= Q(interaction_permissions=needed)
        return self.filter(wanted)
