"""A process as SVG: all of it, readable by everybody, with what is painted on it."""

from __future__ import annotations

import io
import re
import struct
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.core.management import CommandError, call_command

from automations import flow
from automations.diagrams.elements import Element, Graph
from automations.diagrams.formats import FORMATS
from automations.diagrams.painting import NOTHING, SIGNS, WORDS, Mark, Paint, State, lines_of
from automations.diagrams.png import plain, png
from automations.diagrams.svg import drawn, picture_of, sheet, svg
from automations.diagrams.translation import graph_of
from automations.exceptions import ConverterMissing
from automations.flow import this
from tests.diagrams.corpus import CORPUS, UNSOUND, chain, wide
from tests.diagrams.corpus import made as made_of
from tests.testapp.inbox_processes import Review

REVIEW = f"testapp.{Review.__name__}"
SVG = "{http://www.w3.org/2000/svg}"
ISSUES = CORPUS["IssueDiscussion"]
PAINT = Paint(
    {
        "start": Mark(State.DONE, link="#start"),
        "parallel": Mark(State.DONE),
        "moderation": Mark(State.DONE, count=13),
        "moderate": Mark(State.WAITING, "Moderators, until 3 May", count=12, link="/tasks/7"),
        "warning": Mark(State.FAILED, "ConnectionError"),
        "conf_call": Mark(State.DONE),
        "moderate_call": Mark(State.SKIPPED),
        "end": Mark(State.NEVER),
    },
    frozenset(
        {
            ("start", "parallel"),
            ("parallel", "moderation"),
            ("parallel", "warning"),
            ("moderation", "moderate"),
        }
    ),
)


def tree(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)


def words(root: ElementTree.Element) -> str:
    return " ".join(each.text or "" for each in root.iter(f"{SVG}text"))


@pytest.mark.parametrize("name", [*CORPUS, *UNSOUND])
def test_every_element_and_every_flow_is_drawn_with_its_words(name: str) -> None:
    definition = {**CORPUS, **UNSOUND}[name]._meta
    text = svg(definition)
    assert text == svg(definition)
    root = tree(text)
    graph = graph_of(definition)
    groups = [each for each in root.iter(f"{SVG}g") if each.get("data-node") is not None]
    assert len(groups) == len(graph.elements)
    flows = [each for each in root.iter(f"{SVG}g") if "flow" in (each.get("class") or "").split()]
    assert len(flows) == len(graph.flows)
    titles = {each.text for each in root.iter(f"{SVG}title")}
    assert {element.name or element.id for element in graph.elements.values()} <= titles
    assert {flow.label for flow in graph.flows if flow.label} <= titles


@pytest.mark.parametrize("name", ["IssueDiscussion", "Order", "Troubled"])
def test_it_keeps_to_a_strict_content_security_policy(name: str) -> None:
    """On a page it has no style of its own, no script, and nothing from elsewhere."""
    text = drawn(picture_of(CORPUS[name]._meta), title="x")
    assert " style=" not in text
    assert "<style" not in text
    assert "<script" not in text
    assert " on" not in re.sub(r">[^<]*<", "><", text)
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_a_file_of_its_own_carries_its_stylesheet_for_light_and_dark() -> None:
    text = svg(ISSUES._meta)
    assert sheet().strip() in text
    assert "prefers-color-scheme: dark" in text
    assert tree(text).find(f"{SVG}rect[@class='page']") is not None


def test_it_says_to_screen_readers_what_it_is() -> None:
    root = tree(drawn(picture_of(ISSUES._meta), title="Issue <discussion>", prefix="p1"))
    assert root.get("role") == "img"
    title, description = root[0], root[1]
    assert (title.tag, title.text) == (f"{SVG}title", "Issue <discussion>")
    assert title.get("id") == root.get("aria-labelledby") == "p1-title"
    assert description.get("id") == root.get("aria-describedby") == "p1-description"
    assert "Moderate" in (description.text or "")


def test_it_leads_to_what_says_the_same_in_words() -> None:
    root = tree(drawn(picture_of(ISSUES._meta), title="x", details="in-words"))
    assert root.get("aria-details") == "in-words"


def test_a_large_picture_is_described_shortly() -> None:
    text = tree(drawn(picture_of(CORPUS["Chain"]._meta), title="x"))[1].text or ""
    assert text.startswith("A diagram of 59 steps: Step 1, ")
    assert len(text) < 400


def test_what_is_painted_is_told_by_colour_by_a_sign_and_in_words() -> None:
    root = tree(drawn(picture_of(ISSUES._meta, PAINT), PAINT, title="A run"))
    drawn_nodes = {
        each.get("data-node"): each
        for each in root.iter(f"{SVG}g")
        if each.get("data-node") and "Task" in (each.get("class") or "")
    }
    for node, state in [("moderate", "waiting"), ("warning", "failed"), ("start", "done")]:
        group = drawn_nodes[node]
        assert state in (group.get("class") or "").split()
        assert SIGNS[State(state)] in words(group)
        assert str(WORDS[State(state)]) in (group[0].text or "")
    waiting = drawn_nodes["moderate"]
    assert waiting[0].text == "Moderate: waiting, Moderators, until 3 May, 12 times"
    assert "Moderators, until 3" in words(waiting)
    assert "12\N{MULTIPLICATION SIGN}" in words(waiting)
    assert "ConnectionError" in words(drawn_nodes["warning"])
    description = root[1].text or ""
    assert "Moderate: waiting, Moderators, until 3 May, 12 times." in description
    assert "Warning: failed, ConnectionError." in description
    assert "Start: done" not in description  # all of it is said in the outline, and at each node


def test_the_ways_that_were_taken_stand_out() -> None:
    picture = picture_of(ISSUES._meta, PAINT)
    root = tree(drawn(picture, PAINT, title="A run"))
    groups = [each for each in root.iter(f"{SVG}g") if each.get("data-flow")]
    assert {each.get("data-flow") for each in groups} == {each.id for each in picture.graph.flows}
    stands_out = ["taken" in (each.get("class") or "") for each in groups]
    assert stands_out == sorted(stands_out)  # nothing lies above them
    taken = {str(each.get("data-flow")) for each in groups if each.get("class") == "flow taken"}
    assert {"start-to-parallel", "moderation-to-moderate"} <= taken
    # To what waits for a person was gone, and from there not yet.
    assert not any(flow.startswith("moderate-") for flow in taken)
    assert "warning.wait-to-warning" in taken
    assert not any("end" in flow for flow in taken)


def test_nodes_are_links_where_the_page_gives_some() -> None:
    root = tree(drawn(picture_of(ISSUES._meta, PAINT), PAINT, title="A run"))
    assert root.get("role") == "group"
    links = {each.get("href"): each.get("aria-label") for each in root.iter(f"{SVG}a")}
    assert links == {
        "#start": "Start: done",
        "/tasks/7": "Moderate: waiting, Moderators, until 3 May, 12 times",
    }


def test_the_note_of_an_event_has_room_of_its_own() -> None:
    paint = Paint({"warning": Mark(State.WAITING), "end": Mark(note="240 runs\n3 days")})
    picture = picture_of(ISSUES._meta, paint)
    assert picture.labels["end"].lines == ("End", "240 runs", "3 days")
    text = drawn(picture, paint, title="All runs")
    assert "<title>End: 240 runs, 3 days</title>" in text


def test_what_is_said_of_a_node_may_be_more_than_stands_at_it() -> None:
    mark = Mark(note="3\N{MULTIPLICATION SIGN} · 9 %", said="done 3 times, 9% of all time")
    paint = Paint({"warning": mark})
    text = drawn(picture_of(ISSUES._meta, paint), paint, title="All runs")
    assert "<title>Warning: done 3 times, 9% of all time</title>" in text
    assert f">{mark.note}</text>" in text


def test_a_note_has_at_most_three_lines_and_breaks_where_it_is_told_to() -> None:
    assert lines_of("for Moderators\nuntil 03/05/2026 4:04 p.m.") == (
        "for Moderators",
        "until 03/05/2026",
        "4:04 p.m.",
    )
    assert len(lines_of("word " * 99)) == 3
    assert lines_of("word " * 99)[-1].endswith("\N{HORIZONTAL ELLIPSIS}")


@pytest.mark.parametrize(
    ("element", "state", "stands"),
    [
        (Element("a", "scriptTask", node="a"), State.FAILED, State.FAILED),
        (Element("a.merge", "exclusiveGateway", node="a"), State.WAITING, State.DONE),
        (Element("a.wait", "intermediateCatchEvent", node="a"), State.HERE, State.HERE),
        (Element("a.wait", "intermediateCatchEvent", node="a"), State.WAITING, State.DONE),
        (Element("a.work", "scriptTask", node="a"), State.FAILED, State.FAILED),
        (Element("a.wait", "intermediateCatchEvent", node="a"), State.DONE, State.DONE),
        (Element("a.start", "startEvent", node="a"), State.NEVER, State.NEVER),
        (Element("a.timeout", "boundaryEvent", node="a", host="a"), State.DONE, None),
        (Element("a.remind.work", "scriptTask", node="a"), State.DONE, None),
        (Element("a.then", "scriptTask", node="a"), State.DONE, None),
    ],
)
def test_what_leads_to_a_node_was_passed_and_what_is_beside_it_is_not_known(
    element: Element, state: State, stands: State | None
) -> None:
    graph = Graph({element.id: element}, ())
    assert Paint({"a": Mark(state)}).stands(element, graph) == stands


def test_a_join_waits_for_its_branches_before_it_waits_for_its_time() -> None:
    parts = [
        Element("a", "parallelGateway", node="a"),
        Element("a.wait", "intermediateCatchEvent", node="a"),
    ]
    graph = Graph({each.id: each for each in parts}, ())
    assert Paint({"a": Mark(State.WAITING)}).stands(parts[1], graph) is None
    assert Paint({"a": Mark(State.HERE)}).stands(parts[1], graph) is State.HERE


def test_by_which_of_several_starts_a_run_has_begun_is_not_known() -> None:
    both = [Element(f"a.{name}", "startEvent", node="a") for name in ("start", "signal")]
    graph = Graph({each.id: each for each in both}, ())
    assert Paint({"a": Mark(State.DONE)}).stands(both[0], graph) is None


def test_texts_of_an_author_mean_nothing_to_xml() -> None:
    class Odd(flow.Automation):
        """Compares with a text that would be read as a tag."""

        class Meta:
            abstract = True

        choose = flow.Switch(this.what).Case('"></g><b>&', this.end).Case("\0\x0b\ud800", this.end)
        end = flow.End()

    text = svg(Odd._meta)
    assert '"></g><b>&' in words(tree(text))
    text.encode()
    assert '"></g><b>&' in words(tree(svg(Odd._meta)))
    note, link = 'for "<\x00\x1b\ud800>', '/?a="<&\x02'
    root = tree(svg(Odd._meta, Paint({"choose": Mark(State.WAITING, note, link=link)})))
    assert 'for "<\ufffd\ufffd\ufffd>' in words(root)
    assert next(root.iter(f"{SVG}a")).get("href") == '/?a="<&\ufffd'


# The command


def printed(*arguments: str) -> str:
    out = io.StringIO()
    call_command("automation_diagram", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_an_svg_unless_told_otherwise() -> None:
    text = printed(REVIEW)
    assert tree(text).tag == f"{SVG}svg"
    assert text == printed(REVIEW, "--format", "svg")


@pytest.mark.parametrize("name", FORMATS)
def test_the_command_writes_every_format(name: str, tmp_path: Path) -> None:
    if name == "png":
        pytest.importorskip("cairosvg", exc_type=(ImportError, OSError))
    printed(REVIEW, "--format", name, "--output", str(tmp_path))
    (file,) = tmp_path.iterdir()
    assert file.name == f"{REVIEW}.{FORMATS[name].ending}"
    assert file.read_bytes()


def test_a_png_is_no_text_to_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cairosvg", type("Fake", (), {"svg2png": made}))
    with pytest.raises(CommandError, match="say with --output"):
        printed(REVIEW, "--format", "png")


def made(bytestring: bytes, scale: float) -> bytes:
    return b"\x89PNG" + bytestring


def test_a_png_without_its_converter_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    with pytest.raises(CommandError, match=r'pip install "django-automations\[png\]"'):
        printed(REVIEW, "--format", "png")


def test_a_png_without_the_library_of_the_system_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def find_spec(self, name: str, *_: Any) -> None:
            if name == "cairosvg":
                raise OSError("no library called cairo-2 was found")

    monkeypatch.delitem(sys.modules, "cairosvg", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(ConverterMissing, match="apt-get install libcairo2"):
        png(svg(ISSUES._meta))


def test_a_png_is_no_larger_than_cairo_and_a_server_bear() -> None:
    pytest.importorskip("cairosvg", exc_type=(ImportError, OSError))
    for nodes in (chain(250), {"begin": flow.Execute(this.work)} | wide(6, 9, 6) | chain(30)):
        picture = svg(made_of("Large", nodes)._meta)
        width, height = (
            int(each) for each in re.findall(r' (?:width|height)="(\d+)"', picture)[:2]
        )
        assert width > 5000
        width, height = struct.unpack(">II", png(picture)[16:24])
        assert max(width, height) <= 32_000
        assert width * height <= 30_100_000
    usual = svg(ISSUES._meta)
    (width,) = struct.unpack(">I", png(usual)[16:20])
    assert f'width="{width // 2}"' in usual


def test_for_a_png_colours_stand_where_properties_were() -> None:
    text = plain(svg(ISSUES._meta))
    assert "var(" not in text
    assert "@media" not in text
    assert ".atm-diagram .page { fill: #ffffff; }" in text
    assert NOTHING.marks == {}


@pytest.mark.parametrize(
    ("word", "lines"),
    [
        ("SMTPServerDisconnected", ("SMTPServer", "Disconnected")),
        ("a_method_that_has_a_long_name", ("a_method_that_", "has_a_long_name")),
        ("x" * 30, ("x" * 17, "x" * 13)),
    ],
)
def test_a_long_word_is_broken_where_another_begins(word: str, lines: tuple[str, ...]) -> None:
    assert lines_of(word) == lines
