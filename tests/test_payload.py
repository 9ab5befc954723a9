"""What may be kept as JSON is the same on every database."""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import Any

import pytest

from automations import payload
from automations.exceptions import InvalidData
from automations.models import AutomationModel


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({"a": float("nan")}, r"data\['a'\] is nan"),
        ({"a": [1, float("inf")]}, r"data\['a'\]\[1\] is inf"),
        ({"a": {"b": "x\0"}}, r"data\['a'\]\['b'\] contains a NUL"),
        ({"a": "\ud800"}, r"data\['a'\] contains a lone surrogate"),
        ({"\0": 1}, r"The key '\\x00' of data contains a NUL"),
        ({1: 2}, r"data has the key 1; .* Use '1'"),
        ({"a": object()}, r"data\['a'\] is a object"),
        ({"a": {1, 2}}, r"data\['a'\] is a set"),
    ],
)
@pytest.mark.api("D20", "A18")
def test_what_some_database_refuses_is_refused_by_name(value: Any, named: str) -> None:
    with pytest.raises(InvalidData, match=named):
        payload.clean(value)


def nested(levels: int) -> Any:
    """Return lists in lists."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.api("D20")
def test_what_is_nested_too_deeply_for_some_database_is_refused() -> None:
    with pytest.raises(InvalidData, match="nested more than 30 levels deep"):
        payload.clean(nested(31))
    with pytest.raises(InvalidData):
        payload.clean(nested(100_000))


@pytest.mark.django_db
def test_the_deepest_that_is_taken_is_kept_by_every_database() -> None:
    run = AutomationModel.objects.create(automation_class="x", data={"x": nested(29)})
    run.refresh_from_db()
    assert payload.clean(run.data) == {"x": nested(29)}


def test_dates_decimals_and_keys_become_text_as_with_django() -> None:
    key = uuid.uuid4()
    assert payload.clean(
        {
            "day": datetime.date(2026, 3, 2),
            "sum": decimal.Decimal("1.50"),
            "key": key,
            "span": datetime.timedelta(hours=1),
            "plain": (1, 2.5, True, None, "text"),
        }
    ) == {
        "day": "2026-03-02",
        "sum": "1.50",
        "key": str(key),
        "span": "P0DT01H00M00S",
        "plain": [1, 2.5, True, None, "text"],
    }


def test_a_patch_carries_only_what_has_changed() -> None:
    fresh = {"mine": 1, "theirs": 2, "gone": 3}
    payload.patch(fresh, {"mine": 1, "theirs": 1, "gone": 3}, {"mine": 5, "theirs": 1, "new": 6})
    assert fresh == {"mine": 5, "theirs": 2, "new": 6}
