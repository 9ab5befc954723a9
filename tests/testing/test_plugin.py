"""What pytest gets from the package: a fixture, and which paths the tests have taken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from automations.engine.witnesses import seen_by
from automations.pytest_plugin import CoveragePlugin, Taken
from automations.testing import Clock
from automations.testing.paths import (
    Covered,
    coverage_of,
    covered,
    draw,
    picture,
    report,
    total,
)
from tests.plain import HOUR, NOW
from tests.testapp.durable import Halting
from tests.testapp.tested import Charge


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
        """Return how much must be covered, and where pictures are written to."""
        return {"automation_fail_under": self.least, "automation_coverage_diagrams": None}[name]


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


def test_what_was_not_taken_is_seen_on_a_picture_also_without_colour(tmp_path: Path) -> None:
    label = Charge.get_automation_name()
    found = coverage_of(Charge._meta, {(label, "start")}, {(label, "start", "charge")})
    assert draw([found, total([found])], tmp_path / "pictures") == 1
    text = (tmp_path / "pictures" / f"{label}.svg").read_text()
    root = ElementTree.fromstring(text)
    assert "dashed" in root.get("class", "").split()
    kinds = {each.get("data-node"): each.get("class", "").split() for each in root.iter()}
    assert "done" in kinds["start"]
    assert "never" in kinds["charge"]
    flows = {
        each.get("data-flow"): "taken" in each.get("class", "").split() for each in root.iter()
    }
    assert [is_taken for flow, is_taken in flows.items() if flow].count(True) == 2
    assert "<title>Charge: never reached</title>" in text
    assert (
        "The tests have taken 2 of 5 nodes and arrows, not: charge, end, charge -&gt; end" in text
    )
    assert "40 % taken by tests" in text
    everything = Covered(label, 5, 5, [], Charge._meta)
    assert "The tests have taken 5 of 5 nodes and arrows.</desc>" in picture(everything)
    with pytest.raises(LookupError, match="TOTAL is no process"):
        picture(total([found]))


@pytest.mark.processes
def test_pictures_are_written_where_the_command_says(tmp_path: Path) -> None:
    test = tmp_path / "test_nothing.py"
    test.write_text("def test_nothing():\n    pass\n")
    command = ["pytest", "-q", "-p", "no:cacheprovider", str(test), "--rootdir", str(tmp_path)]
    command += ["--ds=tests.settings", "--automation-coverage-diagrams", str(tmp_path / "made")]
    done = subprocess.run(
        [sys.executable, "-m", *command], check=True, capture_output=True, text=True
    )
    made = [path.name for path in (tmp_path / "made").iterdir()]
    assert "tests.testapp.automations.IssueDiscussion.svg" not in made  # of a test module
    assert f"{len(made)} pictures are in {tmp_path / 'made'}" in done.stdout


@pytest.mark.automation_clock(NOW)
def test_the_fixture_is_a_clock_that_begins_where_the_test_says(automation_clock: Clock) -> None:
    run = Charge()
    automation_clock.advance(HOUR)
    assert run.finished()
    assert automation_clock.now == NOW + HOUR


def test_loading_the_plugin_needs_no_django(tmp_path: Path) -> None:
    code = "import automations.pytest_plugin, sys; assert 'automations.models' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
