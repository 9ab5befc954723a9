"""What pytest gets from the package: a fixture, and which paths the tests have taken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from automations.engine.witnesses import seen_by
from automations.pytest_plugin import CoveragePlugin, Taken
from automations.testing import Clock
from automations.testing.paths import coverage_of, covered, report, total
from tests.plain import HOUR, NOW
from tests.testapp.durable import Halting
from tests.testapp.tested import Charge

PROJECT = {
    "settings.py": (
        "SECRET_KEY = 'for this test only'\nUSE_TZ = True\n"
        "INSTALLED_APPS = [\n"
        "    'django.contrib.contenttypes', 'django.contrib.auth', 'automations', 'shop'\n"
        "]\n"
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}}\n"
    ),
    "shop/__init__.py": "",
    "shop/automations.py": (
        '"""What the shop does."""\n\nfrom __future__ import annotations\n\n'
        "from automations import flow\n\n\n"
        "class Forgotten(flow.Automation):\n    start = flow.Execute()\n    end = flow.End()\n"
    ),
    "test_fixture.py": (
        "import datetime\nimport pytest\nfrom automations import flow\n\n"
        "@pytest.mark.automation_clock(datetime.datetime(2026, 1, 5, tzinfo=datetime.UTC))\n"
        "def test_the_clock_stands(automation_clock):\n"
        "    assert flow.now() == automation_clock.now\n"
        "    assert flow.now().year == 2026\n"
    ),
}
PYTEST = [
    *("pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--strict-markers"),
    "--automation-fail-under=60",
]


@pytest.mark.processes
def test_in_a_new_project_the_first_test_passes_and_its_coverage_is_told(tmp_path: Path) -> None:
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    own = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    environment = own | {"DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": str(tmp_path)}

    def python(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    python("django", "startautomation", "OrderApproval", "--app", "shop")
    told = python(*PYTEST)
    assert "2 passed" in told
    assert (
        "shop.automations.Forgotten            0 of 3     0 %   missing: start, end, start -> end\n"
        "shop.automations.OrderApproval        5 of 5   100 %\n"
        "TOTAL                                 5 of 8    62 %\n"
    ) in told


# Counting


@pytest.mark.django_db
def test_a_node_counts_when_it_was_done_and_an_arrow_when_it_was_taken() -> None:
    taken, label = Taken(), Charge.get_automation_name()
    with seen_by(taken):
        Charge()
    assert taken.nodes == {(label, "start")}
    assert taken.flows == {(label, "start", "charge")}
    found = coverage_of(Charge._meta, taken.nodes, taken.flows)
    assert (found.taken, found.there) == (2, 5)
    assert found.missing == ["charge", "end", "charge -> end"]
    assert "2 of 5    40 %   missing: charge, end, charge -> end" in "".join(report([found]))


@pytest.mark.django_db
def test_what_a_message_moves_counts_too() -> None:
    taken = Taken()
    with seen_by(taken):
        Halting().send_message("answer")
    assert (Halting.get_automation_name(), "ask", "join") in taken.flows


def test_processes_of_test_modules_are_left_out_and_nothing_is_all_of_nothing() -> None:
    assert covered((), ()) == []
    assert total([]).percent == 100


class Config(SimpleNamespace):
    """What the plugin asks of pytest."""

    def getoption(self, name: str) -> Any:
        """Return how much must be covered."""
        assert name == "automation_fail_under"
        return self.least


@pytest.mark.parametrize(("least", "status"), [(None, 0), (100, 0), (100.5, 1)])
def test_too_little_fails_and_a_worker_hands_over(least: float | None, status: int) -> None:
    config: Any = Config(least=least, workerinput={}, workeroutput={})
    session: Any = SimpleNamespace(exitstatus=pytest.ExitCode.OK, config=config)
    worker = CoveragePlugin(config)
    worker.taken.nodes.add(("Signup", "start"))
    worker.taken.flows.add(("Signup", "start", "end"))
    worker.pytest_sessionfinish(session)
    del config.workerinput
    plugin = CoveragePlugin(config)
    plugin.pytest_testnodedown(SimpleNamespace(workeroutput=config.workeroutput))
    plugin.pytest_testnodedown(SimpleNamespace())  # one that has crashed
    assert (plugin.taken.nodes, plugin.taken.flows) == (worker.taken.nodes, worker.taken.flows)
    plugin.pytest_sessionfinish(session)
    assert session.exitstatus == status
    lines: list[str] = []
    reporter: Any = SimpleNamespace(
        section=lines.append, line=lambda text, **markup: lines.append(text)
    )
    plugin.pytest_terminal_summary(reporter)
    assert lines[0] == "automation coverage"
    assert ("fail-under" in lines[-1]) == bool(status)


@pytest.mark.automation_clock(NOW)
def test_the_fixture_is_a_clock_that_begins_where_the_test_says(automation_clock: Clock) -> None:
    run = Charge()
    automation_clock.advance(HOUR)
    assert run.finished()
    assert automation_clock.now == NOW + HOUR


def test_loading_the_plugin_needs_no_django(tmp_path: Path) -> None:
    code = "import automations.pytest_plugin, sys; assert 'automations.models' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
