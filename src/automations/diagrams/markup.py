"""What XML can hold of a text."""

from __future__ import annotations

import re

#: Characters that no document of XML 1.0 may have, however they are written.
FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """Return the text without what XML cannot hold."""
    return FORBIDDEN.sub("\ufffd", text)
