"""The node that asks a person: `Form`."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.files import File
from django.core.files.storage import default_storage
from django.db.models import Model, Q, QuerySet
from django.forms import BaseForm, BaseFormSet

from automations import settings
from automations.definition.boundary import moment_of
from automations.definition.node import Context, Node
from automations.definition.problems import Problem
from automations.definition.references import as_reference
from automations.definition.wording import called
from automations.exceptions import DefinitionError
from automations.outcomes import Ask, Complete, Outcome

AnyForm = BaseForm | BaseFormSet  # type: ignore[type-arg] # not at run time


class Form(Node):
    """
    Ask a person to fill in a form.

    ``form`` is a class of forms or formsets, or a callable that gets the task and returns one. Who
    may fill it in is said by `User`, `Group` and `Permission`; what is given must all hold::

        approve = flow.Form(ApprovalForm, description="Check the sum.").Group(name="staff")

    What was entered is kept in ``data`` under the node's name (of a formset a list, without what
    was left empty or deleted), and who entered it when under ``_<name>_validated``.
    ``template_name`` and ``context`` shape the page (an automation's ``default_template_name`` and
    ``context`` hold for all its forms), ``success_url`` is where the person goes next.
    ``repeated_form`` is accepted as before and has no effect.
    """

    bpmn: ClassVar[str] = "userTask"
    asks: ClassVar[bool] = True
    written_as: ClassVar[Mapping[str, str]] = {
        "user": "User",
        "group": "Group",
        "permissions": "Permission...",
        "due_in": "DueIn",
    }

    user: tuple[Any, Mapping[str, Any]] | None = None
    group: tuple[Any, Mapping[str, Any]] | None = None
    permissions: tuple[Any, ...] = ()
    due_in: Any = None

    def __init__(
        self,
        form: Any,
        template_name: str | None = None,
        context: Mapping[str, Any] | None = None,
        repeated_form: bool = False,
        success_url: Any = None,
        *,
        description: str = "",
    ) -> None:
        super().__init__(description=description)
        self.form = as_reference(form)
        self.template_name = template_name
        self.context = dict(context or {})
        self.repeated_form = repeated_form
        self.success_url = success_url

    # Modifiers

    def User(self, user: Any = None, /, **lookup: Any) -> Self:
        """
        Ask this user: a look-up such as ``username="ada"``, or a callable or ``this.x``.

        The callable gets the task and returns a user or a primary key. It is asked once, when
        the task opens.
        """
        return self._once("User", user=(as_reference(user), _references(lookup)))

    def Group(self, group: Any = None, /, **lookup: Any) -> Self:
        """Ask the members of this group: a look-up such as ``name="staff"``, or a callable."""
        return self._once("Group", group=(as_reference(group), _references(lookup)))

    def Permission(self, permission: Any) -> Self:
        """
        Ask users who have this permission, ``"app_label.codename"``; all that are given.

        They have it on everything or, where a backend such as django-guardian knows such rights, on
        an object of the same app that the run is bound to.
        """
        return self._with(permissions=(*self.permissions, as_reference(permission)))

    def DueIn(self, delay: Any) -> Self:
        """
        Say by when people should have done it: a timedelta after the task opens, or a datetime.

        Or a callable or ``this.x`` that returns one; it is asked once, when the task opens. The
        inbox shows it, and what is overdue; nothing happens by itself then. Without it that is
        the moment of ``.OnTimeout()`` or ``.SkipAfter()``. A naive datetime is in ``TIME_ZONE``.
        """
        return self._once("DueIn", due_in=as_reference(delay))

    def performers(self) -> Iterator[tuple[str, str]]:
        for kind, assignee in (("group", self.group), ("user", self.user)):
            value, lookup = assignee or (None, {})
            values = list(lookup.values()) if lookup else [value] if assignee else []
            if values:
                yield kind, ", ".join(called(each) for each in values)
        for permission in self.permissions:
            yield "permission", called(permission)

    # What the engine and the pages ask

    def execute(self, context: Context) -> Outcome:
        until, poll = self.deadline(context), bool(self.skip_conditions)
        if context.task.requires_interaction:
            return Ask(until=until, poll=poll)  # somebody is asked already: nobody else is
        return Ask(
            user=self._assignee(context, self.user, get_user_model(), "user"),
            group=self._assignee(context, self.group, group_model(), "group"),
            permissions=tuple(self._permission(context, value) for value in self.permissions),
            until=until,
            poll=poll,
            due_date=self._due_date(context, until),
        )

    def get_form_class(self, context: Context) -> type[AnyForm]:
        """Return the class of the form, or of the formset, to show for the task of ``context``."""
        form = context.resolve(self.form)
        if not (isinstance(form, type) and issubclass(form, AnyForm)):
            form = form(context.task)
        if not (isinstance(form, type) and issubclass(form, AnyForm)):
            raise DefinitionError(f"The form of node {self.name!r} is no form class but {form!r}.")
        return form

    def get_form_kwargs(self, context: Context) -> dict[str, Any]:
        """Return further arguments for the form; override it to pass some."""
        return {}

    def complete(self, context: Context, form: AnyForm, user: Any) -> Outcome:
        """Return the outcome of the valid ``form`` that ``user`` has sent."""
        entered = entered_into(form)
        stamp = {"user_id": user.pk, "time": context.now.isoformat()}
        return Complete(data={self.name: entered, f"_{self.name}_validated": stamp})

    def time_values(self) -> Iterator[tuple[str, Any]]:
        yield from super().time_values()
        if self.due_in is not None:
            yield "DueIn", self.due_in

    def values(self) -> Iterator[tuple[str, Any]]:
        yield from super().values()
        yield "Form", self.form
        for modifier, assignee in (("User", self.user), ("Group", self.group)):
            if assignee:
                for value in (assignee[0], *assignee[1].values()):
                    yield modifier, value
        for permission in self.permissions:
            yield "Permission", permission

    def problems(self, label: str) -> Iterator[Problem]:
        yield from super().problems(label)
        if not (self.user or self.group or self.permissions):
            yield Problem(
                "E117",
                f"{label} is a form that is assigned to nobody.",
                'Say who may fill it in: .User(), .Group(name="...") or .Permission("app.code").',
                self.name,
            )
        for permission in self.permissions:
            if isinstance(permission, str) and "." not in permission:
                yield Problem(
                    "E118",
                    f".Permission() of {label} needs 'app_label.codename', not {permission!r}.",
                    "Put the label of the app before the name of the permission.",
                    self.name,
                )

    def get_users_with_permission(self) -> Any:
        """
        Return the active users who may fill in this form, as far as the class says it.

        Who is asked by a callable or ``this.x`` is known only when a task opens: then ask the
        task (`AutomationTaskModel.get_users_with_permission`), which also counts for the pages.
        The setting ``ATM_USER_WITH_PERMISSIONS_FORM_METHOD`` replaces this method.
        """
        if method := settings.replaced("ATM_USER_WITH_PERMISSIONS_FORM_METHOD"):
            return method(self)
        users = get_user_model()._default_manager.filter(is_active=True)
        asked = Q()
        for permission in self.permissions:
            if isinstance(permission, str):
                holders = get_user_model().objects.with_perm(
                    permission,
                    include_superusers=False,
                    backend="django.contrib.auth.backends.ModelBackend",
                )
                asked &= Q(pk__in=holders.values("pk"))
        for assignee, prefix in ((self.user, ""), (self.group, "groups__")):
            if assignee and assignee[1]:
                asked &= Q(**{prefix + key: value for key, value in assignee[1].items()})
        return users.filter(asked).distinct() if asked else users.none()

    def _assignee(
        self, context: Context, assignee: Any, model: type[Model], word: str
    ) -> Any | None:
        if assignee is None:
            return None
        value, lookup = assignee
        if lookup:
            lookup = {key: context.evaluate(item) for key, item in lookup.items()}
            wanted = ", ".join(f"{key}={item!r}" for key, item in lookup.items())
        else:
            found = context.evaluate(value)
            lookup = {"pk": found.pk if isinstance(found, Model) else found}
            wanted = f"the primary key {lookup['pk']!r}"
        keys = list(model._default_manager.filter(**lookup).values_list("pk", flat=True)[:2])
        if len(keys) != 1:
            raise LookupError(
                f"Form {self.name!r} is assigned to the {word} with {wanted}, which "
                f"{'is more than one' if keys else 'does not exist'}. Put that right, then retry "
                f"the task."
            )
        return keys[0]

    def _due_date(
        self, context: Context, until: datetime.datetime | None
    ) -> datetime.datetime | None:
        if self.due_in is None:
            return until
        value = context.evaluate(self.due_in)
        return moment_of(value, context.task.created, f".DueIn() of node {self.name!r}")

    def _permission(self, context: Context, value: Any) -> str:
        permission = context.evaluate(value)
        if not isinstance(permission, str) or "." not in permission:
            raise DefinitionError(
                f".Permission() of node {self.name!r} needs 'app_label.codename', "
                f"not {permission!r}."
            )
        return permission


def group_model() -> type[Model]:
    """Return the model that groups users: ``ATM_GROUP_MODEL``."""
    return apps.get_model(settings.get("ATM_GROUP_MODEL"))


def entered_into(form: AnyForm) -> Any:
    """Return what is kept of a valid form: by name; of a formset a list, without empty forms."""
    if isinstance(form, BaseFormSet):
        return [
            {name: plain(value) for name, value in one.cleaned_data.items() if name != "DELETE"}
            for one in (form.ordered_forms if form.can_order else form.forms)
            if not (is_empty(one) or one in form.deleted_forms)
        ]
    return {name: plain(value) for name, value in form.cleaned_data.items()}


def is_empty(form: BaseForm) -> bool:
    """Return whether a form of a formset was one more to fill in, and was left empty."""
    return form.empty_permitted and not form.has_changed()


def plain(value: Any) -> Any:
    """
    Return what is kept of one entry of a form.

    Of a model instance that is its primary key, of several a list of them; a file is saved to the
    default storage and its name is kept.
    """
    if isinstance(value, Model):
        return value.pk
    if isinstance(value, QuerySet):
        return [item.pk for item in value]
    if isinstance(value, File):
        return default_storage.save(value.name, value)
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value


def _references(lookup: dict[str, Any]) -> dict[str, Any]:
    return {key: as_reference(value) for key, value in lookup.items()}
