"""Formsets that are said to have more forms than anybody has filled in."""

from __future__ import annotations

import re
from typing import Any

from django.forms import BaseFormSet
from django.forms.formsets import INITIAL_FORM_COUNT, TOTAL_FORM_COUNT
from django.utils.datastructures import MultiValueDict

#: Up to so many forms a formset is taken as it is sent.
FEW = 50


def close_ranks(form: Any) -> Any:
    """
    Leave empty forms out of a bound formset of many, and return it; forms stay as they are.

    Whoever sends it says how many forms there are. A number costs nothing to send, but each form
    is checked and, if there is something wrong, shown. Those that are left get the first places,
    in their order; forms of what was there already and those up to ``min_num`` are kept.
    """
    if not (isinstance(form, BaseFormSet) and form.is_bound):
        return form
    said = form.total_form_count()
    if said <= FEW:
        return form
    prefix = str(form.prefix)
    place = re.compile(rf"{re.escape(prefix)}-(\d{{1,4}})-(.+)", re.DOTALL)
    sent: tuple[Any, Any] = form.data, form.files
    there = min(said, form.initial_form_count(), number_there(form))
    kept = set(range(max(there, min(said, form.min_num or 0))))
    for entries in sent:
        for name in entries:
            found = place.fullmatch(name)
            if found and int(found[1]) < said and any(entries.getlist(name)):
                kept.add(int(found[1]))
    places = {old: new for new, old in enumerate(sorted(kept))}
    data, files = (moved(entries, prefix, place, places) for entries in sent)
    claimed: Any = form.management_form.cleaned_data[TOTAL_FORM_COUNT]
    if claimed > form.absolute_max:
        form.absolute_max = len(kept)  # more than may be: Django says so
    else:
        data[f"{prefix}-{TOTAL_FORM_COUNT}"] = str(len(kept))
    data[f"{prefix}-{INITIAL_FORM_COUNT}"] = str(there)
    form.data, form.files = data, files
    vars(form).pop("management_form")  # it was read already
    return form


def number_there(form: Any) -> int:
    """Return how many forms are of what was there before anybody entered anything."""
    if hasattr(form, "get_queryset"):
        return len(form.get_queryset())
    return len(form.initial or ())


def moved(
    entries: Any, prefix: str, place: re.Pattern[str], places: dict[int, int]
) -> MultiValueDict[str, Any]:
    """Return the entries, those of forms at their new places, without those that have none."""
    found: MultiValueDict[str, Any] = MultiValueDict()
    for name in entries:
        form = place.fullmatch(name)
        if form is None:
            found.setlist(name, entries.getlist(name))
        elif int(form[1]) in places:
            new = f"{prefix}-{places[int(form[1])]}-{form[2]}"
            found.setlist(new, entries.getlist(name))
    return found
