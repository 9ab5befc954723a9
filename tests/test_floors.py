"""The house: imports point down only, and what the documentation lists is what there is."""

from __future__ import annotations

import re
from pathlib import Path

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from automations import settings

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "automations"


def test_imports_point_down_only() -> None:
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml")) == EXIT_STATUS_SUCCESS


def test_no_module_has_a_second_idea() -> None:
    """About 300 lines is where a second idea moves in."""
    long = {
        path.name: lines
        for path in SOURCE.rglob("*.py")
        if "migrations" not in path.parts and (lines := len(path.read_text().splitlines())) > 320
    }
    assert long == {}


def test_every_setting_is_documented_with_its_default() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    rows = dict(re.findall(r"^\| `(ATM_\w+)` \| `(.+?)` \|", page, re.MULTILINE))
    defaults = {name: setting.default for name, setting in settings.SETTINGS.items()}
    assert {name: eval(text) for name, text in rows.items()} == defaults  # noqa: S307


def test_every_check_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "checks.md").read_text()
    documented = set(re.findall(r"`automations\.([EWI]\d{3})`", page))
    raised = {
        code
        for path in SOURCE.rglob("*.py")
        for code in re.findall(r'"([EWI]\d{3})"', path.read_text())
    }
    assert raised == documented
