"""Every line that is promised has a test, and the page that says so is true."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api import table


def test_every_line_that_is_promised_has_a_test_and_every_marker_names_such_a_line() -> None:
    assert table.gaps(table.lines(), table.proofs()) == []


def test_the_page_says_what_the_tests_say() -> None:
    written = table.PAGE.read_text(encoding="utf-8")
    assert written == table.page(table.lines(), table.proofs()), "Run `make api-coverage`."


def test_an_id_stands_for_one_line() -> None:
    ids = [id_ for section in table.lines().values() for id_ in section]
    assert len(ids) == len(set(ids))
    assert set(table.lines()) == set(table.TITLES)


def test_a_line_without_a_test_and_a_test_without_a_line_are_gaps() -> None:
    lines = {"system": {"A1": "One.", "A2": "Two."}}
    assert table.gaps(lines, {"A2": ["tests/a.py::test_b"], "A3": ["tests/a.py::test_c"]}) == [
        "A1: no test proves it.",
        "A3: not promised, but named by tests/a.py::test_c.",
    ]


def test_markers_are_read_from_the_source_of_the_tests(tmp_path: Path) -> None:
    folder = tmp_path / "tests" / "inner"
    folder.mkdir(parents=True)
    (folder / "test_some.py").write_text(
        '@pytest.mark.api("A1", "Repeat")\n@other\ndef test_one(): ...\ndef test_two(): ...\n'
        '@pytest.mark.api("A1")\ndef test_three(): ...\n'
    )
    one, three = (f"tests/inner/test_some.py::test_{name}" for name in ("one", "three"))
    found = table.proofs(tmp_path / "tests")
    assert found == {"A1": [one, three], "Repeat": [one]}
    shown = table.page({"system": {"A1": "`this.x` | *all*"}}, found)
    assert r"| `A1` | \`this.x\` \| \*all\* |" in shown
    assert "| `inner/test_some.py` one<br>`inner/test_some.py` three |" in shown


@pytest.mark.parametrize(
    "source",
    [
        'pytestmark = pytest.mark.api("A1")\n',
        '@pytest.mark.api("A1")\nclass TestAll: ...\n',
        '@pytest.mark.api("A1")\ndef helper(): ...\n',
        "@pytest.mark.api(ID)\ndef test_one(): ...\n",
        '@pytest.mark.api("A1", *IDS)\ndef test_one(): ...\n',
        "@pytest.mark.api()\ndef test_one(): ...\n",
        '@pytest.mark.api(id="A1")\ndef test_one(): ...\n',
        "@pytest.mark.api\ndef test_one(): ...\n",
    ],
)
def test_a_marker_that_cannot_be_read_is_refused(source: str) -> None:
    with pytest.raises(table.Misplaced, match=r"test_x\.py:1: write @pytest\.mark\.api"):
        list(table.marked(source, "tests/test_x.py"))
