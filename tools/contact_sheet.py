"""
Draw all processes of the tests' corpus on one sheet. ``make contact-sheet`` calls this.

Runs in the main environment. The sheet and a file of each process go to ``build/contact-sheet/``;
where there is a Chromium, pictures of the sheet too, light and dark. Fails if anything in a picture
lies on anything.
"""

from __future__ import annotations

import html
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import chromium
from environments import ROOT

FOLDER = ROOT / "build" / "contact-sheet"
STYLE = "body{font:14px system-ui;margin:1rem;color-scheme:light dark}img{max-width:100%}"


def main() -> int:
    """Write everything; return 1 if a picture has a defect."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from tests.diagrams.corpus import CORPUS, UNSOUND

    FOLDER.mkdir(parents=True, exist_ok=True)
    parts, wrong = [], 0
    for name, automation in {**CORPUS, **UNSOUND}.items():
        said, defects = draw(name, automation)
        parts.append(f"<h2>{html.escape(said)}</h2><img src='{name}.svg' alt=''>")
        wrong += bool(defects)
        print(f"  {said}", *defects, sep="\n    ")
    sheet = FOLDER / "index.html"
    head = f"<!doctype html><meta charset='utf-8'><title>Processes</title><style>{STYLE}</style>"
    sheet.write_text("\n".join([head, *parts]), encoding="utf-8")
    photograph(sheet)
    print(f"{len(parts)} processes, {wrong} with a defect: {sheet}")
    return 1 if wrong else 0


def draw(name: str, automation: Any) -> tuple[str, list[str]]:
    """Write the picture of a process; return what to say of it, and what is wrong with it."""
    from automations.definition.soundness import flaw_of
    from automations.diagrams.counterexample import painted
    from automations.diagrams.layout import lay_out
    from automations.diagrams.painting import NOTHING
    from automations.diagrams.svg import svg
    from automations.diagrams.translation import graph_of
    from tests.diagrams.gate import defects

    definition = automation._meta
    graph = graph_of(definition)
    began = time.perf_counter()
    picture = lay_out(graph)
    took = 1000 * (time.perf_counter() - began)
    flaw = flaw_of(definition)
    paint = painted(definition, flaw) if flaw else NOTHING
    (FOLDER / f"{name}.svg").write_text(svg(definition, paint), encoding="utf-8")
    size = f"{len(definition.nodes)} nodes, {len(graph.elements)} symbols, {took:.0f} ms"
    return f"{name}: {size}{f', {flaw.kind}' if flaw else ''}", defects(picture)


def photograph(sheet: Path) -> None:
    """Take pictures of the sheet, if there is a browser."""
    browser = chromium.ensure()
    if browser is None or not Path(browser).exists():
        print("There is no Chromium here: look at the sheet itself.")
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=browser)
        for scheme in ("light", "dark"):
            page = opened.new_page(
                viewport={"width": 1600, "height": 900},
                color_scheme=scheme,  # type: ignore[arg-type] # one of its words
            )
            page.goto(sheet.as_uri())
            page.screenshot(path=FOLDER / f"sheet-{scheme}.png", full_page=True)
        opened.close()


if __name__ == "__main__":
    sys.exit(main())
