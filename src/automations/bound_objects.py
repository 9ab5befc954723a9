"""The model instances that a run is about: their keys are in its data."""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from automations.definition.process import ProcessDefinition
from automations.exceptions import BoundObjectMissing, InvalidData
from automations.payload import MODELS_KEY


class BoundObject:
    """The attribute of an automation that gives the model instance it is bound to."""

    def __init__(self, name: str, model: type[Model]) -> None:
        self.name = name
        self.model = model

    def __repr__(self) -> str:
        return f"<BoundObject {self.name}: {self.model.__name__}>"

    def __get__(self, automation: Any, owner: type) -> Any:
        if automation is None:
            return self.model
        return automation._objects.get(self.name, self.model)


class BoundObjects:
    """The instances that one handle has fetched, each once while its key stays the same."""

    def __init__(self, automation: Any) -> None:
        self._automation = automation
        self._fetched: dict[str, tuple[Any, Any]] = {}

    def get(self, name: str, model: type[Model]) -> Any:
        """Return the instance; None if none is bound. Raise `BoundObjectMissing` if it is gone."""
        run = self._automation
        key = run.data.get(name)
        if key is None:
            return None
        known, found = self._fetched.get(name, (None, None))
        if known != key:
            found = model._default_manager.filter(pk=key).first()
            if found is None:
                raise BoundObjectMissing(
                    f"{run.get_automation_name()} {run.id} is bound to {model.__name__} {key} as "
                    f"{name!r}, which does not exist any more."
                )
            self._fetched[name] = (key, found)
        return found


def as_data(definition: ProcessDefinition, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Return the arguments with the primary key of each model instance in its place.

    Raise `InvalidData` for one that is not saved or of another model than is declared.
    """
    data = dict(arguments)
    undeclared = {}
    for name, value in arguments.items():
        if not isinstance(value, Model):
            continue
        model = definition.models.get(name)
        if model is not None and not isinstance(value, model):
            raise InvalidData(
                f"{definition.owner.__name__}.{name} binds {model.__name__}, not "
                f"{type(value).__name__}."
            )
        if value.pk is None:
            raise InvalidData(f"{name} is not saved yet, so it cannot be bound. Save it first.")
        if model is None:
            undeclared[name] = value._meta.label
        data[name] = value.pk
    if undeclared:
        data[MODELS_KEY] = undeclared
    return data
