"""The picture of a process as PNG, by CairoSVG: ``pip install "django-automations[png]"``."""

from __future__ import annotations

import math
import re
from importlib.util import find_spec

from automations.exceptions import ConverterMissing

#: How wide or high cairo makes a picture, and how many dots it may have: four bytes each.
WIDEST, MOST = 32_000, 30_000_000
SIZE = re.compile(r' (?:width|height)="(\d+)"')
#: What CairoSVG does not know: properties, and colours for the dark.
DARK = re.compile(r"@media[^{]*\{.*?\n\}\n", re.DOTALL)
PROPERTY = re.compile(r"^  (--[\w-]+): (?:var\([^,]+, )?([^;)]+)\)?;$", re.MULTILINE)


def is_there() -> bool:
    """Return whether CairoSVG is installed; whether it finds its library shows when it is used."""
    try:
        return find_spec("cairosvg") is not None
    except ValueError:  # somebody has put a module there that comes from nowhere
        return False


def png(picture: str, *, scale: float = 2.0) -> bytes:
    """
    Return ``picture``, an SVG that is a file of its own, as PNG, in its light colours.

    ``scale`` is how many dots one pixel becomes, fewer in a picture that would be too large for
    cairo, or for the memory of a server. Raise `ConverterMissing` if CairoSVG, or the
    library cairo that it needs, is not installed.
    """
    try:
        import cairosvg
    except ImportError as error:
        raise ConverterMissing(
            'A PNG needs CairoSVG: pip install "django-automations[png]". An SVG needs nothing.'
        ) from error
    except OSError as error:
        raise ConverterMissing(
            f"CairoSVG is installed, but not the library cairo that it needs ({error}). On Debian: "
            f"apt-get install libcairo2."
        ) from error
    fitting = min(scale, largest(picture))
    made: bytes = cairosvg.svg2png(bytestring=plain(picture).encode(), scale=fitting)
    return made


def largest(picture: str) -> float:
    """Return by how much a picture can be enlarged."""
    width, height = (int(found) for found in SIZE.findall(picture[: picture.index(">")]))
    return min(WIDEST / width, WIDEST / height, math.sqrt(MOST / (width * height)))


def plain(picture: str) -> str:
    """Return an SVG whose stylesheet has colours instead of properties, those for the light."""
    light = DARK.sub("", picture)
    values = dict(PROPERTY.findall(light))
    return re.sub(
        r"var\((--[\w-]+)(?:, ([^)]*))?\)", lambda found: found[2] or values[found[1]], light
    )
