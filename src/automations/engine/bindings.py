"""Which objects a run is bound to: rows that follow its data, in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from django.db.models import Model

from automations.definition.process import ProcessDefinition
from automations.engine.context import RunContext
from automations.engine.locking import alias
from automations.exceptions import AutomationNotFound
from automations.models import AutomationModel, AutomationObjectModel
from automations.payload import MODELS_KEY

#: By attribute: the label of the model in lower case, and the primary key as text.
Bindings: TypeAlias = dict[str, tuple[str, str]]


def label_of(model: type[Model]) -> str:
    """Return the label by which objects of ``model``, and of its proxies, are known."""
    return model._meta.concrete_model._meta.label_lower  # type: ignore[union-attr] # a real model


def bindings(definition: ProcessDefinition, data: Mapping[str, Any]) -> Bindings:
    """Return the objects that a run with ``data`` is bound to."""
    labels = {name: label_of(model) for name, model in definition.models.items()}
    undeclared = data.get(MODELS_KEY)
    if isinstance(undeclared, dict):
        labels |= {name: str(label).lower() for name, label in undeclared.items()}
    return {
        name: (label, str(data[name]))
        for name, label in labels.items()
        if isinstance(data.get(name), int | str)
    }


def bind(run: AutomationModel, found: Bindings) -> None:
    """Write the rows of ``found`` for the run."""
    rows = [
        AutomationObjectModel(automation=run, name=name, model=label, object_key=key)
        for name, (label, key) in found.items()
    ]
    if rows:
        AutomationObjectModel.objects.using(alias()).bulk_create(rows)


def follow_data(context: RunContext) -> None:
    """Let the rows say what the changed data of the run says."""
    try:
        definition = context.run.definition
    except AutomationNotFound:
        return
    before = bindings(definition, context.data_before)
    after = bindings(definition, context.run.data)
    if before != after:
        rows = AutomationObjectModel.objects.using(alias()).filter(automation=context.run.pk)
        rows.delete()
        bind(context.run, after)
