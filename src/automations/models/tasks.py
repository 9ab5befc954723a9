"""The row of one visit of a run to one node, and who may act on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from automations import settings
from automations.definition.node import Node
from automations.models.assignment import Assignment
from automations.models.deletion import RESTRICT_AND_CLEAR
from automations.models.runs import AutomationModel, RunState
from automations.models.task_queries import OPEN, TaskQuerySet, TaskState

if TYPE_CHECKING:
    from django.contrib.auth.models import User

__all__ = ["OPEN", "AutomationTaskModel", "TaskQuerySet", "TaskState"]


class Pulse(Protocol):
    """What keeps the claim of work that is done outside of a transaction."""

    def beat(self, progress: float | None, message: str) -> None:
        """Note how far the work is; raise `ClaimLost` if the task has been taken from it."""


class AutomationTaskModel(Assignment):
    """
    One visit of a run to one of its nodes.

    ``status`` is the node's name, ``state`` how far the visit has got, ``previous`` the task it
    came from and ``fork`` the Split whose branch it belongs to. ``due``, ``created`` and
    ``finished`` are process time. ``claimed_by`` is who does the work outside of a transaction,
    ``claimed_until`` (the database's own time) how long nobody else does it, ``progress`` how far
    it says it has come, from 0 to 1. ``attempts`` counts attempts that did not come back, ``tries``
    those that came back with an error and are made again at ``retry_at``. A name without its
    user or group means that the one who was asked has been deleted: then nobody but a superuser
    may act.
    """

    State = TaskState
    #: Where the work on this very object reports, while it is done outside of a transaction.
    pulse: Pulse | None = None

    automation = models.ForeignKey(
        AutomationModel, on_delete=models.CASCADE, db_index=False, verbose_name=_("automation")
    )
    previous = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        db_index=False,
        verbose_name=_("previous task"),
    )
    fork = models.ForeignKey(
        "self",
        on_delete=RESTRICT_AND_CLEAR,
        null=True,
        related_name="branches",
        verbose_name=_("fork"),
        help_text=_("The Split whose branch this task belongs to."),
    )
    status = models.CharField(_("status"), max_length=256)
    state = models.CharField(
        _("state"), max_length=16, choices=TaskState.choices, default=TaskState.READY
    )
    due = models.DateTimeField(
        _("due"), null=True, help_text=_("When the engine looks at this task next; empty if never.")
    )
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    tries = models.PositiveIntegerField(
        _("failed tries"),
        default=0,
        help_text=_("How often the work was tried in vain."),
    )
    retry_at = models.DateTimeField(
        _("tried again"), null=True, help_text=_("Before this the work is not tried again.")
    )
    error = models.CharField(
        _("error"), max_length=255, blank=True, default="", help_text=_("The class of the error.")
    )
    message = models.CharField(_("message"), max_length=255, blank=True, default="")
    result = models.JSONField(_("result"), null=True, blank=True, encoder=DjangoJSONEncoder)
    traceback = models.TextField(_("traceback"), blank=True, default="")
    reminders = models.JSONField(
        _("reminders"),
        default=list,
        blank=True,
        help_text=_("How often each .Remind() of the node has come due for this task."),
    )
    outbox = models.JSONField(
        _("outbox"),
        null=True,
        blank=True,
        encoder=DjangoJSONEncoder,
        help_text=_("The message that this task is sending."),
    )
    claimed_by = models.CharField(_("claimed by"), max_length=128, default="", blank=True)
    claimed_until = models.DateTimeField(_("claimed until"), null=True)
    progress = models.FloatField(_("progress"), null=True)
    created = models.DateTimeField(_("created"), default=settings.now)
    finished = models.DateTimeField(_("finished"), null=True)
    objects = TaskQuerySet.as_manager()

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        indexes = [
            models.Index(fields=["automation", "state"], name="atm_task_of_run"),
            # An inbox is shown in the order of one of these, and counted by the third alone.
            models.Index(fields=["requires_interaction", "created"], name="atm_task_inbox"),
            models.Index(
                fields=["requires_interaction", "due_date", "created"], name="atm_task_due_date"
            ),
            models.Index(
                fields=["offer", "taken_by", "interaction_user", "interaction_group", "due_date"],
                name="atm_task_offers",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["previous", "status"], name="atm_task_opened_once"),
            models.CheckConstraint(
                condition=Q(state__in=TaskState.values), name="atm_task_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN, finished__isnull=True)
                | ~Q(state__in=OPEN) & Q(finished__isnull=False),
                name="atm_task_open_xor_finished",
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN) | Q(due__isnull=True), name="atm_task_due_only_open"
            ),
            models.CheckConstraint(
                condition=Q(requires_interaction=False) | Q(state=TaskState.WAITING),
                name="atm_task_asks_only_waiting",
            ),
            models.CheckConstraint(
                condition=Q(claimed_by="", claimed_until__isnull=True)
                | ~Q(claimed_by="") & Q(claimed_until__isnull=False, state=TaskState.WAITING),
                name="atm_task_claim_only_waiting",
            ),
            models.CheckConstraint(condition=~Q(status=""), name="atm_task_has_a_node"),
        ]

    def __str__(self) -> str:
        return f"{self.status} ({self.state})"

    def __repr__(self) -> str:
        run = f" of run {self.automation_id}" if self.automation_id else ""
        return f"<{type(self).__name__} {self.pk}: {self.status} ({self.state}){run}>"

    @property
    def node_name(self) -> str:
        """The name of the node this task is a visit to."""
        return self.status

    @property
    def data(self) -> dict[str, Any]:
        """The run's JSON dictionary; what a step changes in it is saved with the step."""
        return cast("dict[str, Any]", self.automation.data)

    @property
    def reminded(self) -> int:
        """How often a reminder has come due while the task waited."""
        return sum(self.reminders)

    @property
    def idempotency_key(self) -> str:
        """
        What tells this task from all others, the same over all its attempts.

        For whatever it does outside the database: the other side knows it again by this key.
        """
        return f"{self.automation.key}-{self.pk}"

    def heartbeat(self, progress: float | None = None, message: str = "") -> None:
        """
        Say that work outside of a transaction goes on, how far it is (0 to 1), and at what.

        Both are shown where people look at the run. The work keeps its claim by itself: this is
        for showing, and for finding out soon that the task was taken away. Raise `ClaimLost`
        then: nothing of what the work returns would be kept. Writes nothing by itself and may be
        called as often as one likes, also from async code; inside a step it does nothing. Raise
        `ValueError` if ``progress`` is no number from 0 to 1.
        """
        if progress is not None and not 0 <= progress <= 1:
            raise ValueError(f"progress is a number from 0 to 1, not {progress!r}.")
        if self.pulse is not None:
            self.pulse.beat(progress, message)

    @property
    def percent(self) -> int | None:
        """How far work outside of a transaction says it has come; None if it says nothing."""
        return None if self.progress is None else round(100 * self.progress)

    @property
    def is_open(self) -> bool:
        """Whether the task is still to be done."""
        return self.state in OPEN

    @property
    def is_offered(self) -> bool:
        """Whether the task waits for a person now."""
        return (
            self.requires_interaction
            and self.state == TaskState.WAITING
            and self.automation.state == RunState.RUNNING
        )

    @property
    def locked(self) -> int:
        """1 while a process has a claim on the run, else 0."""
        return int(bool(self.automation.claimed_by))

    def get_node(self) -> Node:
        """Return the node. Raise `NodeNotFound` or `AutomationNotFound` if the code lacks it."""
        return self.automation.definition.node(self.status).ready(self.automation.instance)

    def hours_since_created(self) -> float:
        """Return how many hours this task has been open, in process time; 0 if it is closed."""
        if self.finished:
            return 0
        return (settings.now() - self.created).total_seconds() / 3600

    def get_previous_tasks(self) -> Iterable[AutomationTaskModel]:
        """Return the tasks that led here: several where a Join was completed."""
        if isinstance(self.result, list) and self.state == TaskState.COMPLETED:
            node = self.automation.definition.nodes.get(self.status)
            if node and node.merges:
                return AutomationTaskModel.objects.filter(pk__in=self.result).order_by("pk")
        return [self.previous] if self.previous else []

    def get_next_tasks(self) -> TaskQuerySet:
        """Return the tasks that this one led to."""
        return self.automationtaskmodel_set.all()

    @classmethod
    def get_open_tasks(cls, user: User) -> tuple[AutomationTaskModel, ...]:
        """Return the tasks that wait for a person and that ``user`` may do, oldest first."""
        return tuple(cls.objects.doable_by(user).order_by("created", "pk"))

    def retry(
        self,
        user: User | None = None,
        reason: str = "",
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """
        Take this failed task up again, as if it had never run; its run goes on.

        ``data`` are entries of the run's data to set before. What is due is run within the budget
        of a request. ``user`` and ``reason`` go into the audit trail. Raise `TaskClosed` if the
        task has not failed, or is taken care of already.
        """
        from automations.dispatch import inline  # the other door that leads up

        inline.retry(self.automation_id, self.pk, user=user, reason=reason, data=data)
        self.refresh_from_db()

    def skip(self, user: User | None = None, reason: str = "", result: Any = None) -> None:
        """
        Leave the work of this failed task undone; like `retry` in everything else.

        ``result`` is kept as its result, if it can be written as JSON.
        """
        from automations.dispatch import inline  # the other door that leads up

        inline.skip(self.automation_id, self.pk, user=user, reason=reason, result=result)
        self.refresh_from_db()
