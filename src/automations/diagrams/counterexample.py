"""The way to a flaw of a process, as what is painted on its picture."""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType

from django.utils.translation import gettext_lazy as _

from automations.definition.process import ProcessDefinition
from automations.definition.soundness import Flaw, Kind
from automations.diagrams.painting import Mark, Paint, State

#: What is wrong, as it stands at the nodes where it is.
WORDS = {
    Kind.STUCK: _("stuck"),
    Kind.LEFT_BEHIND: _("left behind"),
    Kind.TWICE: _("twice at once"),
    Kind.NO_END: _("no end"),
    Kind.DEAD: _("never done"),
}


def painted(definition: ProcessDefinition, flaw: Flaw) -> Paint:
    """Return the nodes on the way as done, and those where it ends as failed."""
    often = Counter(flaw.path)
    marks = {
        name: Mark(State.DONE, str(_("step %d") % (flaw.path.index(name) + 1)), often[name])
        for name in often
    }
    marks |= {
        name: Mark(State.FAILED, str(WORDS.get(flaw.kind, flaw.kind))) for name in flaw.places
    }
    # Branches are told one after the other: a node was come to from the last before it that leads
    # there.
    flows = {(flow.source, flow.target) for flow in definition.flows}
    way = [*flaw.path, *flaw.places]
    taken = set()
    for at, name in enumerate(way):
        before = next((one for one in reversed(way[:at]) if (one, name) in flows), None)
        if before is not None:
            taken.add((before, name))
    return Paint(MappingProxyType(marks), frozenset(taken))
