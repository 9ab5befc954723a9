"""What a process pays for automations that it only declares: no engine, no pages, nothing heavy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

#: What each node, trigger and option brings is there, and nothing runs.
DECLARED = """
from datetime import timedelta
from django import forms
from django.contrib.auth.models import User
from django.dispatch import Signal
from automations import flow
from automations.flow import this

opened = Signal()

class Address(forms.ModelForm):
    class Meta:
        model, fields = User, ["email"]

@flow.on_signal(opened)
@flow.on_model(User)
class Visit(flow.Automation):
    user = User
    look = flow.Execute(this.do).AfterWaitingFor(timedelta())
    fork = flow.Split().Next("ask").Next("listen")
    ask = flow.ModelForm(Address, "user").Permission("auth.change_user").Next("joined")
    listen = flow.ReceiveMessage("bell").Next("joined")
    joined = flow.Join()
    choose = flow.If(this.do).Then("end").Else("end")
    end = flow.End()
    def do(self, task=None):
        pass

class Short(flow.Automation):
    class Meta:
        schedule = flow.Cron("0 9 * * MON")
    note = flow.Execute(this.write)
    end = flow.End()
    def write(self, task):
        self.data["written"] = True

flow.on_signal(opened)(Short)
"""

#: Floors that only a process at work needs, and pages. Django itself asks for `automations.admin`.
LATE = [
    "automations." + name
    for name in (
        "engine", "dispatch", "diagrams", "upgrade", "testing", "views", "urls", "templatetags",
        "handles", "delivery", "firing", "checks", "history", "inbox", "kinds", "drafts", "figures",
        "charts", "pictured", "notices", "postman", "health", "standing", "hand_starts", "tasks",
        "contrib", "management",
    )
]  # fmt: skip

#: Modules of Python and Django that take long and that nothing here is worth.
HEAVY = [
    "asyncio", "concurrent.futures", "ctypes", "email", "http", "importlib.metadata",
    "importlib.resources", "logging.config", "multiprocessing", "pdb", "platform", "pydoc",
    "select", "selectors", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "unittest",
    "urllib.request", "xml", "xmlrpc", "zipfile", "zoneinfo", "django.contrib.auth.mixins",
    "django.core.mail", "django.db.migrations", "django.template.loader", "django.test",
    "django.views",
]  # fmt: skip

SETUP = """
import json, sys
import django
from django.conf import settings
settings.configure(
    SECRET_KEY="-", USE_TZ=True, INSTALLED_APPS={apps},
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}}},
)
django.setup()
"""
PLAIN = ["django.contrib.contenttypes", "django.contrib.auth"]
ADMIN = ["django.contrib.sessions", "django.contrib.messages", "django.contrib.admin"]
LOADED = "print(json.dumps(sorted(sys.modules)))"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the folder of a project whose app ``shop`` declares automations."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "shop" / "automations.py").write_text(DECLARED)
    return tmp_path


def told(project: Path, apps: list[str], code: str) -> Any:
    """Return what a new process with these apps tells by its last line."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    lines = SETUP.format(apps=apps) + textwrap.dedent(code)
    command = [sys.executable, "-c", lines]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def of(names: list[str], modules: set[str]) -> list[str]:
    """Return those of the modules that are called so, or stand below."""
    return sorted(m for m in modules if any(f"{m}.".startswith(f"{name}.") for name in names))


@pytest.mark.parametrize("more", [[], ADMIN], ids=["Django", "Django's admin"])
def test_who_only_declares_processes_loads_neither_engine_nor_pages(
    project: Path, more: list[str]
) -> None:
    without = set(told(project, PLAIN + more, LOADED))
    loaded = set(told(project, [*PLAIN, *more, "automations", "shop"], LOADED)) - without
    assert {"automations.flow", "shop.automations"} <= loaded
    late = LATE if more else [*LATE, "automations.admin"]
    too_early, too_heavy = of(late, loaded), of(HEAVY, loaded)
    assert not too_early, f"loaded before anything is at work: {', '.join(too_early)}"
    assert not too_heavy, f"loaded though Django does without: {', '.join(too_heavy)}"


def test_a_trigger_fires_in_a_process_that_has_not_loaded_the_engine_yet(project: Path) -> None:
    apps = [*PLAIN, "automations", "shop"]
    told(
        project,
        apps,
        """
        from django.core.management import call_command
        call_command("migrate", verbosity=0)
        print("null")
        """,
    )
    fired = told(
        project,
        apps,
        """
        from django.contrib.auth.models import User
        from automations.models import AutomationModel
        from shop.automations import opened
        assert "automations.engine" not in sys.modules
        User.objects.create(username="ada")
        opened.send("door")
        runs = AutomationModel.objects.order_by("pk")
        print(json.dumps([(run.automation_class, run.state, run.data) for run in runs]))
        """,
    )
    assert fired == [
        ["shop.automations.Visit", "running", {"user": 1}],
        ["shop.automations.Visit", "running", {}],
        ["shop.automations.Short", "finished", {"written": True}],
    ]


def test_the_system_checks_are_registered_though_they_are_not_loaded(project: Path) -> None:
    flawed = DECLARED + "class Flawed(flow.Automation):\n    only = flow.Execute().Next('lost')\n"
    (project / "shop" / "automations.py").write_text(flawed)
    found = told(
        project,
        [*PLAIN, "automations", "shop"],
        """
        from django.core import checks
        assert "automations.checks" not in sys.modules
        found = checks.run_checks(tags=["automations"])
        names = [check.__name__ for check in checks.registry.registry.get_checks()]
        print(json.dumps([[each.id for each in found if "Flawed" in each.msg], names]))
        """,
    )
    codes, names = found
    assert "automations.E105" in codes
    assert {
        "check_definitions", "check_dispatchers", "check_settings", "check_databases",
        "check_upgrade",
    } <= set(names)  # fmt: skip
