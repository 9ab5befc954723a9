"""The house: imports point down only, and no room has a second idea."""

from __future__ import annotations

import ast
import logging
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "automations"


def test_imports_point_down_only() -> None:
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    before = [(logger, logger.disabled) for logger in loggers]
    try:
        assert lint_imports(config_filename=str(ROOT / "pyproject.toml")) == EXIT_STATUS_SUCCESS
    finally:
        # It configures logging for itself, and switches off what others have.
        for logger, disabled in before:
            logger.disabled = disabled


@pytest.mark.api("Automation(automation=)")
def test_no_law_depends_on_an_assert_that_an_option_of_python_leaves_out() -> None:
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)], path


@pytest.mark.api("A31")
def test_the_package_works_without_any_task_queue() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"\W", dependency)[0] for dependency in project["dependencies"]}
    assert needed == {"Django", "cronsim"}
    without = "celery", "django_tasks", "django_tasks_db", "rq", "dramatiq", "huey", "procrastinate"
    apps = ["django.contrib.contenttypes", "django.contrib.auth", "automations"]
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({without}))\n"
        "import django\n"
        "from django.conf import settings\n"
        f"settings.configure(INSTALLED_APPS={apps}, DATABASES={{'default': {database}}})\n"
        "django.setup()\n"
        "import automations.flow, automations.urls, automations.dispatch.sweep\n"
        "import automations.management.commands.automation_step"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_no_module_has_a_second_idea() -> None:
    """About 300 lines is where a second idea moves in."""
    long = {
        path.name: lines
        for path in SOURCE.rglob("*.py")
        if "migrations" not in path.parts and (lines := len(path.read_text().splitlines())) > 320
    }
    assert long == {}
