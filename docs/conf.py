"""How the documentation is built: ``make docs``."""

import os
import sys
from pathlib import Path

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
exclude_patterns = ["_build"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
myst_enable_extensions = ["deflist"]
# Pages lead to headings of others: ../explanation/time.md#three-clocks.
myst_heading_anchors = 3
nitpicky = False
