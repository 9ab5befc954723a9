"""
Compile the translations: each ``django.mo`` from the ``django.po`` beside it.

``make translations`` calls this, in the main environment: it has Babel, so no machine needs msgfmt.
The same text gives the same file, whenever it is compiled.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALE = Path(__file__).resolve().parent.parent / "src" / "automations" / "locale"


class Messages(list):
    """The messages of a catalog, with the header that is written instead of one of today's."""

    charset = "utf-8"


def header(text: str) -> str:
    """Return what the first entry of a .po says: how plurals are formed, for example."""
    lines = text.partition('msgid ""\nmsgstr ""\n')[2].partition("\n\n")[0]
    return "".join(map(ast.literal_eval, lines.splitlines()))


def compile_one(written: Path) -> None:
    """Write the .mo that belongs to a .po."""
    with written.open("rb") as file:
        first, *messages = read_po(file, abort_invalid=True)
    first.string = header(written.read_text(encoding="utf-8"))
    with written.with_suffix(".mo").open("wb") as compiled:
        write_mo(compiled, Messages([first, *messages]))


def main() -> int:
    """Compile all of them."""
    for written in sorted(LOCALE.glob("*/LC_MESSAGES/*.po")):
        compile_one(written)
        print(f"Compiled: {written.relative_to(LOCALE).with_suffix('.mo')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
