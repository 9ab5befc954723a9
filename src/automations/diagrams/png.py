"""The picture of a process as PNG, by CairoSVG: ``pip install "django-automations[png]"``."""

from __future__ import annotations

import re
from importlib.util import find_spec

from automations.exceptions import ConverterMissing

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

    ``scale`` is how many dots one pixel becomes. Raise `ConverterMissing` if CairoSVG, or the
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
    made: bytes = cairosvg.svg2png(bytestring=plain(picture).encode(), scale=scale)
    return made


def plain(picture: str) -> str:
    """Return an SVG whose stylesheet has colours instead of properties, those for the light."""
    light = DARK.sub("", picture)
    values = dict(PROPERTY.findall(light))
    return re.sub(
        r"var\((--[\w-]+)(?:, ([^)]*))?\)", lambda found: found[2] or values[found[1]], light
    )
