"""The directive for Sphinx: a process in documentation, drawn from the code that runs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from tests.testapp.inbox_processes import Review

sphinx = pytest.importorskip("sphinx.application", reason="Sphinx is in the main environment only.")
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


@pytest.mark.parametrize(
    ("path", "said"),
    [("no.such.Process", "There is no automation"), ("decimal.Decimal", "is no automation")],
)
def test_what_is_no_process_is_an_error_at_its_place(tmp_path: Path, path: str, said: str) -> None:
    _, complaints, _ = built(tmp_path, f".. automation:: {path}")
    assert said in complaints
    assert "index.rst:4" in complaints
