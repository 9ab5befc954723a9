"""What an operator may do to one run, and the forms by which it is asked for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from automations.definition.receivers import received
from automations.exceptions import AutomationNotFound
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.runs import ALIVE, RunState
from automations.models.tasks import TaskState

#: What was done, as the person reads it afterwards.
DONE: dict[str, Promise] = {
    "retry": _("The task is taken up again."),
    "skip": _("The task is skipped."),
    "cancel": _("The run is cancelled."),
    "suspend": _("The run is suspended."),
    "resume": _("The run goes on."),
    "message": _("The message is sent."),
}


class ReasonForm(forms.Form):
    """Why somebody does something: it goes on record."""

    reason = forms.CharField(label=_("Reason"), max_length=500)


class JSONField(forms.JSONField):
    """A value, written as JSON; nothing is nothing, which Django's own field shows as null."""

    widget = forms.Textarea(attrs={"rows": 2})

    def prepare_value(self, value: Any) -> Any:
        return "" if value is None else super().prepare_value(value)


class JSONObjectField(JSONField):
    """An object, written as JSON; empty is an object without entries."""

    def clean(self, value: Any) -> dict[str, Any]:
        found = super().clean(value)
        if found is not None and not isinstance(found, dict):
            raise forms.ValidationError(_('This has to be an object: {"name": "value"}.'))
        return found or {}


class MendForm(ReasonForm):
    """What to do about a failed task."""

    changes = JSONObjectField(
        label=_("Data to set before it is retried"),
        required=False,
        help_text=_("As JSON, key by key: what is not named stays as it is."),
    )
    result = JSONField(
        label=_("Result if it is skipped"),
        required=False,
        help_text=_("As JSON: a text stands in double quotes."),
    )


class MessageForm(ReasonForm):
    """A message to the run."""

    content = JSONObjectField(label=_("Data"), required=False, help_text=_("As JSON, key by key."))
    token = forms.CharField(label=_("Token"), required=False, max_length=500)
    field_order = ("message", "content", "token", "reason")

    def __init__(self, *args: Any, names: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(name, name) for name in names]
        self.fields["message"] = forms.ChoiceField(label=_("Message"), choices=choices)
        self.order_fields(self.field_order)


class Acts:
    """
    The forms on the page of a run, each with what may be done by it.

    ``of_run`` is one for the run as a whole with the ``verbs`` that its state allows, ``message``
    one that sends it a message; each is None where there is nothing to do. ``mend(task)`` is the
    form of a failed task. ``bound`` is the one that has been sent, with its errors.
    """

    def __init__(self, run: AutomationModel, bound: forms.Form | None = None) -> None:
        self.run, self.bound = run, bound
        self.verbs = verbs(run)

    @property
    def of_run(self) -> forms.Form | None:
        """The form about the run as a whole."""
        if not self.verbs:
            return None
        return self._given("run") or ReasonForm(prefix="run")

    @property
    def message(self) -> forms.Form | None:
        """The form that sends a message."""
        names = listening(self.run)
        return (
            self._given("message") or MessageForm(prefix="message", names=names) if names else None
        )

    def mend(self, task: AutomationTaskModel) -> forms.Form | None:
        """Return the form about a failed task; None if nothing can be done about it."""
        if task.state != TaskState.FAILED or self.run.state != RunState.FAILED:
            return None
        return self._given(f"task-{task.pk}") or MendForm(prefix=f"task-{task.pk}")

    def _given(self, prefix: str) -> forms.Form | None:
        return self.bound if self.bound is not None and self.bound.prefix == prefix else None


def verbs(run: AutomationModel) -> list[str]:
    """Return what may be done to the run as a whole."""
    return {
        RunState.RUNNING: ["suspend", "cancel"],
        RunState.SUSPENDED: ["resume", "cancel"],
        RunState.FAILED: ["cancel"],
    }.get(RunState(run.state), [])


def listening(run: AutomationModel) -> list[str]:
    """Return the names of the messages that the run can receive."""
    if run.state not in ALIVE and run.state != RunState.FAILED:
        return []
    try:
        owner = run.get_automation_class()
    except AutomationNotFound:
        return []
    names = received(owner)
    return names if run.state in ALIVE else [name for name in names if name in owner._meta.listens]
