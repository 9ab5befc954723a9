"""The way to a flaw of a process, as what is painted on its picture."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from types import MappingProxyType

from django.utils.translation import gettext as _

from automations.definition.soundness import Flaw
from automations.diagrams.painting import Mark, Paint, State


def painted(flaw: Flaw) -> Paint:
    """Return the nodes on the way as done, and those where it ends as failed."""
    often = Counter(flaw.path)
    marks = {
        name: Mark(State.DONE, _("step %d") % (flaw.path.index(name) + 1), often[name])
        for name in often
    }
    marks |= {name: Mark(State.FAILED, str(_(flaw.kind.value))) for name in flaw.places}
    # Branches are told one after the other: only neighbours that an arrow links are a way.
    taken = frozenset(pairwise(flaw.path)) | {
        (name, place) for name in often for place in flaw.places
    }
    return Paint(MappingProxyType(marks), taken)
