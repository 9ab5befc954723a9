"""
Import BPMN documents into bpmn-js in Chromium, and print the warnings as JSON.

    python tools/bpmn_browser.py FOLDER BUNDLE

Needs the main environment, which has Playwright. BUNDLE is the viewer of bpmn-js as one file.
Every diagram of every document is opened; the page is at 127.0.0.1, and nothing else is asked for.
"""

from __future__ import annotations

import http.server
import json
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

from chromium import find
from playwright.sync_api import sync_playwright

PAGE = """<!doctype html><meta charset="utf-8"><title>bpmn-js</title><link rel="icon" href="data:,">
<div id="canvas" style="width: 1600px; height: 1000px"></div>
<script src="/bundle.js"></script>"""

#: Opens all diagrams of a document; returns how many, and what is shown of them.
OPEN = """async (xml) => {
  const viewer = new BpmnJS({container: "#canvas"});
  const found = {warnings: [], diagrams: 0, shapes: 0, missing: []};
  const note = (warnings) => found.warnings.push(...warnings.map((each) => each.message));
  try {
    note((await viewer.importXML(xml)).warnings);
    const definitions = viewer.getDefinitions();
    for (const diagram of definitions.diagrams) {
      note((await viewer.open(diagram)).warnings);
      found.diagrams += 1;
      const registry = viewer.get("elementRegistry");
      found.shapes += registry.getAll().length;
      for (const each of diagram.plane.planeElement) {
        if (!registry.get(each.bpmnElement.id)) found.missing.push(each.bpmnElement.id);
      }
      await viewer.saveSVG();
    }
  } catch (error) {
    found.warnings.push(String(error));
  }
  viewer.destroy();
  return found;
}"""


class Site(http.server.BaseHTTPRequestHandler):
    """One page, and the viewer."""

    def __init__(self, bundle: bytes, *arguments: Any) -> None:
        self.bundle = bundle
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answer."""
        script = self.path == "/bundle.js"
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if script else "text/html")
        self.end_headers()
        self.wfile.write(self.bundle if script else PAGE.encode())

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


def main(folder: Path, bundle: Path) -> None:
    """Open everything."""
    site = partial(Site, bundle.read_bytes())
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        print(json.dumps(opened(sorted(folder.glob("*.bpmn")), address)))
        server.shutdown()


def opened(files: list[Path], address: str) -> dict[str, Any]:
    """Return how many documents were opened, and what was wrong."""
    browser_path = find()
    if browser_path is None:
        sys.exit("There is no Chromium here: install it, or set ATM_TEST_CHROMIUM to its path.")
    problems: list[str] = []
    found = {"number": len(files), "diagrams": 0, "shapes": 0, "problems": problems}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        page = browser.new_page()
        page.on("console", lambda message: problems.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: problems.append(f"page: {error}"))
        page.goto(address)
        for file in files:
            seen = page.evaluate(OPEN, file.read_text(encoding="utf-8"))
            problems += [f"{file.stem}: {each}" for each in seen["warnings"]]
            problems += [f"{file.stem}: {each} is not shown" for each in seen["missing"]]
            found["diagrams"] += seen["diagrams"]
            found["shapes"] += seen["shapes"]
        browser.close()
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
