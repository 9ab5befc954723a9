"""
What is kept of an error: its type, its message, and a traceback without local variables.

Secrets are hidden before anything is kept: by the scrubber that the project names, else by the
rules that Django has for its own error reports.
"""

from __future__ import annotations

import logging
import re
import traceback
from functools import cache

from django.views.debug import SafeExceptionReporterFilter

from automations import settings

logger = logging.getLogger("automations")

#: How much of a traceback is kept, in bytes; the rest is cut out of its middle.
TRACEBACK_BYTES = 16 * 1024
MESSAGE_LENGTH = 255
CUT = "\n[... cut ...]\n"


def describe(error: BaseException) -> str:
    """Return one line about ``error``: its type and its message."""
    try:
        text = str(error)
    except Exception as second:
        text = f"(its message raised {type(second).__name__})"
    kind = type(error).__qualname__
    return tidy(f"{kind}: {text}" if text else kind)


def class_of(error: BaseException) -> str:
    """Return the dotted path of the class of ``error``."""
    kind = type(error)
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")[:MESSAGE_LENGTH]


def report(error: BaseException) -> str:
    """Return the traceback of ``error`` as text, without local variables, at most 16 KB."""
    return shorten(scrub(storable("".join(traceback.format_exception(error)))))


def shorten(text: str) -> str:
    """Return the text of a traceback, with its middle cut out if it has more than 16 KB."""
    raw = text.encode()
    if len(raw) <= TRACEBACK_BYTES:
        return raw.decode()
    head, tail = TRACEBACK_BYTES // 4, TRACEBACK_BYTES // 4 * 3 - len(CUT)
    return raw[:head].decode(errors="ignore") + CUT + raw[-tail:].decode(errors="ignore")


def tidy(message: str) -> str:
    """Return ``message`` as one that fits its column and every database."""
    message = scrub(storable(message))
    return message if len(message) <= MESSAGE_LENGTH else message[: MESSAGE_LENGTH - 1] + "…"


def scrub(text: str) -> str:
    """Return ``text`` without secrets: what ``ATM_SCRUBBER`` makes of it, else `hide_secrets`."""
    scrubber = settings.replaced("ATM_SCRUBBER") or hide_secrets
    try:
        return storable(str(scrubber(text)))
    except Exception:
        logger.exception("ATM_SCRUBBER has failed; nothing of the text is kept")
        return "(hidden, for ATM_SCRUBBER has failed)"


def hide_secrets(text: str) -> str:
    """
    Return ``text`` with the values of what is called like a secret hidden.

    Names are those of Django's `SafeExceptionReporterFilter`: whatever contains API, AUTH, TOKEN,
    KEY, SECRET, PASS, SIGNATURE or HTTP_COOKIE. ``name=value`` and ``"name": value`` count; in
    lines of code, which a traceback indents, only values that are written there as text.
    """
    return "".join(
        secrets(in_code=line.startswith("    ")).sub(
            rf"\g<name>{SafeExceptionReporterFilter.cleansed_substitute}", line
        )
        for line in text.splitlines(keepends=True)
    )


@cache
def secrets(*, in_code: bool) -> re.Pattern[str]:
    """Return the pattern of a name that sounds secret, with its value."""
    named = SafeExceptionReporterFilter.hidden_settings.pattern
    written = r"""[rbf]*"[^"\n]*"|[rbf]*'[^'\n]*'"""
    value = written if in_code else rf"{written}|[^\s,;)\]}}]+"
    quoted = rf"""["']\w*(?:{named})\w*["']\s*:\s*"""
    plain = rf"""\b\w*(?:{named})\w*["']?\]?\s*=(?!=)\s*"""
    return re.compile(rf"(?P<name>{quoted}|{plain})(?:{value})", re.IGNORECASE)


def storable(text: str) -> str:
    """Return ``text`` without what some database refuses: NUL and lone surrogates."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()
