"""The figures as a table for people."""

from __future__ import annotations

from typing import Any

from benchmarks.databases import DATABASES
from benchmarks.goals import QUICK_F1, SANE

HEAD = ("what", "median", "spread", "goal", "")


def table(record: dict[str, Any]) -> str:
    """Return all that was measured, with what is open at the end."""
    lines: list[str] = []
    judged: list[tuple[str, dict[str, Any]]] = []
    for found in record["databases"]:
        name = DATABASES[found["database"]]
        if "peer" in found:
            name += f", {found['peer']} {found['peer_version']}"
        rows = [row(measure) for measure in found["measures"]]
        lines += ["", f"{name} ({found['version']})", *in_columns([HEAD, *rows]), *sanity(found)]
        judged += [(name, measure) for measure in found["measures"] if measure["goal"] is not None]
    lines += [f"Left out: {why}" for why in record["left_out"]]
    still_open = [unmet(name, measure) for name, measure in judged if not measure["met"]]
    lines += ["", f"{len(judged) - len(still_open)} of {len(judged)} goals are met."]
    lines += ["Open:", *still_open] if still_open else []
    circumstances = "Python {python}, Django {django}, {processors} processors, load {load[0]}"
    return "\n".join([*lines, circumstances.format(**record)])


def unmet(name: str, measure: dict[str, Any]) -> str:
    """Return what a goal is missed by."""
    value, goal = figure(measure["value"]), figure(measure["goal"])
    return f"  {name}: {what(measure)} is {value}, the goal {goal}"


def row(measure: dict[str, Any]) -> tuple[str, ...]:
    """Return one line of the table."""
    spread = ""
    if len(measure["taken"]) > 1:
        spread = f"{figure(measure['least'])} - {figure(measure['most'])}"
    goal = "" if measure["goal"] is None else f"<= {figure(measure['goal'])}"
    met = {True: "met", False: "OPEN", None: ""}[measure["met"]]
    return what(measure), figure(measure["value"]), spread, goal, met


def what(measure: dict[str, Any]) -> str:
    """Return what was measured."""
    return f"{measure['work']} {measure['name']}: {measure['unit']}"


def figure(value: float) -> str:
    """Return a number with as many digits as say something."""
    if value == int(value):
        return f"{int(value)}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"


def in_columns(rows: list[tuple[str, ...]]) -> list[str]:
    """Return the rows with equally wide columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  "
        + "  ".join(
            text.ljust(width) if at == 0 else text.rjust(width)
            for at, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in rows
    ]


def sanity(found: dict[str, Any]) -> list[str]:
    """Return what F1 says of how quick the machine was, and F2 of how quiet."""
    database = found["database"]
    usual, quick = SANE[database], QUICK_F1[database]
    lines = [
        f"  F1 takes {took:.2f} ms; goals in seconds are meant for one of {quick} ms, which is "
        f"{took / quick:.1f} times as quick."
        for took in measured(found, "F1", "ms a step")
    ]
    ratios = measured(found, "F2", "x F1")
    lines += [f"  F2 is {ratio:.2f} of F1; on a quiet machine about {usual}." for ratio in ratios]
    return lines


def measured(found: dict[str, Any], work: str, unit: str) -> list[float]:
    """Return what the work took."""
    return [m["value"] for m in found["measures"] if (m["work"], m["unit"]) == (work, unit)]
