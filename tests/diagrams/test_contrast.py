"""What stands in a picture can be read in light and in dark: WCAG 2.2, level AA."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

import automations
from automations.diagrams.svg import sheet

PAGES = Path(automations.__file__).parent / "static" / "automations" / "automations.css"
SCHEMES = ["light", "dark"]
Colour = tuple[float, float, float]


def colours(scheme: str, place: str) -> dict[str, Colour]:
    """Return the colours of the properties: in a file of its own, or in a page of ours."""
    light, _, dark = sheet().partition("@media (prefers-color-scheme: dark)")
    given = re.findall(r"--([\w-]+): (?:var\(--atm-([\w-]+), )?(#\w{6})", light)
    found = {name: value for name, _, value in given}
    names = {name: there for name, there, _ in given}
    if scheme == "dark":
        found |= dict(re.findall(r"--(\w+): [^#;]*(#\w{6})", dark))
    if place == "page":
        pairs = re.findall(r"--atm-([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", PAGES.read_text())
        ours = {name: both[SCHEMES.index(scheme)] for name, *both in pairs}
        found |= {name: ours[there] for name, there in names.items() if there}
    return {name: parsed(value) for name, value in found.items()}


def parsed(value: str) -> Colour:
    red, green, blue = (int(value[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue


def mixed(over: Colour, under: Colour, opacity: float) -> Colour:
    red, green, blue = (
        opacity * one + (1 - opacity) * other for one, other in zip(over, under, strict=True)
    )
    return red, green, blue


def luminance(colour: Colour) -> float:
    parts = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in colour
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: Colour, other: Colour) -> float:
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("place", ["file", "page"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_text_and_every_line_stands_out_from_the_ground(scheme: str, place: str) -> None:
    has = colours(scheme, place)
    for text in ("ink", "faint", "good", "bad", "wait", "blue"):
        assert contrast(has[text], has["paper"]) >= 4.5, text
    heats = re.findall(
        r"\.heat-(\d) > \.shape \{ fill: var\(--heat\); fill-opacity: ([\d.]+)", sheet()
    )
    assert [degree for degree, _ in heats] == list("12345")
    for degree, opacity in heats:
        ground = mixed(has["heat"], has["paper"], float(opacity))
        assert contrast(has["ink"], ground) >= 4.5, degree
        # A task that was never done, or the icon of a task, is no harder to read there.
        assert contrast(has["faint"], ground) >= 3, degree


@pytest.mark.parametrize("scheme", SCHEMES)
def test_degrees_of_heat_can_be_told_apart(scheme: str) -> None:
    has = colours(scheme, "file")
    opacities = [float(each) for each in re.findall(r"fill-opacity: ([\d.]+)", sheet())]
    grounds = [has["paper"], *(mixed(has["heat"], has["paper"], each) for each in opacities)]
    steps = [contrast(one, other) for one, other in pairwise(grounds)]
    assert min(steps) > 1.04, steps
