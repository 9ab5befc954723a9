"""The node that asks a person for an object: `ModelForm`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.files import File
from django.db.models import Model
from django.forms import BaseForm
from django.forms.models import BaseModelForm

from automations.definition.node import Context
from automations.definition.problems import Problem
from automations.exceptions import DefinitionError
from automations.nodes.freshness import freshen, remember
from automations.nodes.interactions import Form, plain
from automations.outcomes import Complete, Outcome


class ModelForm(Form):
    """
    Ask a person to fill in the form of a model: to make an object, or to change one.

    ``form`` is a ``django.forms.ModelForm``. ``data[key]`` is the primary key of the object that
    is shown and changed; without it, or if that object is gone, a new one is made. What was
    entered is saved in the transaction that completes the task, and the primary key of what was
    saved goes into ``data[key]``, so that ``run.<key>`` gives the object::

        billing = flow.ModelForm(BillingForm, "billing_details").User(this.customer)

    What is entered is kept under the node's name as well, as with `Form`.
    """

    def __init__(
        self,
        form: Any,
        key: Any,
        template_name: str | None = None,
        context: Mapping[str, Any] | None = None,
        repeated_form: bool = False,
        success_url: Any = None,
        *,
        description: str = "",
    ) -> None:
        super().__init__(
            form, template_name, context, repeated_form, success_url, description=description
        )
        self.key = key

    def get_form_kwargs(self, context: Context) -> dict[str, Any]:
        model = self.get_form_class(context)._meta.model  # type: ignore[attr-defined] # checked
        key = context.task.data.get(self.key)
        found = None if key is None else model._default_manager.filter(pk=key).first()
        if found is not None:
            remember(found)
        return {**super().get_form_kwargs(context), "instance": found}

    def get_form_class(self, context: Context) -> type[BaseForm]:
        form = super().get_form_class(context)
        if not issubclass(form, BaseModelForm):
            raise DefinitionError(f"The form of node {self.name!r} is no ModelForm but {form!r}.")
        model: type[Model] = form._meta.model  # just checked
        bound = context.automation._meta.models.get(self.key, model)  # type: ignore[attr-defined] # as above
        if not issubclass(model, bound):
            raise DefinitionError(
                f"The form of node {self.name!r} makes a {model.__name__}, but {self.key!r} "
                f"binds a {bound.__name__}. Give the node another key, or the form of that model."
            )
        return form

    def complete(self, context: Context, form: Any, user: Any) -> Outcome:
        freshen(form.instance)
        saved = form.save()
        entered = {
            name: getattr(saved, name).name
            if isinstance(value, File) and hasattr(saved, name)
            else plain(value)
            for name, value in form.cleaned_data.items()
        }
        stamp = {"user_id": user.pk, "time": context.now.isoformat()}
        data = {self.name: entered, f"_{self.name}_validated": stamp, self.key: saved.pk}
        if self.key not in context.automation._meta.models:  # type: ignore[attr-defined] # bound
            known = dict(context.task.data.get("_models", {}))
            data["_models"] = known | {self.key: saved._meta.label}
        return Complete(data=data)

    def problems(self, label: str) -> Iterator[Problem]:
        yield from super().problems(label)
        if isinstance(self.form, type) and not issubclass(self.form, BaseModelForm):
            yield Problem(
                "E133",
                f"{label} needs a django.forms.ModelForm, not {self.form.__name__}.",
                "Use flow.Form for other forms.",
                self.name,
            )
        if not (isinstance(self.key, str) and self.key.isidentifier()) or self.key == self.name:
            yield Problem(
                "E134",
                f"{label} cannot keep its object under the key {self.key!r}.",
                "Give a name that is an identifier and not that of the node.",
                self.name,
            )
