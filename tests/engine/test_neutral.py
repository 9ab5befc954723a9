"""A work is in the time zone and language of the project, and leaves both as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.utils import timezone, translation

from automations.engine.context import neutral

WHERE = [(None, None), ("de", None), (None, "Asia/Tokyo"), ("de", "Asia/Tokyo")]


@contextmanager
def caller(language: str | None, zone: str | None) -> Iterator[tuple[Any, Any]]:
    """Be somebody who has activated these, and say what is active then."""
    with ExitStack() as active:
        if language:
            active.enter_context(translation.override(language))
        if zone:
            active.enter_context(timezone.override(zone))
        yield said()


def said() -> tuple[Any, Any]:
    """Return the language and the time zone that are active."""
    return translation.get_language(), timezone.get_current_timezone_name()


@pytest.mark.parametrize(("language", "zone"), WHERE)
def test_whoever_calls_the_work_is_in_the_zone_and_language_of_the_project(
    language: str | None, zone: str | None, settings: Any
) -> None:
    with caller(language, zone), neutral():
        assert said() == (settings.LANGUAGE_CODE, settings.TIME_ZONE)


@pytest.mark.parametrize(("language", "zone"), WHERE)
@pytest.mark.parametrize("error", [None, ValueError("broken")])
def test_what_the_work_activates_is_gone_after_it(
    language: str | None, zone: str | None, error: Exception | None
) -> None:
    with caller(language, zone) as before:
        with ExitStack() as stack:
            if error:
                stack.enter_context(pytest.raises(ValueError, match="broken"))
            with neutral():
                translation.activate("fr")
                timezone.activate("America/New_York")
                assert said() == ("fr", "America/New_York")
                if error:
                    raise error
        assert said() == before


def test_in_a_process_in_which_nothing_is_active_nothing_is_afterwards(settings: Any) -> None:
    translation.deactivate()
    timezone.deactivate()
    with neutral():
        timezone.activate("America/New_York")
    settings.TIME_ZONE = "Asia/Tokyo"
    assert timezone.get_current_timezone_name() == "Asia/Tokyo"
