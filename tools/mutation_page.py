"""
What ``make mutation`` has found, kept and shown on a page of the documentation.

What has survived is kept with the reason that somebody has written beside it, which stays there
when the same mutant survives again.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Dict

from environments import ROOT

PAGE = ROOT / "docs" / "explanation" / "mutants.md"
FOUND = PAGE.with_suffix(".json")
BEGIN, END = "<!-- written by make mutation PAGE=1 -->", "<!-- until here -->"

Note = Dict[str, Any]


#: Why a mutant may survive, and the heading above those that have.
GAP, SAME, ELSEWHERE = "gap", "equivalent", "elsewhere"
HEADINGS = {
    GAP: "What no test has noticed",
    ELSEWHERE: "What is noticed elsewhere",
    SAME: "What changes nothing that can be seen",
}
KEPT = ("module", "place", "before", "after")


def keep(package: str, mutants: int, seed: int, notes: dict[str, Note]) -> None:
    """Keep the figures of a package, and what of it has survived."""
    kept = json.loads(FOUND.read_text(encoding="utf-8")) if FOUND.exists() else {}
    known = {each["key"]: each for each in kept.get(package, {}).get("survivors", [])}
    survivors = []
    for key, note in sorted(notes.items()):
        if note["what"] in ("survived", "no test"):
            before = known.get(key, {})
            why, reason = before.get("why", GAP), before.get("reason", "")
            fields = {name: note[name] for name in KEPT}
            survivors.append({"key": key, **fields, "why": why, "reason": reason})
    kept[package] = {
        "mutants": mutants,
        "seed": seed,
        "tried": sum(note["what"] != "later" for note in notes.values()),
        "still": sum(note["what"] == "stands still" for note in notes.values()),
        "survivors": survivors,
    }
    FOUND.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def equivalent(package: str) -> set[str]:
    """Return the mutants that somebody has found to change nothing that can be seen."""
    kept = json.loads(FOUND.read_text(encoding="utf-8")) if FOUND.exists() else {}
    survivors = kept.get(package, {}).get("survivors", [])
    return {each["key"] for each in survivors if each["why"] == SAME}


def table(kept: dict[str, Note]) -> list[str]:
    """Return the figures of each package."""
    lines = [
        "| Package | Mutants | Tried | Killed | Survived | Elsewhere | Equivalent | Noticed |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for package, found in kept.items():
        counts = Counter(each["why"] for each in found["survivors"])
        killed = found["tried"] - len(found["survivors"])
        share = 100 * killed / max(1, killed + counts[GAP])
        lines.append(
            f"| `{package}` | {found['mutants']:,} | {found['tried']:,} | {killed:,} | "
            f"{counts[GAP]} | {counts[ELSEWHERE]} | {counts[SAME]} | {share:.1f} % |"
        )
    return lines


def survivors(kept: dict[str, Note], why: str) -> list[str]:
    """Return what has survived, with reasons."""
    lines = ["| Where | What was changed | Why |", "| --- | --- | --- |"]
    for found in kept.values():
        for each in found["survivors"]:
            if each["why"] == why:
                change = f"{code(each['before'])} → {code(each['after'])}"
                where = code(f"{each['module']} {each['place']}")
                lines.append(f"| {where} | {change} | {each['reason'] or 'not looked at yet'} |")
    return lines if len(lines) > 2 else ["None."]


def code(text: str) -> str:
    """Return code for a cell of a table."""
    text = text.replace("|", "\\|")
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def write() -> None:
    """Put into the page what is kept."""
    kept = json.loads(FOUND.read_text(encoding="utf-8"))
    body = table(kept)
    for why, heading in HEADINGS.items():
        body += ["", f"### {heading}", "", *survivors(kept, why)]
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(
        f"{before}{BEGIN}\n\n" + "\n".join(body) + f"\n\n{END}{after}", encoding="utf-8"
    )
    print(f"Written: {PAGE.relative_to(ROOT)}")
