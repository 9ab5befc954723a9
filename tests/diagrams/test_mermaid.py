"""A process as text for Mermaid: all of it, with the names that the author wrote."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from automations import flow, registry
from automations.diagrams.mermaid import mermaid
from automations.flow import this
from tests.testapp import background, inbox_processes
from tests.testapp.forms import ApprovalForm

MODULES = [
    import_module(f"tests.testapp.{name}").__name__
    for name in (
        "background", "dashboard_processes", "formset_processes", "inbox_processes", "language",
        "page_processes", "processes", "proof_processes",
    )
]  # fmt: skip
AUTOMATIONS = [each for each in registry.automations() if each.__module__ in MODULES]


class Drawn(flow.Automation):
    """Has something of everything."""

    class Meta:
        abstract = True

    begin = flow.Execute(this.work).OnError(this.ask, on=(ValueError,))
    check = flow.If(this.is_well).Then(this.split).Else(this.end)
    split = flow.Split().Next(this.ask).Next(this.work_on)
    ask = flow.Form(ApprovalForm).Group(name="staff").OnTimeout(timedelta(days=1), this.late)
    late = flow.Execute().Next(this.join)
    work_on = flow.Execute().Next(this.join)
    join = flow.Join()
    end = flow.End()


def text_of(*arguments: str) -> str:
    out = io.StringIO()
    call_command("automation_diagram", *arguments, "--format", "mermaid", stdout=out)
    return out.getvalue()


def test_a_process_is_drawn_with_a_shape_for_each_kind_and_its_labels() -> None:
    assert mermaid(Drawn._meta).splitlines() == [
        "flowchart LR",
        '  n0["begin"]',
        '  n1{"check"}',
        '  n2{{"split"}}',
        '  n3("ask")',
        '  n4["late"]',
        '  n5["work_on"]',
        '  n6{{"join"}}',
        '  n7((("end")))',
        '  start0((" "))',
        "  start0 --> n0",
        "  n0 --> n1",
        '  n0 -.->|"error ValueError"| n3',
        '  n1 -->|"yes"| n2',
        '  n1 -->|"no"| n7',
        "  n2 --> n3",
        "  n2 --> n5",
        "  n3 --> n4",
        '  n3 -.->|"timeout"| n4',
        "  n4 --> n6",
        "  n5 --> n6",
        "  n6 --> n7",
    ]


@pytest.mark.parametrize("automation", AUTOMATIONS, ids=lambda each: each.get_automation_name())
def test_every_node_and_every_arrow_is_there_once(automation: Any) -> None:
    definition = automation._meta
    text = mermaid(definition)
    assert text == mermaid(definition)
    names = list(definition.nodes)
    nodes = re.findall(r'^  n(\d+)[\[({]+"([^"]*)"[\])}]+$', text, re.MULTILINE)
    assert nodes == [(str(at), name) for at, name in enumerate(names)]
    arrows = re.findall(r"^  n(\d+) -.*> ?(?:\|\"[^\"]*\"\| )?n(\d+)$", text, re.MULTILINE)
    drawn = sorted((names[int(source)], names[int(target)]) for source, target in arrows)
    flows = {flow for name in names for flow in definition.outgoing(name)}
    assert drawn == sorted((flow.source, flow.target) for flow in flows)


def test_labels_mean_nothing_to_mermaid_or_to_html() -> None:
    class Odd(flow.Automation):
        """Compares with a text that would be read as syntax."""

        class Meta:
            abstract = True

        choose = flow.Switch(this.what).Case('"|<b>', this.end).Case("\ud800", this.end)
        end = flow.End()

    text = mermaid(Odd._meta)
    assert "#34;#124;#60;b#62;" in text
    assert "<b>" not in text
    text.encode()


def test_the_command_prints_one_process_by_either_name() -> None:
    text = text_of("testapp.Review")
    assert text.startswith("flowchart LR\n")
    assert text == text_of("tests.testapp.inbox_processes.Review")


def test_the_command_writes_all_of_them(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "pictures"
    text_of("--all", "--output", str(folder))
    assert len(list(folder.iterdir())) == len(list(registry.automations()))
    written = (folder / "testapp.Review.mmd").read_text(encoding="utf-8")
    assert written == text_of("testapp.Review")


def test_processes_of_the_same_name_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    paths = [each.get_automation_name() for each in (background.Twofold, inbox_processes.Twofold)]
    assert text_of(paths[0]) != ""
    with pytest.raises(CommandError, match="the name of several"):
        text_of("testapp.Twofold")
    text_of(*paths, "--output", str(tmp_path))
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(f"{p}.mmd" for p in paths)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Name the processes"),
        (["testapp.Review", "--all"], "Name the processes"),
        (["testapp.Reviex"], r"no automation 'testapp.Reviex'. Did you mean testapp.Review\?"),
        (["testapp.Review", "testapp.Sized"], "need --output"),
    ],
)
def test_the_command_says_what_it_needs(arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        text_of(*arguments)
