"""What is kept of an error: its type, its message, and a traceback without local variables."""

from __future__ import annotations

import traceback

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
    return shorten(storable("".join(traceback.format_exception(error))))


def shorten(text: str) -> str:
    """Return the text of a traceback, with its middle cut out if it has more than 16 KB."""
    raw = text.encode()
    if len(raw) <= TRACEBACK_BYTES:
        return raw.decode()
    head, tail = TRACEBACK_BYTES // 4, TRACEBACK_BYTES // 4 * 3 - len(CUT)
    return raw[:head].decode(errors="ignore") + CUT + raw[-tail:].decode(errors="ignore")


def tidy(message: str) -> str:
    """Return ``message`` as one that fits its column and every database."""
    message = storable(message)
    return message if len(message) <= MESSAGE_LENGTH else message[: MESSAGE_LENGTH - 1] + "…"


def storable(text: str) -> str:
    """Return ``text`` without what some database refuses: NUL and lone surrogates."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()
