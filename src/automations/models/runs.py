"""The row of one run of an automation."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from automations import settings
from automations.definition import known
from automations.definition.process import ProcessDefinition
from automations.exceptions import AutomationFinished, AutomationNotFound

if TYPE_CHECKING:
    from automations.dispatch.sweep import Report


def make_key() -> str:
    """Return a key that cannot be guessed: 128 random bits as 32 hexadecimal digits."""
    return secrets.token_hex(16)


class RunState(models.TextChoices):
    """The states of a run."""

    RUNNING = "running", _("Running")
    FINISHED = "finished", _("Finished")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")
    SUSPENDED = "suspended", _("Suspended")


#: Runs in these states go on by themselves or when they are resumed.
ALIVE = (RunState.RUNNING.value, RunState.SUSPENDED.value)


class RunQuerySet(models.QuerySet["AutomationModel"]):
    """Runs, and questions one asks about them."""

    def of(self, automation: Any) -> RunQuerySet:
        """Runs of ``automation``, a class, also under its former names."""
        return self.filter(automation_class__in=automation._meta.labels)

    def suspend(self, user: Any = None, reason: str = "") -> int:
        """
        Let all of these runs that are running stand still: before a deploy, for one.

        One transaction per run. Return how many. A run that does not become free in
        ``ATM_LOCK_TIMEOUT`` seconds raises `RunBusy`; call it again then.
        """
        running = self.filter(state=RunState.RUNNING).order_by("pk")
        return sum(1 for _ in _done(running, "suspend", user, reason))

    def resume(self, user: Any = None, reason: str = "") -> int:
        """Let all of these runs that are suspended go on; like `suspend`."""
        suspended = self.filter(state=RunState.SUSPENDED).order_by("pk")
        return sum(1 for _ in _done(suspended, "resume", user, reason))

    def for_object(self, instance: models.Model, name: str | None = None) -> RunQuerySet:
        """
        Runs that are bound to ``instance``, in whatever state; with ``name`` under that attribute.

        A proxy counts as the model it stands for.
        """
        concrete = instance._meta.concrete_model or type(instance)
        bound = {
            "bound_objects__model": concrete._meta.label_lower,
            "bound_objects__object_key": str(instance.pk),
        }
        if name is not None:
            return self.filter(**bound, bound_objects__name=name)
        return self.filter(**bound).distinct()


def _done(runs: RunQuerySet, act: str, user: Any, reason: str) -> Iterator[AutomationModel]:
    """Do ``act`` to each of the runs; one that has changed meanwhile is left alone."""
    for run in runs:
        with suppress(AutomationFinished):
            getattr(run, act)(user=user, reason=reason)
            yield run


class AutomationModel(models.Model):
    """
    One running or ended process.

    ``data`` is the run's JSON dictionary. ``state`` says where it stands; ``finished`` is true
    when it is neither running nor suspended. ``key`` may be put into URLs: it cannot be guessed.
    ``due`` is when the engine looks at the run next, in process time. ``created``, ``updated``
    and ``ended`` are process time too, ``claimed_until`` is the database's own time.
    """

    State = RunState
    #: Whether this very object is the run in a step: what is changed in its data, the step saves.
    in_step = False

    automation_class = models.CharField(_("process class"), max_length=256)
    state = models.CharField(
        _("state"), max_length=16, choices=RunState.choices, default=RunState.RUNNING
    )
    finished = models.BooleanField(_("finished"), default=False)
    data = models.JSONField(_("data"), default=dict, encoder=DjangoJSONEncoder)
    version = models.PositiveIntegerField(
        _("version"), default=0, help_text=_("How often the data has been changed.")
    )
    key = models.CharField(_("key"), max_length=64, default=make_key, unique=True)
    unique_key = models.CharField(  # noqa: DJ001 - NULL: any number of ended runs beside it
        _("unique key"),
        max_length=64,
        null=True,
        help_text=_("What only one running run may have; empty once the run has ended."),
    )
    due = models.DateTimeField(
        _("due"), null=True, help_text=_("When the engine looks at this run next; empty if never.")
    )
    claimed_by = models.CharField(_("claimed by"), max_length=128, default="", blank=True)
    claimed_until = models.DateTimeField(_("claimed until"), null=True)
    created = models.DateTimeField(_("created"), default=settings.now)
    updated = models.DateTimeField(_("updated"), default=settings.now)
    ended = models.DateTimeField(_("ended"), null=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        verbose_name = _("automation")
        verbose_name_plural = _("automations")
        indexes = [
            models.Index(fields=["due", "id"], name="atm_run_due"),
            # In a backlog the classes take turns.
            models.Index(fields=["automation_class", "due", "id"], name="atm_run_class_due"),
            # Incidents, and those of a class that go on, among all that have ended.
            models.Index(fields=["state", "automation_class"], name="atm_run_state"),
        ]
        constraints = [
            models.UniqueConstraint(
                # A plain constraint, kept by every database: NULL once the run has ended.
                fields=["automation_class", "unique_key"],
                name="atm_run_one_per_unique_key",
            ),
            models.CheckConstraint(
                condition=Q(state__in=RunState.values), name="atm_run_state_known"
            ),
            models.CheckConstraint(
                condition=Q(finished=False, state__in=ALIVE)
                | Q(finished=True) & ~Q(state__in=ALIVE),
                name="atm_run_finished_is_a_state",
            ),
            models.CheckConstraint(
                condition=Q(finished=False, ended__isnull=True)
                | Q(finished=True, ended__isnull=False),
                name="atm_run_ended_when_finished",
            ),
            models.CheckConstraint(
                condition=Q(state=RunState.RUNNING) | Q(due__isnull=True),
                name="atm_run_due_only_running",
            ),
            models.CheckConstraint(
                condition=Q(unique_key__isnull=True)
                | ~Q(state__in=[RunState.FINISHED, RunState.CANCELLED]),
                name="atm_run_ended_frees_key",
            ),
            models.CheckConstraint(
                condition=Q(claimed_by="", claimed_until__isnull=True)
                | ~Q(claimed_by="") & Q(claimed_until__isnull=False),
                name="atm_run_claim_whole",
            ),
            models.CheckConstraint(condition=~Q(key=""), name="atm_run_key_given"),
        ]

    def __str__(self) -> str:
        return f"{self.automation_class} {self.pk} ({self.state})"

    def get_automation_class(self) -> Any:
        """
        Return the class of this run's automation, also if the run carries a former name of it.

        Raise `AutomationNotFound` if the code no longer has it, or cannot be imported.
        """
        try:
            found = import_string(self.automation_class)
        except Exception as error:
            renamed = known.current(self.automation_class)
            if renamed is not None:
                return renamed.owner
            raise AutomationNotFound(
                f"The code has no automation {self.automation_class!r} "
                f"({type(error).__name__}: {error}). Bring it back, or cancel its runs."
            ) from error
        if not isinstance(getattr(found, "_meta", None), ProcessDefinition):
            raise AutomationNotFound(f"{self.automation_class!r} is no automation.")
        return found

    @property
    def definition(self) -> ProcessDefinition:
        """The definition of this run's process. Raise `AutomationNotFound` if there is none."""
        return cast(ProcessDefinition, self.get_automation_class()._meta)

    @property
    def instance(self) -> Any:
        """The automation bound to this row. Nothing is executed by asking for it."""
        return self.get_automation_class()(automation=self, autorun=False)

    @property
    def paused_until(self) -> datetime | None:
        """When the engine looks at this run next: the earlier name of ``due``."""
        return self.due

    def cancel(self, user: Any = None, reason: str = "") -> None:
        """
        End this run, whether it goes on, is suspended or has failed; its tasks are cancelled.

        ``user`` and ``reason`` go into the audit trail. One transaction. Raise
        `AutomationFinished` if it has ended, `RunBusy` if it does not become free in
        ``ATM_LOCK_TIMEOUT`` seconds.
        """
        from automations.engine import incidents  # a door that leads up

        incidents.cancel(self.pk, user=user, reason=reason)
        self.refresh_from_db()

    def suspend(self, user: Any = None, reason: str = "") -> None:
        """
        Let this running run stand still until it is resumed: no step, no form; like `cancel`.

        Raise `AutomationFinished` if it is not running.
        """
        from automations.engine import incidents  # a door that leads up

        incidents.suspend(self.pk, user=user, reason=reason)
        self.refresh_from_db()

    def resume(self, user: Any = None, reason: str = "") -> None:
        """
        Let this suspended run go on, and run what is due within the budget of a request.

        Raise `AutomationFinished` if it is not suspended.
        """
        from automations.dispatch import inline  # a door that leads up

        inline.resume(self.pk, user=user, reason=reason)
        self.refresh_from_db()

    def get_key(self) -> str:
        """Return the key of this run that may be put into URLs."""
        return self.key

    @classmethod
    def run(cls, timestamp: datetime | None = None) -> Report:
        """
        Do one sweep: run every task that is due, and return what was done.

        This is for a scheduler to call. ``timestamp``, an aware datetime, stands for the process
        time up to which tasks are due. Every task is a transaction of its own; called inside a
        transaction, everything is part of that one. A run that fails never keeps the others.
        """
        from automations.dispatch.sweep import sweep  # a door that leads up

        return sweep(until=timestamp)

    @classmethod
    def delete_history(cls, days: float = 30) -> tuple[int, dict[str, int]]:
        """
        Delete the runs that have ended more than ``days`` days ago, with all that belongs to them.

        Those stopped by an error stay, whatever their age. Returns how many rows were deleted,
        and how many of each model, by its label. A few hundred runs, or fewer with many tasks, are
        a transaction of their own; called inside a transaction, everything is part of that one.
        Raises `ValueError` if ``days`` is no number from 0.
        """
        from automations.engine.retention import delete_history  # a door that leads up

        deleted = delete_history(days)
        return deleted.total(), dict(deleted)
