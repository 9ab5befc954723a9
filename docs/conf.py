"""How the documentation is built: ``make docs``."""

import os
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

import automations

project = "Django Automations"
author = "Django Automations contributors"
copyright = author
release = version = automations.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "automations.contrib.sphinx"]
html_theme = "furo"
html_title = "Django Automations"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
exclude_patterns = ["_build"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
# By its name, not by the dozen classes that it stands for.
autodoc_type_aliases = {"Outcome": "automations.outcomes.Outcome"}
myst_enable_extensions = ["deflist"]
# Pages lead to headings of others: ../explanation/time.md#three-clocks.
myst_heading_anchors = 3
nitpicky = False


def beside_pages(text: str) -> str:
    """Return llms.txt of the repository as it is beside the built pages."""
    return re.sub(r"\(docs/([\w/-]+)\.md\)", r"(\1.html)", text)


def write_llms(app: Any, error: Exception | None) -> None:
    """Write llms.txt to the root of the built pages."""
    if error is None and app.builder.name == "html":
        text = (Path(__file__).parent.parent / "llms.txt").read_text(encoding="utf-8")
        (Path(app.outdir) / "llms.txt").write_text(beside_pages(text), encoding="utf-8")


def setup(app: Any) -> None:
    """Let Sphinx know of it."""
    app.connect("build-finished", write_llms)
