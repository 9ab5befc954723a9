"""The page on pictures of processes."""

from __future__ import annotations

import re
from importlib import import_module
from io import StringIO

import pytest
from blocks import Page
from django.core.management import call_command

page = Page("diagrams", globals())
page.run("extensions")
EXCERPT = page.text("<bpmn:userTask")
PICTURE = page.text(".. automation:: shop.Order")


def test_the_extension_of_sphinx_is_there_and_knows_the_options() -> None:
    pytest.importorskip("sphinx", reason="The documentation is built in the main environment.")
    (name,) = extensions
    module = import_module(name)
    assert callable(module.setup)
    options = set(re.findall(r"^ +:(\w+):", PICTURE, re.MULTILINE))
    assert options
    assert options <= set(module.AutomationDirective.option_spec)


def test_the_excerpt_is_of_what_is_exported() -> None:
    out = StringIO()
    call_command("automation_diagram", "shop.Order", format="bpmn", stdout=out)
    exported = [line.strip() for line in out.getvalue().splitlines()]
    wanted = [line.strip() for line in EXCERPT.splitlines() if line.strip() != "..."]
    first = exported.index(wanted[0])
    assert exported[first : first + len(wanted)] == wanted


def test_the_command_prints_an_svg() -> None:
    out = StringIO()
    call_command("automation_diagram", "shop.Order", stdout=out)
    assert re.match(r"<svg ", out.getvalue())
