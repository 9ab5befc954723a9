"""Start a run by hand: from a form, by somebody who is on record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Model
from django.forms import BaseForm
from django.forms.models import BaseModelForm

from automations.automation import Automation
from automations.dispatch.inline import run_now
from automations.engine.locking import atomic
from automations.engine.notifying import going_on_with
from automations.engine.people import Action, record
from automations.nodes.interactions import plain
from automations.registry import automations


def startable_by(user: Any) -> Iterator[type[Automation]]:
    """Yield the automations that ``user`` may start by hand, in the order of declaration."""
    for automation in automations():
        if may_start(user, automation):
            yield automation


def may_start(user: Any, automation: type[Automation]) -> bool:
    """Return whether ``user`` may start runs of the class by hand, as its ``Meta`` says."""
    options = automation._meta.options
    if not (options.by_hand and user.is_authenticated and user.is_active):
        return False
    return not options.start_permission or bool(user.has_perm(options.start_permission))


def start(automation: type[Automation], form: BaseForm | None, user: Any) -> Automation:
    """
    Start a run with what is entered in the valid ``form``, and run it within a request's budget.

    A ModelForm is saved, and the run is bound to its object by the attribute of the class that
    names the model. One transaction makes the object, the run and the record of who started it.
    If ``unique`` finds a run that is there already, that one is returned. Raise what starting the
    class raises; then nothing is kept.
    """
    with atomic():
        with going_on_with(None):
            run = automation(autorun=False, **arguments(automation, form))
        if run.is_new:
            record(Action.START, run._db, user)
    if run.is_new:
        run_now(run.id)
        run._refresh()
    return run


def arguments(automation: type[Automation], form: BaseForm | None) -> dict[str, Any]:
    """Return with what the run is started: models for those that the class binds, else JSON."""
    if form is None:
        return {}
    bound = automation._meta.models
    if isinstance(form, BaseModelForm):
        model = type(form.instance)
        name = next((name for name, kind in bound.items() if issubclass(model, kind)), None)
        saved = form.save()
        return {name: saved} if name else {model._meta.model_name: saved.pk}
    return {
        name: value if isinstance(value, Model) and name in bound else plain(value)
        for name, value in form.cleaned_data.items()
    }
