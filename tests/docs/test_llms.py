"""What language models read first: a list of all pages, in the repository and beside the pages."""

from __future__ import annotations

import re
import runpy
from typing import Any

import pytest

from tests.docs.pages import DOCS, ROOT, lacking

TEXT = (ROOT / "llms.txt").read_text(encoding="utf-8")
LINK = re.compile(r"^- \[([^]]+)\]\(([^)]+)\): (\S.+)$", re.MULTILINE)


def pages() -> set[str]:
    """Return every page of the documentation, as a path in the repository."""
    found = DOCS.rglob("*.md")
    names = {page.relative_to(ROOT).as_posix() for page in found if "_build" not in page.parts}
    return names - {"docs/index.md"}


def test_it_has_a_title_a_summary_and_sections_of_links() -> None:
    title, _, rest = TEXT.partition("\n\n")
    assert title == "# Django Automations"
    assert rest.startswith("> ")
    headings = re.findall(r"^(#+) (.+)$", TEXT, re.MULTILINE)
    assert {mark for mark, _ in headings[1:]} == {"##"}
    for part in TEXT.split("\n## ")[1:]:
        lines = part.strip().split("\n")[2:]
        assert lines
        assert all(LINK.match(line) for line in lines), part


def test_it_lists_every_page_once_and_nothing_that_is_not_there() -> None:
    links = [address for _, address, _ in LINK.findall(TEXT)]
    assert len(links) == len(set(links))
    assert [address for address in links if not (ROOT / address).is_file()] == []
    assert lacking(pages(), links) == [], "Give each of these pages a line in llms.txt."


def test_a_page_that_is_not_listed_is_reported() -> None:
    links = [address for _, address, _ in LINK.findall(TEXT)]
    assert lacking([*pages(), "docs/how-to/made-up.md"], links) == ["docs/how-to/made-up.md"]


@pytest.fixture
def configuration() -> dict[str, Any]:
    """How the documentation is built."""
    return runpy.run_path(str(DOCS / "conf.py"))


def test_beside_the_built_pages_it_leads_to_them(configuration: dict[str, Any]) -> None:
    built = configuration["beside_pages"](TEXT)
    links = [address for _, address, _ in LINK.findall(built)]
    assert len(links) == len(pages())
    for address in links:
        assert (DOCS / address).with_suffix(".md").is_file()
        assert address.endswith(".html")


def test_it_is_written_beside_the_pages(configuration: dict[str, Any], tmp_path: Any) -> None:
    app = type("Sphinx", (), {"outdir": str(tmp_path), "builder": type("B", (), {"name": "html"})})
    configuration["write_llms"](app, None)
    assert "(how-to/start.html)" in (tmp_path / "llms.txt").read_text(encoding="utf-8")
