"""What holds for each of the how-to pages."""

from __future__ import annotations

import re
from configparser import ConfigParser
from importlib import import_module
from pathlib import Path

import pytest
from blocks import PAGES, Page, blocks
from commands import commands_of, only_commands, refuse_unknown

from automations.definition.validation import find_problems
from automations.registry import automations

#: These have tests of their own: tests/docs/test_testing_page.py.
ELSEWHERE = {"test"}
NAMES = sorted(path.stem for path in PAGES.glob("*.md"))
HERE = Path(__file__).parent


def taken(name: str) -> Page:
    """Return the page, after all modules that take its blocks have been imported."""
    module = f"page_{name.replace('-', '_')}"
    if (HERE / f"{module}.py").exists():
        import_module(module)
    return Page.known.get(name) or Page(name, {})


@pytest.mark.parametrize("name", sorted({*NAMES} - ELSEWHERE))
def test_each_block_is_run_or_compared_with_what_is_so(name: str) -> None:
    left = [block for block in taken(name).left if not only_commands(block)]
    assert not left, f"Nothing tries these blocks: {', '.join(map(str, left))}"


@pytest.mark.parametrize("name", NAMES)
def test_each_command_is_there_with_its_options(name: str, pytestconfig: pytest.Config) -> None:
    for command, whole in commands_of(name):
        refuse_unknown(command, pytestconfig, whole=whole)


@pytest.mark.parametrize("name", NAMES)
def test_each_unit_of_systemd_can_be_read(name: str) -> None:
    for block in blocks(name):
        if block.language == "ini":
            assert ConfigParser(interpolation=None).read_string(block.text) is None


def test_each_process_is_sound() -> None:
    for name in NAMES:
        taken(name)
    for automation in automations():
        if automation.__subclasses__():
            continue  # what lacks here, the subclass has
        assert not find_problems(automation._meta), automation


def test_each_page_is_in_the_table_of_contents() -> None:
    index = (PAGES.parent / "index.md").read_text()
    assert sorted(re.findall(r"^how-to/(\S+)$", index, re.MULTILINE)) == NAMES
