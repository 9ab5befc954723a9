"""Who is asked to do a task, and who may do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.conf import settings as project
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from automations import settings
from automations.models.offers import LONGEST
from automations.models.rights import has_all_on, objects_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

NOBODY = Q(pk=None)


class Assignment(models.Model):
    """
    The columns that say who is asked, and the one rule of who may act.

    A name without its user or group means that the one who was asked has been deleted: then
    nobody but a superuser may act.

    ``taken_by`` says who is at it, since ``taken_at`` (process time). That gives no right and
    takes none: it keeps two people from doing the same, and whoever may act may also take over.
    ``due_date`` (process time) is for people; nothing happens by itself then. ``offer`` is what an
    inbox counts by: see `automations.models.offers`.
    """

    requires_interaction = models.BooleanField(_("requires interaction"), default=False)
    interaction_user = models.ForeignKey(
        project.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        verbose_name=_("assigned user"),
    )
    interaction_user_name = models.CharField(
        _("name of the assigned user"), max_length=255, blank=True, default=""
    )
    interaction_group = models.ForeignKey(
        settings.get("ATM_GROUP_MODEL"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        verbose_name=_("assigned group"),
    )
    interaction_group_name = models.CharField(
        _("name of the assigned group"), max_length=255, blank=True, default=""
    )
    interaction_permissions = models.JSONField(
        _("required permissions"),
        default=list,
        blank=True,
        help_text=_("List of permissions of the form app_label.codename"),
    )

    taken_by = models.ForeignKey(
        project.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("taken by"),
        help_text=_("Who has said that he or she does it; nobody else completes it then."),
    )
    taken_at = models.DateTimeField(_("taken at"), null=True)
    due_date = models.DateTimeField(
        _("due date"), null=True, help_text=_("When the person who is asked should have done it.")
    )

    offer = models.CharField(
        _("offer"),
        max_length=LONGEST,
        blank=True,
        default="",
        help_text=_("What the task asks for, in one string; empty while nobody is asked."),
    )

    class Meta:
        abstract = True

    def may_be_done_by(self, user: User | AnonymousUser) -> bool:
        """
        Return whether ``user`` is one of those who are asked: user, group and permissions.

        All that are given must hold; if none is given, nobody may act. Active superusers always
        may. A permission counts that is held on everything, or, where a backend knows such rights,
        on an object that the run is bound to. Whether the task is still open is another question.
        """
        if not (user.is_authenticated and user.is_active):
            return False
        if user.is_superuser:
            return True
        if settings.replaced("ATM_USER_WITH_PERMISSIONS_MODEL_METHOD"):
            users: Any = self.get_users_with_permission()
            if isinstance(users, models.QuerySet):
                return users.filter(pk=user.pk).exists()
            return user in users
        if not (self.interaction_user_id or self.interaction_group_id or self._permissions):
            return False
        if self.interaction_user_id:
            if self.interaction_user_id != user.pk:
                return False
        elif self.interaction_user_name:
            return False
        if self.interaction_group_id:
            if not user.groups.filter(pk=self.interaction_group_id).exists():
                return False
        elif self.interaction_group_name:
            return False
        run_id = self.automation_id  # type: ignore[attr-defined] # of a task
        return has_all_on(user, self._permissions, lambda: objects_of([run_id])[run_id])

    def get_users_with_permission(
        self,
        include_superusers: bool = True,
        backend: str = "django.contrib.auth.backends.ModelBackend",
    ) -> models.QuerySet[User]:
        """
        Return the active users who may do this task, by the rule of `may_be_done_by`.

        Those who have a permission on an object only are not among them: who that is no backend
        can be asked.
        The setting ``ATM_USER_WITH_PERMISSIONS_MODEL_METHOD`` replaces this, and with it the rule.
        """
        if method := settings.replaced("ATM_USER_WITH_PERMISSIONS_MODEL_METHOD"):
            replaced: models.QuerySet[User] = method(
                self, include_superusers=include_superusers, backend=backend
            )
            return replaced
        users = get_user_model()._default_manager.filter(is_active=True)
        asked = Q()
        for permission in self._permissions:
            holders = get_user_model().objects.with_perm(
                permission, include_superusers=False, backend=backend
            )
            asked &= Q(pk__in=holders.values("pk"))
        if self.interaction_user_id or self.interaction_user_name:
            asked &= Q(pk=self.interaction_user_id)
        if self.interaction_group_id or self.interaction_group_name:
            asked &= Q(groups=self.interaction_group_id) if self.interaction_group_id else NOBODY
        asked = asked or NOBODY
        if include_superusers:
            return users.filter(asked | Q(is_superuser=True)).distinct()
        return users.filter(asked, is_superuser=False).distinct()

    @property
    def _permissions(self) -> list[str]:
        return cast("list[str]", self.interaction_permissions)
