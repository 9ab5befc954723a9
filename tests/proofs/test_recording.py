"""The table of the proofs says what the tests have counted, and the page only what was green."""

from __future__ import annotations

import datetime
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.proofs import recording
from tests.proofs.counting import Audit
from tests.proofs.recording import Recorder

TOOLS = Path(__file__).parent.parent.parent / "tools"
BASES = ["SQLite 3.46, Python 3.13", "PostgreSQL 16, Python 3.13", "MariaDB 11.4, Python 3.13"]


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The tool that shows the table: it is no package, and calls a neighbour "test"."""
    monkeypatch.setattr(sys, "path", [str(TOOLS), *sys.path])
    monkeypatch.delitem(sys.modules, "test", raising=False)
    spec = importlib.util.spec_from_file_location("proofs_tool", TOOLS / "proofs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "proofs_tool", module)
    spec.loader.exec_module(module)
    monkeypatch.delitem(sys.modules, "test", raising=False)
    return module


def note(base: str, *promises: str, passed: bool = True, **numbers: int) -> Any:
    """Return one note as it stands in the file."""
    counted = {"runs": 3, "exact": 3, "stuck": 0, "lost": 0, "doubled": 0} | numbers
    about = {"test": "a", "pass": base, "passed": passed, "done": "30 kills"}
    return {**about, "promises": list(promises), **counted}


def test_what_an_audit_finds_is_told_in_runs() -> None:
    found = Audit(runs=5, stuck=[1], lost=[1, 2], doubled=[(3, "a", 7), (3, "b", 8)])
    numbers = {"runs": 5, "exact": 2, "stuck": 1, "lost": 2, "doubled": 1}
    assert found.numbers() == numbers
    assert not found.exact


@pytest.mark.parametrize("worker", [True, False])
def test_a_note_is_written_by_the_process_that_reports_and_only_if_asked(
    worker: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: Any
) -> None:
    Recorder(request.node)("P1", done="nothing", exact=2)
    properties = request.node.user_properties
    report = pytest.TestReport(
        "a", ("a", 0, "a"), {}, "passed", None, "call", user_properties=list(properties)
    )
    properties.clear()  # this note is no proof
    file = tmp_path / "notes.jsonl"
    monkeypatch.delenv("ATM_PROOF_RECORD", raising=False)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    recording.pytest_runtest_logreport(report)
    monkeypatch.setenv("ATM_PROOF_RECORD", str(file))
    if worker:
        monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    recording.pytest_runtest_logreport(report)
    assert file.exists() is not worker
    if not worker:
        (line,) = file.read_text().splitlines()
        found = json.loads(line)
        assert (found["promises"], found["runs"], found["exact"]) == (["P1"], 2, 2)
        assert found["passed"] is True


def test_what_was_the_same_on_several_databases_is_one_line(tool: Any) -> None:
    notes = [note(base, "P1") for base in BASES]
    notes.append(note(BASES[1], "P1", stuck=1, exact=2))
    one, other = tool.lines(notes)
    assert one.cells() == [
        "P1", "SQLite, PostgreSQL, MariaDB", "30 kills", "3", "3", "0", "0", "0",
    ]  # fmt: skip
    assert other.cells()[1] == "PostgreSQL"
    assert "30 kills" in tool.plain([one, other])
    failed = tool.lines([note(BASES[0], "P1", passed=False)])
    assert "FAILED" in failed[0].done


def test_notes_come_in_the_order_of_the_promises(tool: Any, tmp_path: Path) -> None:
    file = tmp_path / "notes.jsonl"
    assert tool.read(file) == []
    notes = [note(BASES[0], "P10"), note(BASES[0], "P2", "P12")]
    file.write_text("".join(json.dumps(each) + "\n" for each in notes))
    assert [each["promises"][0] for each in tool.read(file)] == ["P2", "P10"]


def test_only_a_run_at_full_size_is_for_the_page(
    tool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATM_PROOF_SCALE", "3")
    assert tool.missing() == ""
    monkeypatch.delenv("ATM_PROOF_SCALE")
    assert "scale" in tool.missing()


def test_what_a_test_finds_takes_the_place_of_what_it_found_there_before(
    tool: Any, tmp_path: Path
) -> None:
    file = tmp_path / "found.json"
    before = [note(base, "P2") for base in BASES[:2]] + [note(BASES[0], "P4") | {"test": "b"}]
    tool.keep(before, datetime.date(2026, 3, 2), file)
    kept = tool.keep([note("SQLite 3.50", "P1")], datetime.date(2026, 3, 4), file)
    assert kept == json.loads(file.read_text())
    assert [(each["pass"], each["test"], each["date"]) for each in kept] == [
        ("SQLite 3.50", "a", "2026-03-04"),
        (BASES[1], "a", "2026-03-02"),
        (BASES[0], "b", "2026-03-02"),
    ]
    page = tool.markdown(kept)
    assert "- SQLite 3.50: run on 04 March 2026" in page
    assert f"- {BASES[1]}: run on 02 March 2026" in page
    assert "- MariaDB: no full run yet" in page
    kept = tool.keep([note(BASES[1], "P3") | {"test": "b"}], datetime.date(2026, 3, 4), file)
    assert f"- {BASES[1]}: run on 02 March 2026 to 04 March 2026" in tool.markdown(kept)


def test_what_was_proved_before_a_day_is_proved_again(tool: Any, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    tool.keep([note(BASES[0], "P1")], datetime.date(2026, 3, 2), file)
    tool.keep([note(BASES[0], "P2") | {"test": "b"}], datetime.date(2026, 3, 4), file)
    assert tool.there_already("SQLite", file, "2026-03-02") == ["a", "b"]
    assert tool.there_already("SQLite", file, "2026-03-03") == ["b"]
    assert tool.there_already("SQLite", file, "2026-03-05") == []
    assert tool.day("2026-03-04") == "2026-03-04"
    with pytest.raises(ValueError, match=r"04\.03\.2026"):
        tool.day("04.03.2026")


@pytest.mark.parametrize(
    ("said", "left_out"),
    [
        ([], []),
        (["--left"], ["--deselect=a", "--deselect=b"]),
        (["--since", "2026-03-03"], ["--deselect=b"]),
    ],
)
def test_what_is_on_the_page_is_left_out_if_that_is_said(
    said: list[str], left_out: list[str], tool: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "found.json"
    tool.keep([note(BASES[0], "P1")], datetime.date(2026, 3, 2), file)
    tool.keep([note(BASES[0], "P2") | {"test": "b"}], datetime.date(2026, 3, 4), file)
    told: list[list[str]] = []
    monkeypatch.setattr(tool, "FOUND", file)
    monkeypatch.setattr(tool.test, "main", lambda arguments, *rest: told.append(arguments) or 0)
    monkeypatch.setattr(sys, "argv", ["proofs.py", "--database", "sqlite", *said])
    assert tool.main() == 0
    assert [each for each in told[0] if each.startswith("--deselect")] == left_out
    assert len(told) == 2


def test_of_a_test_that_has_failed_the_page_says_that_and_nothing_it_found_before(
    tool: Any, tmp_path: Path
) -> None:
    file = tmp_path / "found.json"
    day = datetime.date(2026, 3, 2)
    tool.keep([note(BASES[0], "P1"), note(BASES[0]), note(BASES[1], "P1")], day, file)
    assert tool.there_already("SQLite", file) == ["a"]
    kept = tool.keep([note(BASES[0], passed=False)], day, file)
    assert tool.there_already("SQLite", file) == []
    assert tool.there_already("MariaDB", tmp_path / "none") == []
    page = tool.markdown(kept)
    assert "  - not proved there: `a`" in page
    assert "| P1 | PostgreSQL | 30 kills |" in page
    assert "SQLite |" not in page
    kept = tool.keep([note(BASES[0], "P1"), note(BASES[0])], day, file)
    assert "not proved" not in tool.markdown(kept)


def test_the_page_changes_between_its_two_lines_and_nowhere_else(tool: Any) -> None:
    page = tool.PAGE.read_text(encoding="utf-8")
    part = tool.markdown([{**note(BASES[0], "P1"), "date": "2026-03-02"}])
    changed = tool.into_page(page, part)
    assert "run on 02 March 2026" in changed
    assert "| P1 | SQLite | 30 kills | 3 | 3 | 0 | 0 | 0 |" in changed
    assert changed.partition(tool.BEGIN)[0] == page.partition(tool.BEGIN)[0]
    assert changed.partition(tool.END)[2] == page.partition(tool.END)[2]
    assert tool.into_page(changed, part) == changed
