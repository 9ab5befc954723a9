"""
The plugin of pytest, which it finds by itself where the package is installed.

It brings the fixture `automation_clock`, and ``--automation-coverage``: which nodes and arrows of
the processes the tests have taken. It does nothing that is not asked for, and Django need not be
set up when it is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from automations.engine.witnesses import Witness, seen_by

if TYPE_CHECKING:
    from automations.engine.context import RunContext
    from automations.testing import Clock

MARKER = (
    "automation_clock(start, *, every, beside, limit, incidents): what the fixture of that name "
    "begins with; the arguments of automations.testing.clock."
)
#: Under this name workers of pytest-xdist hand over what their tests have taken.
OUTPUT = "automation_coverage"


class Taken(Witness):
    """The nodes that were done and the arrows that were taken, by the name of the process."""

    def __init__(self) -> None:
        self.nodes: set[tuple[str, str]] = set()
        self.flows: set[tuple[str, str, str]] = set()

    def settled(self, context: RunContext) -> None:
        label = context.run.automation_class
        task = getattr(context, "task", None)
        for done in (task, *context.opened):  # an End may be opened and done at once
            if done is not None and done.state == done.State.COMPLETED:
                self.nodes.add((label, done.status))
        for opened in context.opened:
            if opened.previous is not None:
                self.flows.add((label, opened.previous.status, opened.status))


class CoveragePlugin:
    """Counts what the tests take, and reports it."""

    def __init__(self, config: pytest.Config) -> None:
        self.taken = Taken()
        self.least: float | None = config.getoption("automation_fail_under")
        self.directory: str | None = config.getoption("automation_coverage_diagrams")
        self.is_worker = hasattr(config, "workerinput")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Iterator[None]:
        """Look on while the tests are run."""
        with seen_by(self.taken):
            return (yield)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker of pytest-xdist has counted."""
        nodes, flows = getattr(node, "workeroutput", {}).get(OUTPUT, ([], []))
        self.taken.nodes |= {(label, name) for label, name in nodes}
        self.taken.flows |= {(label, source, target) for label, source, target in flows}

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand over what was counted; let the tests fail if that is too little."""
        if self.is_worker:
            output: dict[str, Any] = session.config.workeroutput  # type: ignore[attr-defined] # of xdist
            output[OUTPUT] = ([*self.taken.nodes], [*self.taken.flows])
        elif self.least is not None and session.exitstatus == pytest.ExitCode.OK:
            from automations.testing.paths import covered, total

            if total(covered(self.taken.nodes, self.taken.flows)).percent < self.least:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what was taken, process by process."""
        from automations.testing.paths import covered, draw, report, total

        found = covered(self.taken.nodes, self.taken.flows)
        terminalreporter.section("automation coverage")
        for line in report(found):
            terminalreporter.line(line)
        if self.directory:
            number = draw(found, Path(self.directory))
            terminalreporter.line(f"{number} pictures are in {self.directory}")
        percent = total(found).percent
        if self.least is not None and percent < self.least:
            text = f"{percent:.0f} % is less than the {self.least:g} % of --automation-fail-under."
            terminalreporter.line(text, red=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of path coverage."""
    group = parser.getgroup("automations", "processes of django-automations")
    group.addoption(
        "--automation-coverage",
        action="store_true",
        help="Report which nodes and arrows of the processes the tests have taken.",
    )
    group.addoption(
        "--automation-coverage-diagrams",
        metavar="DIR",
        help="The same, and write a picture of each process there, on which that is seen.",
    )
    group.addoption(
        "--automation-fail-under",
        type=float,
        metavar="PERCENT",
        help="The same, and fail if all processes together are below that.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Count only if that is asked for."""
    config.addinivalue_line("markers", MARKER)
    options = ("automation_coverage", "automation_coverage_diagrams", "automation_fail_under")
    if any(config.getoption(option) not in (None, False) for option in options):
        config.pluginmanager.register(CoveragePlugin(config), "automation_coverage")


@pytest.fixture
def automation_clock(request: pytest.FixtureRequest, db: None) -> Iterator[Clock]:
    """
    Process time that stands still until the test moves it: `automations.testing.clock`.

    ``@pytest.mark.automation_clock(start)`` says where it begins; else it is now.
    """
    from automations.testing import clock

    marker = request.node.get_closest_marker("automation_clock")
    args, kwargs = (marker.args, marker.kwargs) if marker else ((), {})
    with clock(*args, **kwargs) as time:
        yield time
