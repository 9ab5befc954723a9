"""``manage.py startautomation``: a first automation, and a test of it that passes."""

from __future__ import annotations

import ast
import difflib
import keyword
import re
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError

DOCSTRING = '"""The processes of this app."""\n'

IMPORTS = (
    "import datetime\n",
    "from automations import flow\n",
    "from automations.flow import this\n",
    "from automations.models import AutomationTaskModel\n",
)

AUTOMATION = '''\
class {name}(flow.Automation):
    """Say in one sentence what this process is for."""

    start = flow.Execute(this._begin)
    pause = flow.Execute(this._go_on).AfterWaitingFor(datetime.timedelta(days=1))
    end = flow.End()

    def _begin(self, task: AutomationTaskModel) -> None:
        """Do the first thing; whatever is in `data` is kept with the run."""
        self.data["begun"] = True

    def _go_on(self, task: AutomationTaskModel) -> None:
        """Do what comes a day later."""
'''

TEST = '''\
"""The process {name}, as it goes."""

import datetime

from django.test import TestCase

from automations.testing import assert_path, assert_waiting_at, clock
from {module} import {name}

BEGIN = datetime.datetime(2026, 1, 5, 9, tzinfo=datetime.timezone.utc)


class {name}Test(TestCase):
    """What {name} does, and when."""

    def test_it_goes_on_after_a_day(self) -> None:
        """The whole path, from its start to its end."""
        with clock(BEGIN) as time:
            run = {name}()
            assert_waiting_at(run, "pause")
            time.advance(days=1)
            assert_path(run, ["start", "pause", "end"])
'''


class Command(BaseCommand):
    """Write an automation into the module ``automations`` of an app, and its test."""

    help = (
        "Write an automation into automations.py of an app, and a test of it that passes. What is "
        "there already stays as it is."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="The name of its class: OrderApproval.")
        parser.add_argument("--app", required=True, metavar="LABEL", help="The app it belongs to.")

    def handle(self, *args: Any, **options: Any) -> None:
        name: str = options["name"]
        if not re.fullmatch(r"[A-Z]\w*", name, re.ASCII) or keyword.iskeyword(name):
            raise CommandError(f"{name!r} is no name for a class. Write one like OrderApproval.")
        try:
            app = apps.get_app_config(options["app"])
        except LookupError:
            close = difflib.get_close_matches(options["app"], apps.app_configs, 1)
            meant = f" Did you mean {close[0]}?" if close else ""
            raise CommandError(f"No app {options['app']!r} is installed.{meant}") from None
        folder = Path(app.path)
        module = folder / "automations.py"
        if (folder / "automations").exists():
            raise CommandError(
                f"{folder / 'automations'} is a package: put {name} into it by hand."
            )
        here = folder / "tests" if (folder / "tests").is_dir() else folder
        test = here / f"test_{snake(name)}.py"
        if test.exists():
            raise CommandError(f"{test} is there already. Choose another name.")
        before = module.read_text(encoding="utf-8") if module.exists() else DOCSTRING
        try:
            text = with_automation(before, name)
        except SyntaxError as error:
            raise CommandError(f"{module} cannot be read: {error}") from error
        module.write_text(text, encoding="utf-8")
        test.write_text(TEST.format(name=name, module=f"{app.name}.automations"), encoding="utf-8")
        self.stdout.write(f"Written: {module}\nWritten: {test}")


def snake(name: str) -> str:
    """Return the name of a class as that of a module: order_approval."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def with_automation(text: str, name: str) -> str:
    """Return the text of a module with the class, and the imports it needs, added to it."""
    tree = ast.parse(text)
    if any(getattr(statement, "name", None) == name for statement in tree.body):
        raise CommandError(f"There is a {name} already. Choose another name.")
    there = {ast.unparse(statement) for statement in tree.body}
    missing = [line for line in IMPORTS if line.strip() not in there]
    lines = text.splitlines(keepends=True)
    place = first_import(tree)
    plain = [line for line in missing if line.startswith("import ")]
    others = [line for line in missing if line not in plain]
    for block in filter(None, (others, plain)):
        lines[place:place] = ["\n", *block]
    return "".join(lines).strip() + "\n\n\n" + AUTOMATION.format(name=name)


def first_import(tree: ast.Module) -> int:
    """Return the number of lines before which imports may not stand: the docstring, the future."""
    place = 0
    for statement in tree.body:
        is_docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        is_future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        if not (is_docstring or is_future):
            break
        place = statement.end_lineno or place
    return place
