"""From the body of a class to the definition of a process."""

from __future__ import annotations

import inspect
import sys
from functools import cache
from itertools import count, takewhile
from types import UnionType
from typing import Any, Union, cast, get_args, get_origin

from django.db.models import Model

from automations.bound_objects import BoundObject
from automations.definition import known
from automations.definition.node import Node
from automations.definition.options import Options
from automations.definition.process import ProcessDefinition

#: What later parts of the documented API are called, beside what the class has now.
DOCUMENTED = {
    "automation",
    "automation_id",
    "autorun",
    "broadcast_message",
    "create_on_message",
    "dispatch_message",
    "get_model_instance",
    "message_key",
    "nice",
    "on",
    "on_signal",
    "satisfies_data_requirements",
    "send_message",
    "started_by_signal",
}

#: Numbers the classes in the order of their declaration.
DECLARATIONS = count()


@cache
def reserved_names(root: type) -> frozenset[str]:
    """Return the names that no node may have: those that every automation uses itself."""
    return frozenset(name for name in dir(root) if not name.startswith("_")) | DOCUMENTED


class Body(dict[str, Any]):
    """The namespace of a class body: it keeps a node and a method of one name apart."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes: dict[str, Node] = {}
        self.doubled: list[str] = []

    def __setitem__(self, name: str, value: Any) -> None:
        if isinstance(value, Node):
            if name in self.nodes:
                self.doubled.append(name)
            self.nodes[name] = value
            if not callable(self.get(name)):
                super().__setitem__(name, value)
            return
        if name in self.nodes and not callable(value):
            del self.nodes[name]
        super().__setitem__(name, value)


def is_model(value: Any) -> bool:
    """Return whether ``value`` is a class of objects that a run can be bound to."""
    return isinstance(value, type) and issubclass(value, Model)


def annotated_models(owner: type) -> dict[str, type[Model]]:
    """
    Return the models that the class only says the types of: ``issues: IssueList``, or with None.

    An annotation that cannot be read when the class is made, of what is imported for type checkers
    alone, binds nothing: the attribute gives what the run was started with all the same.
    """
    module = sys.modules.get(owner.__module__)  # none for what is made by exec()
    names = {**(vars(module) if module else {}), **vars(owner)}
    meant = {
        attribute: evaluated(given, names)
        for attribute, given in own_annotations(owner).items()
        if attribute not in vars(owner)
    }
    return {
        attribute: models[0]
        for attribute, kind in meant.items()
        if get_origin(kind) in (None, Union, UnionType)
        and len(models := [each for each in get_args(kind) or (kind,) if is_model(each)]) == 1
    }


def evaluated(annotation: Any, names: dict[str, Any]) -> Any:
    """Return what an annotation that is kept as text stands for; None if that is not known yet."""
    try:
        for _ in range(2):  # text in a module that keeps all annotations as text
            if isinstance(annotation, str):
                annotation = eval(annotation, names)  # noqa: S307 - it stands in the code
    except Exception:  # noqa: BLE001 - whatever an annotation may raise that only checkers read
        return None
    return annotation


def own_annotations(owner: type) -> dict[str, Any]:
    """Return the annotations of the class's own body, as far as they can be read now."""
    if sys.version_info >= (3, 14):
        import annotationlib

        return annotationlib.get_annotations(owner, format=annotationlib.Format.FORWARDREF)
    return inspect.get_annotations(owner)


class AutomationType(type):
    """Collects the nodes of a class and compiles them into its definition."""

    @classmethod
    def __prepare__(cls, name: str, bases: tuple[type, ...], /, **kwargs: Any) -> Body:
        return Body()

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], /, **kwargs: Any
    ) -> AutomationType:
        body = cast(Body, namespace)
        made = super().__new__(cls, name, bases, dict(namespace), **kwargs)
        # The class that all automations come from; it is none itself.
        root = next((base for base in reversed(made.__mro__[1:]) if isinstance(base, cls)), None)
        made._own_nodes = dict(body.nodes)
        made._triggers = []
        made._own_models = {}
        if root:
            made._own_models = annotated_models(made) | {
                attribute: value for attribute, value in namespace.items() if is_model(value)
            }
        for attribute, model in made._own_models.items():
            setattr(made, attribute, BoundObject(attribute, model))
        made._declared = next(DECLARATIONS)
        nodes, models = made._inherit()
        made._meta = ProcessDefinition.compile(
            f"{made.__module__}.{made.__qualname__}",
            made,
            nodes,
            models,
            body.doubled,
            reserved_names(root) if root else frozenset(),
            made._options(),
        )
        for attribute, node in made._meta.nodes.items():
            if isinstance(vars(made).get(attribute), Node):
                setattr(made, attribute, node)
        if root:
            known.add(made._meta)
        return made

    _declared: int
    _own_nodes: dict[str, Node]
    _triggers: list[Any]
    _own_models: dict[str, type[Model]]
    _meta: ProcessDefinition

    def _options(cls) -> Options:
        """Return what the class's own ``Meta`` says, and what it takes over from its bases."""
        inherited = [meta for base in cls.__mro__[1:] if (meta := vars(base).get("Meta"))]
        # A base that is started on schedule itself stands before those that hand it on.
        handing_on = takewhile(
            lambda base: not isinstance(base, AutomationType) or base._meta.options.abstract,
            cls.__mro__[1:],
        )
        abstract = [meta for base in handing_on if (meta := vars(base).get("Meta"))]
        return Options.read(vars(cls).get("Meta"), inherited, abstract)

    def _inherit(cls) -> tuple[dict[str, Node], dict[str, type[Model]]]:
        """Inherited nodes first, in their order; a replaced one keeps its place, None removes."""
        nodes: dict[str, Node] = {}
        models: dict[str, type[Model]] = {}
        for base in reversed(cls.__mro__):
            own = vars(base)
            for name, value in own.items():
                if value is None:
                    nodes.pop(name, None)
                    models.pop(name, None)
            nodes.update(own.get("_own_nodes", {}))
            models.update(own.get("_own_models", {}))
        return nodes, models
