"""What is kept of an error that the old release has written down."""

from __future__ import annotations

import re
from typing import Any

from automations.engine.failures import shorten, storable

#: The lines of a plain traceback. All else in the old report (settings, request, paths, variables)
#: may be secret and is left out.
TRACEBACK_LINES = re.compile(
    r"Traceback \(most recent call last\):"
    r'|  File ".*'
    r"|    .*"
    r"|The above exception \(.*\) was the direct cause of the following exception:"
    r"|During handling of the above exception \(.*\), another exception occurred:"
)
LAST_LINES = re.compile(r"Exception (Type|Value): .*")
BEGIN, END = "Traceback (most recent call last):", "Exception Type:"


def is_error(result: Any) -> bool:
    """Return whether the result of an old task is the report of an error."""
    return isinstance(result, dict) and set(result) == {"error", "html"}


def plain_traceback(report: Any) -> str:
    """Return the traceback in the old report and its last line, at most 16 KB; empty if none."""
    _, begin, rest = str(report).partition(BEGIN)
    if not begin:
        return ""
    frames, _, end = rest.partition(END)
    lines = [line for line in frames.splitlines() if TRACEBACK_LINES.fullmatch(line)]
    last = [line for line in f"{END}{end}".splitlines()[:2] if LAST_LINES.fullmatch(line)]
    return shorten(storable("\n".join([BEGIN, *lines, *last]) + "\n"))
