"""
What starts a run by itself, or lets one look again: Django's signals and saved objects.

The run is made in the transaction of whoever sends the signal, so it is undone with it; its nodes
are executed once that is committed. What is done then, `automations.firing`, is imported when the
first trigger fires.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, TypeVar

from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_save
from django.dispatch import Signal

from automations.definition import known
from automations.definition.problems import Problem
from automations.definition.process import ProcessDefinition
from automations.exceptions import DefinitionError

Class = TypeVar("Class", bound=Any)


@dataclass(frozen=True)
class Trigger:
    """One subscription of an automation: the node to start at, and the model it is about."""

    start: str | None = None
    model: type[Model] | None = None


def connect(owner: Any, signal: Signal, receiver: Callable[..., Any], **kwargs: Any) -> None:
    """Connect ``receiver`` for good, in the place of the same one of an earlier import."""
    uid = kwargs.pop("dispatch_uid", None)
    uid = uid or f"automations:{owner._meta.label}:{len(owner._triggers)}"
    signal.disconnect(dispatch_uid=uid, sender=kwargs.get("sender"))
    signal.connect(receiver, weak=False, dispatch_uid=uid, **kwargs)


def on_signal(signal: Signal, start: str | None = None, **kwargs: Any) -> Callable[[Class], Class]:
    """
    Start a run of the decorated automation each time ``signal`` is sent.

    ``start`` is the name of the node to start at (by default the first), ``kwargs`` are those of
    ``signal.connect()``, ``sender`` for one. If the class has a method ``started_by_signal(sender,
    data)``, it is called before the first node, with what was sent. The run is made in the
    sender's transaction: none stays if that is rolled back; it is executed on commit. What
    ``started_by_signal`` raises, the sender of the signal gets, as from any receiver.
    """

    def decorate(owner: Class) -> Class:
        owner.on(signal, start, **kwargs)
        return owner

    return decorate


def on_model(
    model: type[Model],
    *,
    created: bool | None = True,
    when: Callable[[Any], Any] | None = None,
    start: str | None = None,
) -> Callable[[Class], Class]:
    """
    Start a run of the decorated automation when an object of ``model`` is saved.

    The automation has to bind the model; the run is bound to the object. ``created``: True for
    new objects, False for changed ones, None for both. ``when`` gets the object and says whether
    to start. Objects that come from fixtures start nothing; ``QuerySet.update()`` and
    ``bulk_create()`` send no signal, so they start nothing either. The rest is as with
    `on_signal`::

        @flow.on_model(Order, when=lambda order: order.total > 100)
        class Approval(flow.Automation):
            order = Order
            ...
    """

    def decorate(owner: Class) -> Class:
        owner._triggers.append(Trigger(start, model))

        def saved(sender: Any, instance: Model, raw: bool = False, **data: Any) -> None:
            if raw or (created is not None and data.get("created") is not created):
                return
            if when is None or when(instance):
                from automations import firing

                bound = {name_for(owner._meta, model): instance}
                firing.start_run(owner, start, sender, {"instance": instance, **data}, bound)

        connect(owner, post_save, saved, sender=model)
        return owner

    return decorate


def subscribe(owner: Any, signal: Signal, start: str | None, **kwargs: Any) -> None:
    """Start a run of ``owner`` at the node ``start`` each time ``signal`` is sent."""
    owner._triggers.append(Trigger(start))

    def received(sender: Any, **data: Any) -> None:
        data.pop("signal", None)
        owner.on_signal(start, sender, **data)

    connect(owner, signal, received, **kwargs)


def name_for(definition: ProcessDefinition, model: type[Model]) -> str:
    """Return the attribute that binds ``model``. Raise `DefinitionError` if there is none."""
    for name, bound in definition.models.items():
        if issubclass(model, bound):
            return name
    raise DefinitionError(
        f"{definition.label} starts with {model.__name__}, but binds none. Add an attribute: "
        f"{model.__name__.lower()} = {model.__name__}."
    )


def problems(owner: Any) -> Iterator[Problem]:
    """Yield what is wrong with the subscriptions of an automation."""
    definition: ProcessDefinition = owner._meta
    overridden = owner.on_signal.__func__ is not vars(Triggered)["on_signal"].__func__
    for trigger in owner._triggers:
        own_way = overridden and trigger.model is None
        if owner._is_abstract() and not own_way:
            what = trigger.model.__name__ if trigger.model else "a signal"
            yield Problem(
                "E140",
                f"{definition.label} is started by {what}, but is abstract, so each start fails.",
                "Let a subclass be started: put the decorator there, or call its on().",
            )
        if owner._is_abstract():
            continue
        if trigger.start is not None and trigger.start not in definition.nodes:
            yield Problem(
                "E135",
                f"{definition.label} is started by a signal at {trigger.start!r}, which is no "
                f"node.",
                f"Give one of {', '.join(definition.nodes)}.",
            )
        given = set()
        if trigger.model is not None:
            try:
                given.add(name_for(definition, trigger.model))
            except DefinitionError as error:
                yield Problem("E136", str(error), "The run is bound to the object by it.")
        elif own_way:
            continue
        names = () if isinstance(owner.unique, bool) else owner.unique
        if missing := [name for name in names if name not in given]:
            yield Problem(
                "E137",
                f"{definition.label} is started by itself and is unique by {', '.join(missing)}, "
                f"but what starts it gives no such parameter.",
                "Override on_signal() and start it from there, or leave the parameter out.",
            )


class Triggered:
    """What signals start: the class of an automation."""

    _triggers: ClassVar[list[Trigger]]

    @classmethod
    def on(cls, signal: Signal, start: str | None = None, **kwargs: Any) -> None:
        """Start a run each time ``signal`` is sent: what ``@flow.on_signal`` does."""
        subscribe(cls, signal, start, **kwargs)

    @classmethod
    def on_signal(cls, start: str | None, sender: Any, /, **kwargs: Any) -> None:
        """
        Start a run for one sending of a signal; override it to choose which ones count.

        ``start`` and ``sender`` are given by their place, for the signal may send what it likes.
        """
        from automations import firing

        firing.start_run(cls, start, sender, kwargs)


# Objects that runs are bound to


def follow_saved_objects() -> None:
    """Let runs look again when an object is saved that they are bound to."""
    post_save.connect(object_saved, dispatch_uid="automations:follow")


def object_saved(sender: type[Model], instance: Model, using: str, **kwargs: Any) -> None:
    """Once it is committed, let the runs that are bound to ``instance`` look again."""
    models = [model for model in sender.__mro__ if known.is_bound(model)]
    if models and not kwargs.get("raw"):
        look = partial(look_again, models, str(instance.pk))
        transaction.on_commit(look, using=using, robust=True)


def look_again(models: list[type[Model]], key: str) -> None:
    """Let the running runs look again that are bound to the object with this ``key``."""
    from automations import firing

    firing.look_at_runs_of(models, key)
