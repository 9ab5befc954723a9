"""Where runs begin: by hand, by a schedule, by signals and by objects that are saved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from automations.definition.process import ProcessDefinition
from automations.diagrams.elements import Element


def starts_of(definition: ProcessDefinition) -> Iterator[Element]:
    """Yield the start events, each with the node that it leads to."""
    first = next(iter(definition.nodes), "")
    if not first:
        return
    yield Element(f"{first}.start", "startEvent", pgettext("event", "Start"), first)
    if schedule := definition.options.schedule:
        yield Element(
            f"{first}.schedule", "startEvent", str(schedule), first, "timer", detail=schedule
        )
    numbers: Counter[str] = Counter()
    for trigger in getattr(definition.owner, "_triggers", ()):
        name = trigger.start or first
        if name in definition.nodes:
            numbers[name] += 1
            number = str(numbers[name]) if numbers[name] > 1 else ""
            model = trigger.model._meta.verbose_name if trigger.model else ""
            text = _("%(what)s saved") % {"what": model} if model else _("Signal")
            yield Element(
                f"{name}.signal{number}", "startEvent", text, name, "signal", trigger.model
            )
