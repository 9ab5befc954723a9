"""What is kept of an error holds no secret."""

from __future__ import annotations

from typing import Any

import pytest

from automations.engine.failures import describe, hide_secrets, report, scrub, tidy

HIDDEN = "********************"


@pytest.mark.parametrize(
    "text",
    [
        "refused: password=swordfish",
        "refused: password = 'swordfish'",
        "bad credentials {'api_key': 'swordfish', 'user': 'ada'}",
        'bad credentials {"AUTH_TOKEN": "swordfish"}',
        "GET /?access_token=swordfish&x=1",
        'headers["X-Signature"]=swordfish',
        '    connect(user="ada", password="swordfish")',
        "    config['secret'] = 'swordfish'",
    ],
)
def test_the_value_of_what_is_called_like_a_secret_is_hidden(text: str) -> None:
    assert "swordfish" not in hide_secrets(text)
    assert HIDDEN in hide_secrets(text)


@pytest.mark.parametrize(
    "text",
    [
        "KeyError: 'iban'",
        "ValueError: the key is missing",
        "    found = sorted(names, key=len)",
        "    if self.password == other:",
        "    raise KeyError(name)",
        'File "shop/tokens.py", line 12, in passes',
    ],
)
def test_what_holds_no_secret_stays_as_it_is(text: str) -> None:
    assert hide_secrets(text) == text


def test_nothing_secret_is_kept_of_an_error() -> None:
    word = "swordfish"
    with pytest.raises(ConnectionError) as raised:
        raise ConnectionError(f"no answer from https://x?api_key={word}")
    assert word not in report(raised.value)
    assert "test_secrets.py" in report(raised.value)
    assert describe(raised.value) == f"ConnectionError: no answer from https://x?api_key={HIDDEN}"
    assert tidy(f"ValueError('password={word}')") == f"ValueError('password={HIDDEN})"


def redact(text: str) -> str:
    """Hide a name."""
    return text.replace("Ada", "A.")


@pytest.mark.parametrize("scrubber", [redact, f"{__name__}.redact"])
def test_a_project_may_hide_what_it_wants(settings: Any, scrubber: Any) -> None:
    settings.ATM_SCRUBBER = scrubber
    assert scrub("Ada: password=swordfish") == "A.: password=swordfish"


def test_a_scrubber_that_fails_lets_nothing_through(settings: Any) -> None:
    settings.ATM_SCRUBBER = lambda text: 1 / 0
    assert describe(ValueError("swordfish")) == "(hidden, for ATM_SCRUBBER has failed)"
