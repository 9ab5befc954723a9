"""Which definitions the code has, by the names that runs may carry."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Model
from django.utils.module_loading import import_string

from automations.definition.problems import Problem
from automations.definition.process import ProcessDefinition

_by_label: dict[str, ProcessDefinition] = {}
_models: set[type[Model]] = set()


def add(definition: ProcessDefinition) -> None:
    """Remember a definition that has been compiled; a later one of the same name replaces it."""
    _by_label[definition.label] = definition
    _models.update(definition.models.values())


def labels(label: str) -> tuple[str, ...]:
    """Return every name that runs of the automation ``label`` may carry."""
    definition = _by_label.get(label)
    return definition.labels if definition else (label,)


def current(label: str) -> ProcessDefinition | None:
    """Return the definition of the automation that was once called ``label``, if there is one."""
    for definition in _by_label.values():
        if label in definition.options.former_names:
            return definition
    return None


def clashing_names() -> Iterator[tuple[ProcessDefinition, Problem]]:
    """Yield each former name that is another automation's too, with the definition that says it."""
    found = {each.label: each for each in list(_by_label.values()) if can_be_found(each)}
    claimed: dict[str, ProcessDefinition] = {}
    for definition in found.values():
        for name in definition.options.former_names:
            other = found.get(name) or claimed.setdefault(name, definition)
            if other is definition:
                continue
            whose = "is called so now" if other.label == name else f"({other.label}) has it too"
            yield (
                definition,
                Problem(
                    "E141",
                    f"Meta.former_names of {definition.label} has {name!r}, but another automation "
                    f"{whose}, so the runs under that name would belong to both.",
                    "Keep the name with one of them: a run goes on as one automation.",
                ),
            )


def is_bound(model: type[Model]) -> bool:
    """Return whether some automation declares that its runs are bound to objects of ``model``."""
    return model in _models


def startable() -> Iterator[ProcessDefinition]:
    """Yield the definitions that have runs: a run can find them again by their dotted path."""
    for definition in list(_by_label.values()):
        if has_runs(definition):
            yield definition


def scheduled() -> Iterator[ProcessDefinition]:
    """Yield the definitions that have a schedule, and runs."""
    for definition in list(_by_label.values()):
        if definition.options.schedule and has_runs(definition):
            yield definition


def has_runs(definition: ProcessDefinition) -> bool:
    """Return whether there can be runs: it is not abstract, and can be found again."""
    return not definition.options.abstract and can_be_found(definition)


def can_be_found(definition: ProcessDefinition) -> bool:
    """Return whether the class stands where its dotted path says: not inside a function."""
    try:
        return import_string(definition.label) is definition.owner
    except ImportError:
        return False
