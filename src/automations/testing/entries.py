"""
What random people enter into the fields of a form, and what random messages bring.

Nothing here is imported before somebody explores: it needs Hypothesis.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, time
from functools import partial
from typing import Any

from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.forms import BaseForm, BaseFormSet
from django.forms.utils import from_current_timezone
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument, ResolutionFailed
from hypothesis.extra.django import from_field
from hypothesis.strategies import SearchStrategy

from automations.nodes.interactions import AnyForm

Draw = Callable[[SearchStrategy[Any]], Any]
#: A strategy, and what returns the whole with another value in the place of one that was drawn.
Slot = tuple[SearchStrategy[Any], Callable[[Any], Any]]
#: Whole numbers that every database can keep.
WHOLE = st.integers(-(2**31), 2**31 - 1)
TEXT = st.text(
    st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=20
)
#: Between these is what is entered as a date and a time.
FIRST, LAST = datetime(2000, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001 - as entered
#: What belongs to a formset and not to what is asked.
OF_FORMSETS = {"DELETE", "ORDER"}

# Values


def drawn(draw: Draw, source: Any) -> Any:
    """Return ``source``, with a value drawn wherever it is a strategy."""
    if isinstance(source, SearchStrategy):
        return draw(source)
    if isinstance(source, Mapping):
        return {name: drawn(draw, each) for name, each in source.items()}
    return [drawn(draw, each) for each in source] if isinstance(source, list) else source


def slots(value: Any, source: Any) -> Iterator[Slot]:
    """Yield each strategy of which a part of ``value`` was drawn, and what puts another there."""
    if isinstance(source, SearchStrategy):
        yield source, lambda other: other
        return
    places: Iterable[Any] = ()
    if isinstance(source, Mapping) and isinstance(value, Mapping):
        places = [name for name in value if name in source]
    elif isinstance(source, list):
        places = range(len(source))
    for place in places:
        for strategy, put in slots(value[place], source[place]):
            yield strategy, partial(replaced, value, place, put)


def replaced(value: Any, place: Any, put: Callable[[Any], Any], other: Any) -> Any:
    """Return the list or dictionary with ``other`` put into what stands at a place."""
    changed = value.copy()
    changed[place] = put(other)
    return changed


def of_kind(kind: Any) -> SearchStrategy[Any]:
    """Return the strategy of values that a receiver needs as ``kind``."""
    if kind is str:
        return TEXT
    if kind is int:
        return WHOLE
    if kind is float:
        return st.floats(allow_nan=False, allow_infinity=False)
    return st.from_type(kind)


# Fields


def file_for(field: forms.Field) -> SearchStrategy[Any]:
    """Return the strategy of small files."""
    names = st.text(string.ascii_lowercase, min_size=1, max_size=8).map("{}.txt".format)
    return st.builds(SimpleUploadedFile, names, st.binary(min_size=1, max_size=8))


def number_for(field: Any) -> SearchStrategy[Any]:
    """Return the strategy of numbers with as many places as the field takes."""
    places = 2 if field.decimal_places is None else field.decimal_places
    most = 10 ** (6 if field.max_digits is None else field.max_digits - places) - 1
    return st.decimals(
        -most if field.min_value is None else field.min_value,
        most if field.max_value is None else field.max_value,
        allow_nan=False,
        allow_infinity=False,
        places=places,
    )


def one_of(field: Any) -> SearchStrategy[Any]:
    """Return the strategy of the primary keys of a field's choices, in their order."""
    keys = field.queryset.order_by(*(field.queryset.query.order_by or ["pk"]))
    name = field.to_field_name or "pk"
    found = [str(value) for value in keys.values_list(name, flat=True)[:100]]
    return st.sampled_from(found) if found else st.none()


def some_of(field: Any) -> SearchStrategy[Any]:
    """Return the strategy of lists of such keys."""
    return st.lists(one_of(field), min_size=int(field.required), max_size=3, unique=True)


class Daytime(forms.TimeField):
    """The field of a time on a day that is entered beside it."""


def is_told_once(moment: datetime) -> bool:
    """Return whether clocks show the moment, and once: not where they are put forward or back."""
    try:
        from_current_timezone(moment)
    except forms.ValidationError:
        return False
    return True


Maker = Callable[[Any], SearchStrategy[Any]]
#: Where Hypothesis has nothing for a field of Django's, or something that no browser sends.
OWN: dict[type[forms.Field], Maker] = {
    forms.ModelMultipleChoiceField: some_of,
    forms.ModelChoiceField: one_of,
    forms.DateTimeField: lambda field: st.datetimes(FIRST, LAST).filter(is_told_once),
    # Clocks are put forward and back at night.
    Daytime: lambda field: st.times(time(4), time(22)),
    forms.TimeField: lambda field: st.times(),
    forms.DecimalField: number_for,
    forms.FileField: file_for,
    forms.JSONField: lambda field: st.sampled_from(["1", '["a"]', '{"a": 1}']),
}


def valid_for(field: forms.Field) -> SearchStrategy[Any]:
    """Return the strategy of values that the field should take, as far as that can be known."""
    kind = type(field)
    if kind in OWN:
        return OWN[kind](field)
    try:
        return from_field(field)
    except (ResolutionFailed, InvalidArgument):
        for base in kind.__mro__:  # a field of the project: what the one of Django takes
            if base in OWN:
                return OWN[base](field)
            if base is forms.IntegerField:
                return WHOLE
        return TEXT.filter(str.strip)  # of nothing but spaces a field makes nothing


def any_for(field: forms.Field) -> SearchStrategy[Any]:
    """Return the strategy of what people enter who do not care: also nothing, or nonsense."""
    if isinstance(field.widget, forms.CheckboxInput):
        return st.one_of(valid_for(field), st.none())  # whatever is sent of it, it is ticked or not
    return st.one_of(valid_for(field), st.none(), TEXT)


# Forms


def sources(form: AnyForm, given: Any, number: int, *, careful: bool) -> Any:
    """
    Return the strategies of what somebody enters into the unbound ``form``, by the names of a page.

    Of a formset a list of them, so many more than must be as ``number`` says. ``given`` are values
    and strategies by field, or a strategy of the whole, for what the author knows better.
    """
    if isinstance(given, SearchStrategy):
        return given
    make = valid_for if careful else any_for
    if isinstance(form, BaseFormSet):
        count = min(form.max_num, form.min_num + number)
        return [fields_of(form.empty_form, given, make) for _ in range(count)]
    return fields_of(form, given, make, form.prefix or "")


def fields_of(
    form: BaseForm, given: Mapping[str, Any], make: Maker, prefix: str = ""
) -> dict[str, Any]:
    """Return a strategy for each field of one form."""
    found: dict[str, Any] = {}
    for name, field in form.fields.items():
        sent = f"{prefix}-{name}" if prefix else name
        if name in given:
            found[sent] = given[name]
        elif not field.disabled and name not in OF_FORMSETS:
            found |= {sent + suffix: make(part) for suffix, part in parts(field)}
    return found


def parts(field: forms.Field) -> Iterator[tuple[str, forms.Field]]:
    """Yield the fields that a page shows of one, each with the end of its name: mostly itself."""
    widget = field.widget
    if isinstance(field, forms.MultiValueField) and isinstance(widget, forms.MultiWidget):
        names = widget.widgets_names  # type: ignore[attr-defined] # the stubs lack it
        for name, part in zip(names, field.fields, strict=True):
            of_a_day = isinstance(field, forms.SplitDateTimeField)
            yield name, Daytime() if of_a_day and isinstance(part, forms.TimeField) else part
    else:
        yield "", field


def moments() -> SearchStrategy[datetime]:
    """Return the strategy of moments at which stories begin: clocks are difficult there."""
    return st.sampled_from(
        [
            datetime(2026, 3, 2, 9, tzinfo=UTC),  # a Monday morning
            datetime(2026, 3, 6, 16, 55, tzinfo=UTC),  # before a weekend
            datetime(
                2026, 3, 28, 12, tzinfo=UTC
            ),  # the night after it, summer time begins in Europe
            datetime(2026, 10, 31, 23, 30, tzinfo=UTC),  # before it ends in America, and a month
            datetime(2028, 2, 28, 23, 59, tzinfo=UTC),  # before the leap day
            datetime(2026, 12, 31, 22, 30, tzinfo=UTC),  # before the year ends
        ]
    )
