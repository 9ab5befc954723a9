"""What is kept of an error fits every database."""

from __future__ import annotations

import pytest

from automations.engine.failures import (
    CUT,
    MESSAGE_LENGTH,
    TRACEBACK_BYTES,
    scrub,
    shorten,
    storable,
    tidy,
)


def test_a_text_that_just_fits_is_kept_as_it_is() -> None:
    assert shorten("x" * TRACEBACK_BYTES) == "x" * TRACEBACK_BYTES
    assert tidy("x" * MESSAGE_LENGTH) == "x" * MESSAGE_LENGTH
    assert tidy("x" * (MESSAGE_LENGTH + 1)) == "x" * (MESSAGE_LENGTH - 1) + "…"


@pytest.mark.parametrize("before", ["", "x", "xx", "xxx"])
def test_a_long_text_is_cut_between_two_letters(before: str) -> None:
    text = shorten(before + "日本" * TRACEBACK_BYTES)
    assert len(text.encode()) <= TRACEBACK_BYTES
    head, cut, tail = text.partition(CUT)
    assert cut
    assert set(head + tail) <= set("x日本")


def test_what_a_database_refuses_is_left_out() -> None:
    assert storable("a\0b\ud800c") == "a\ufffdb?c"


def test_a_scrubber_that_fails_is_told_and_nothing_is_kept(
    settings: object, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(text: str) -> str:
        raise ValueError("no")

    settings.ATM_SCRUBBER = fails  # type: ignore[attr-defined] # of pytest-django
    assert scrub("secret") == "(hidden, for ATM_SCRUBBER has failed)"
    assert "ATM_SCRUBBER has failed" in caplog.text
