"""The directive for Sphinx: a process in documentation, drawn from the code that runs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, ClassVar

import pytest

from automations.diagrams.mermaid import mermaid
from tests.testapp.inbox_processes import Review

sphinx = pytest.importorskip("sphinx.application", reason="Sphinx is in the main environment only.")
from docutils.parsers.rst import directives  # noqa: E402 - it comes with Sphinx
from sphinx.util.docutils import SphinxDirective  # noqa: E402

PATH = Review.get_automation_name()


def built(folder: Path, text: str, builder: str = "html") -> tuple[Path, str, Any]:
    """Build a page with this text; return where, and what was complained of."""
    (folder / "conf.py").write_text('extensions = ["automations.contrib.sphinx"]\n')
    (folder / "index.rst").write_text(f"Processes\n=========\n\n{text}\n")
    complaints = io.StringIO()
    app = sphinx.Sphinx(
        folder, folder, folder / "out", folder / "read", builder, status=None, warning=complaints
    )
    app.build()
    # Of a second one in the same process.
    said = [line for line in complaints.getvalue().splitlines() if "already registered" not in line]
    return folder / "out", "\n".join(said), app


def test_a_process_is_drawn_where_the_documentation_names_it(tmp_path: Path) -> None:
    out, complaints, _ = built(tmp_path, f".. automation:: {PATH}")
    assert complaints == ""
    (picture,) = (out / "_images").iterdir()
    assert picture.suffix == ".svg"
    assert "<svg" in picture.read_text(encoding="utf-8")
    page = (out / "index.html").read_text(encoding="utf-8")
    assert picture.name in page
    assert f'alt="{Review.get_verbose_name()}"' in page


def test_it_is_told_in_words_where_that_is_asked_for(tmp_path: Path) -> None:
    out, complaints, _ = built(
        tmp_path, f".. automation:: {PATH}\n   :outline:\n   :alt: How we review", "text"
    )
    assert complaints == ""
    page = (out / "index.txt").read_text(encoding="utf-8")
    for name in Review._meta.nodes:
        assert name.replace("_", " ").capitalize() in page


def test_the_short_name_of_the_command_is_enough(tmp_path: Path) -> None:
    out, complaints, _ = built(tmp_path, ".. automation:: testapp.Review")
    assert complaints == ""
    (picture,) = (out / "_images").iterdir()
    assert picture.suffix == ".svg"


def test_it_may_be_text_for_mermaid_which_is_code_where_nobody_draws_it(tmp_path: Path) -> None:
    out, complaints, _ = built(tmp_path, f".. automation:: {PATH}\n   :format: mermaid", "text")
    assert complaints == ""
    assert mermaid(Review._meta).splitlines()[1].strip() in (out / "index.txt").read_text()


def test_mermaid_draws_it_where_a_project_has_that_directive(tmp_path: Path) -> None:
    seen = []

    class Mermaid(SphinxDirective):
        has_content = True
        option_spec: ClassVar[dict[str, Any]] = {"alt": directives.unchanged}

        def run(self) -> list[Any]:
            seen.append((self.options["alt"], "\n".join(self.content)))
            return []

    directives.register_directive("mermaid", Mermaid)
    try:
        built(tmp_path, f".. automation:: {PATH}\n   :format: mermaid\n   :alt: Ours")
    finally:
        directives._directives.pop("mermaid")
    assert seen == [("Ours", mermaid(Review._meta).rstrip("\n"))]


def test_another_format_is_an_error_at_its_place(tmp_path: Path) -> None:
    _, complaints, _ = built(tmp_path, f".. automation:: {PATH}\n   :format: gif")
    assert 'unknown; choose from "svg" or "mermaid"' in complaints.replace(",", "")


@pytest.mark.parametrize(
    ("path", "said"),
    [("no.such.Process", "There is no automation"), ("decimal.Decimal", "is no automation")],
)
def test_what_is_no_process_is_an_error_at_its_place(tmp_path: Path, path: str, said: str) -> None:
    _, complaints, _ = built(tmp_path, f".. automation:: {path}")
    assert said in complaints
    assert "index.rst:4" in complaints
