"""In which formats a process can be had: for the command, and for downloads on pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from automations.definition.process import ProcessDefinition
from automations.diagrams.bpmn import bpmn
from automations.diagrams.mermaid import mermaid
from automations.diagrams.painting import Paint
from automations.diagrams.png import is_there, png
from automations.diagrams.svg import svg


@dataclass(frozen=True)
class Format:
    """
    One format: how it is called and made, how its files end, and what browsers call it.

    What is painted on the process is left out where the format ``paints`` nothing.
    """

    title: str
    make: Callable[[ProcessDefinition, Paint], bytes]
    ending: str
    media_type: str
    paints: bool = False


def drawn(definition: ProcessDefinition, paint: Paint) -> bytes:
    """Return the process as SVG."""
    return svg(definition, paint).encode()


def converted(definition: ProcessDefinition, paint: Paint) -> bytes:
    """Return the process as PNG."""
    return png(svg(definition, paint))


def offered() -> dict[str, Format]:
    """Return the formats that can be had: a PNG only where its converter is."""
    return {name: one for name, one in FORMATS.items() if name != "png" or is_there()}


FORMATS = {
    "svg": Format("SVG", drawn, "svg", "image/svg+xml", paints=True),
    "png": Format("PNG", converted, "png", "image/png", paints=True),
    "bpmn": Format(
        "BPMN", lambda definition, _: bpmn(definition).encode(), "bpmn", "application/xml"
    ),
    "mermaid": Format(
        "Mermaid", lambda definition, _: mermaid(definition).encode(), "mmd", "text/plain"
    ),
}
