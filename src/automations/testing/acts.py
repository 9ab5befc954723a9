"""What people and other systems do to a run under test: by the page's own code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied
from django.core.files import File
from django.db.models import Model, QuerySet
from django.forms import BaseFormSet
from django.http import Http404
from django.test import RequestFactory

from automations import settings
from automations.definition.receivers import prepare
from automations.engine.context import TaskContext
from automations.engine.locking import tasks
from automations.exceptions import AutomationFinished, NotAllowed, RunBusy, TaskClosed, TaskTaken
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.runs import ALIVE
from automations.nodes.interactions import AnyForm
from automations.testing.assertions import fresh
from automations.testing.failures import surfacing
from automations.testing.telling import asked, name_of, row_of, standing
from automations.views.tasks import TaskView

Entered = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class FormRefused(AssertionError):
    """The form of a task is not valid; ``form`` is the bound form, with its errors."""

    def __init__(self, text: str, form: Any) -> None:
        super().__init__(text)
        self.form = form


def complete(
    run: Any,
    node: str,
    data: Entered | None = None,
    *,
    user: Any,
    incidents: bool = False,
    twice: bool = False,
) -> AutomationTaskModel:
    """
    Fill in the form that ``run`` waits with at ``node``, as ``user``; return the completed task.

    It goes the way of the page's POST: the right to do it, the form, its validation, and then what
    follows within the budget of a request. ``data`` are all entries as the page would send them:
    by field; of a formset a list of them. Files, lists, dates and model instances may be given as
    such; what is None is not sent. With ``twice`` the form is sent twice at once, as by a double
    click: both requests find the form open and check it, one of them takes it in, and the other
    is told that the task is closed.

    Raise `FormRefused` with the form's errors if it is not valid; `NotAllowed` if the page would
    refuse this user, `TaskTaken` if another has taken the task, `TaskClosed` if the run does not
    wait for a person there, each with where it stands. What fails in the process is raised;
    with ``incidents`` it becomes an incident.
    """
    row = row_of(run)
    row.definition.node(node)
    task = offered_at(row, node)
    if task is None:
        raise TaskClosed(f"{name_of(row)} does not wait for a person at {node!r}.\n{standing(row)}")
    with surfacing(incidents=incidents):
        post(row, task, data or {}, user, Doubled if twice else Completion)
    row_of(run)
    task.refresh_from_db()
    return task


def offered_at(row: AutomationModel, node: str) -> AutomationTaskModel | None:
    """Return the oldest task of the run that waits for a person at ``node``."""
    offered = tasks().offered().filter(automation=row.pk, status=node)
    return offered.select_related("automation").order_by("pk").first()


def post(
    row: AutomationModel,
    task: AutomationTaskModel,
    data: Entered,
    user: Any,
    page: type[Completion] | None = None,
) -> Any:
    """Send the form of ``task`` to ``page``, as `complete` says; return what that answers."""
    request = RequestFactory().post("/")
    request.user = fresh(user)
    view = (page or Completion)()
    view.setup(request, task_id=task.pk)
    view.row, view.entered = row, data
    try:
        return view.dispatch(request, task_id=task.pk)
    except (PermissionDenied, Http404, NotAllowed) as error:
        raise NotAllowed(
            f"{user} may not do {task.status!r} of {name_of(row)}: it is for {asked(task)}.\n"
            f"{standing(row)}"
        ) from error


class Completion(TaskView):
    """The page of a task, which raises what it would show."""

    row: AutomationModel
    entered: Entered

    def handle_no_permission(self) -> NoReturn:
        raise NotAllowed("Nobody is logged in.")

    def closed(self) -> NoReturn:
        raise TaskClosed(f"The task has been closed meanwhile.\n{standing(self.row)}")

    def busy(self, form: Any) -> NoReturn:
        raise RunBusy(f"{name_of(self.row)} is being worked on.")

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | sent(self.entered, self.get_form_class())

    def form_invalid(self, form: AnyForm) -> NoReturn:
        lines = "\n".join(f"  {field}: {text}" for field, text in wrong(form))
        raise FormRefused(
            f"The form of {self.task.status!r} of {name_of(self.row)} is not valid:\n{lines}", form
        )

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        holder = kwargs.get("held_by_other")
        raise TaskTaken(f"{holder} has taken {self.task.status!r} of {name_of(self.row)}.", holder)

    def get_success_url(self) -> str:
        # A project need not have the inbox among its URLs.
        return super().get_success_url() if self.node.success_url else "/"


class Doubled(Completion):
    """The page of a task to which the form is sent twice at once."""

    def form_valid(self, form: AnyForm) -> Any:
        answer = post(self.row, self.task, self.entered, self.request.user)  # this one is faster
        with suppress(TaskClosed):
            super().form_valid(form)
            raise AssertionError(f"{self.task.status!r} of {name_of(self.row)} was done twice.")
        return answer


def blank(task: AutomationTaskModel, user: Any) -> AnyForm:
    """Return the form of ``task`` as the page shows it to a user, before anything is entered."""
    request = RequestFactory().get("/")
    request.user = user
    view = TaskView()
    view.setup(request, task_id=task.pk)
    view.task = task
    view.task_context = TaskContext(task, task.automation, settings.now())
    view.task_context.load()
    view.node = view.task_context.node
    form: AnyForm = view.get_form()
    return form


def sent(entered: Entered, form: type[AnyForm]) -> dict[str, Any]:
    """Return ``data`` and ``files`` for the form, as a request brings what was entered."""
    if not isinstance(entered, Mapping):
        entered = numbered(entered, form)
    raw = {name: given for name, value in entered.items() if (given := plain(value)) is not None}
    request = RequestFactory().post("/", raw)
    return {"data": request.POST, "files": request.FILES}


def numbered(entered: Sequence[Mapping[str, Any]], form: type[AnyForm]) -> dict[str, Any]:
    """Return what a page would send of a formset that has been filled in so."""
    if not issubclass(form, BaseFormSet):
        raise TypeError(f"{form.__name__} is no formset: give its entries as a dict.")
    prefix = form.get_default_prefix()
    found: dict[str, Any] = {f"{prefix}-TOTAL_FORMS": len(entered), f"{prefix}-INITIAL_FORMS": 0}
    for place, entries in enumerate(entered):
        found |= {f"{prefix}-{place}-{name}": value for name, value in entries.items()}
    return found


def plain(value: Any) -> Any:
    """Return what a page sends of a value: of a model instance its key, of several a list."""
    if isinstance(value, File):
        value.seek(0)  # it may be sent more than once
    if isinstance(value, Model):
        return value.pk
    if isinstance(value, QuerySet | list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value


def wrong(form: Any) -> list[tuple[str, str]]:
    """Return what is wrong with the form, by field; with the whole of it under "form"."""
    if isinstance(form, BaseFormSet):
        found = [("form", str(text)) for text in form.non_form_errors()]
        for place, one in enumerate(form.forms):
            found += [(f"{place}-{name}", text) for name, text in wrong(one)]
        return found
    return [
        ("form" if name == NON_FIELD_ERRORS else name, str(text))
        for name, texts in form.errors.items()
        for text in texts
    ]


def send(
    run: Any, message: str, data: Any = None, *, token: str | None = None, incidents: bool = False
) -> Any:
    """
    Send ``message`` to ``run``, an automation or a row, and return what it answers.

    It goes the way of ``run.send_message(message, token, data)``, and what is due then is run
    within the budget of a request. What that only passes over is an error here: raise
    `MessageRefused` if the process does not receive the message, or not with this data, and
    `AutomationFinished` if the run has ended. What fails in the process is raised; with
    ``incidents`` it becomes an incident.
    """
    row = row_of(run)
    prepare(row.get_automation_class(), message, data)
    if row.state not in ALIVE and row.state != row.State.FAILED:
        raise AutomationFinished(
            f"{name_of(row)} cannot receive {message!r} any more.\n{standing(row)}"
        )
    handle = run if run is not row and not isinstance(run, AutomationModel) else row.instance
    with surfacing(incidents=incidents):
        return handle.send_message(message, token, data)
