"""What is painted on the picture of a run, and on that of a process over all of its runs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from automations.diagrams.formats import FORMATS
from automations.diagrams.painting import NOTHING, State
from automations.models import AutomationModel, AutomationTaskModel
from automations.pictured import process_paint, run_paint
from automations.views.pictures import download
from tests.diagrams.corpus import CORPUS
from tests.pages.conftest import browser
from tests.pages.rows import make_run
from tests.testapp.picture_processes import Pictured

pytestmark = pytest.mark.django_db

DEFINITION = Pictured._meta
BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture
def begun() -> AutomationModel:
    Group.objects.create(name="reviewers")
    with time_machine.travel(BEGIN, tick=False) as clock:
        run = Pictured(fails=True)
        clock.shift(timedelta(hours=2))
        AutomationModel.run()
        return AutomationModel.objects.get(pk=run.id)


def states(run: AutomationModel) -> dict[str, State | None]:
    return {name: mark.state for name, mark in run_paint(run, DEFINITION).marks.items()}


def test_each_node_is_as_the_run_has_left_it(begun: AutomationModel) -> None:
    assert states(begun) == {
        "start": State.DONE,
        "split": State.DONE,
        "ask": State.WAITING,
        "risky": State.FAILED,
        "pause": State.HERE,
        "quick": State.DONE,
        "round": State.DONE,
        "join": State.WAITING,
        "end": State.NEVER,
    }


def test_it_says_for_whom_it_waits_until_when_and_what_has_gone_wrong(
    begun: AutomationModel,
) -> None:
    marks = run_paint(begun, DEFINITION).marks
    assert re.fullmatch(r"for reviewers\nuntil 0?3/0?4/2026 .*", marks["ask"].note)
    assert marks["risky"].note == "ConnectionError"
    assert marks["join"].note == "for the other branches"


def test_what_somebody_has_taken_waits_for_nobody_else(begun: AutomationModel) -> None:
    dana = User.objects.create(username="dana")
    AutomationTaskModel.objects.filter(automation=begun, status="ask").update(taken_by=dana)
    assert run_paint(begun, DEFINITION).marks["ask"].note.startswith("for dana\n")


def test_it_counts_how_often_a_loop_was_passed_and_knows_which_ways_were_taken(
    begun: AutomationModel,
) -> None:
    paint = run_paint(begun, DEFINITION)
    assert (paint.marks["quick"].count, paint.marks["round"].count) == (3, 3)
    assert paint.taken == {
        ("start", "split"),
        ("split", "ask"),
        ("split", "risky"),
        ("split", "pause"),
        ("split", "quick"),
        ("quick", "round"),
        ("round", "quick"),
        ("round", "join"),
    }


def test_it_knows_by_which_of_two_ways_an_if_has_gone_on(begun: AutomationModel) -> None:
    # Both lead to a node of their own here; the answer is known all the same.
    assert run_paint(begun, DEFINITION).answers == {
        ("round", "quick"): {"yes"},
        ("round", "join"): {"no"},
    }
    assert process_paint(DEFINITION).answers["round", "quick"] == {"yes"}


def test_what_was_skipped_is_not_done() -> None:
    Group.objects.create(name="reviewers")
    run = AutomationModel.objects.get(pk=Pictured(skips=True).id)
    assert states(run)["quick"] is State.SKIPPED


def test_a_run_that_is_over_waits_for_nobody(begun: AutomationModel) -> None:
    begun.cancel()
    found = states(AutomationModel.objects.get(pk=begun.pk))
    assert found["ask"] is found["join"] is State.CANCELLED
    assert not {State.HERE, State.WAITING} & {*found.values()}


def test_a_link_leads_to_the_task_that_the_node_shows(begun: AutomationModel) -> None:
    marks = run_paint(begun, DEFINITION, lambda task: f"#task-{task.pk}").marks
    task = AutomationTaskModel.objects.get(automation=begun, status="ask")
    assert marks["ask"].link == f"#task-{task.pk}"
    assert marks["end"].link == ""


def visits(run: AutomationModel, number: int) -> None:
    AutomationTaskModel.objects.bulk_create(
        AutomationTaskModel(
            automation=run,
            status="quick",
            state="completed",
            created=run.created,
            finished=run.created + timedelta(minutes=minutes),
        )
        for minutes in range(1, number + 1)
    )


def test_the_picture_of_a_run_costs_the_same_however_long_it_is() -> None:
    for number in (1, 2000):
        run = make_run(Pictured, "running")
        visits(run, number)
        with CaptureQueriesContext(connection) as queries:
            paint = run_paint(run, DEFINITION)
        assert len(queries) == 1
        assert paint.marks["quick"].count == number


def test_a_node_with_many_open_tasks_is_as_the_one_that_failed() -> None:
    run = make_run(Pictured, "failed")
    for state in ("failed", *["waiting"] * 300, "completed"):
        ended = None if state == "waiting" else run.created
        AutomationTaskModel.objects.create(
            automation=run, status="ask", state=state, finished=ended
        )
    mark = run_paint(run, DEFINITION).marks["ask"]
    assert (mark.state, mark.count) == (State.FAILED, 302)


def test_nodes_that_the_code_no_longer_has_are_left_out() -> None:
    run = make_run(Pictured, "running")
    AutomationTaskModel.objects.create(automation=run, status="gone", state="waiting")
    assert "gone" not in run_paint(run, DEFINITION).marks


def test_over_all_runs_it_counts_tells_medians_and_where_time_goes() -> None:
    for _ in range(2):
        visits(make_run(Pictured), 3)
    run = make_run(Pictured)
    AutomationTaskModel.objects.create(
        automation=run,
        status="start",
        state="completed",
        created=run.created,
        finished=run.created + timedelta(hours=2),
    )
    marks = process_paint(DEFINITION).marks
    # 1, 2 and 3 minutes twice: 12 minutes in all; and two hours.
    assert marks["quick"].note.replace("\N{NO-BREAK SPACE}", " ") == (
        "6\N{MULTIPLICATION SIGN} · 9 %\n2 min"
    )
    assert marks["start"].note.replace("\N{NO-BREAK SPACE}", " ") == (
        "1\N{MULTIPLICATION SIGN} · 91 %\n2 h"
    )
    assert (
        marks["quick"].words == "done 6 times, 9% of all time, half of the times in at most 2 min"
    )
    assert marks["start"].words.startswith("done 1 time, 91% of all time")
    assert (marks["quick"].heat, marks["start"].heat) == (2, 5)
    assert "ask" not in marks


def test_over_all_runs_means_all_names_of_the_process_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visits(make_run(Pictured), 1)
    visits(make_run("tests.somewhere.Else"), 5)
    with CaptureQueriesContext(connection) as queries:
        marks = process_paint(DEFINITION).marks
    assert marks["quick"].note.startswith("1\N{MULTIPLICATION SIGN}")
    assert len(queries) == 4


def test_over_all_runs_it_says_where_they_stand_now(begun: AutomationModel) -> None:
    Pictured()
    marks = process_paint(DEFINITION).marks
    assert marks["ask"].note == "\N{BLACK RIGHT-POINTING TRIANGLE} 2"
    assert marks["ask"].words == "2 here now"
    assert marks["risky"].note == "\N{BLACK RIGHT-POINTING TRIANGLE} 1 · ! 1"
    assert marks["risky"].words == "1 here now, 1 failed"
    assert marks["quick"].note.startswith("6\N{MULTIPLICATION SIGN}")


def test_what_began_before_the_time_span_does_not_count() -> None:
    run = make_run(Pictured, days=50)
    visits(run, 4)
    assert process_paint(DEFINITION, run.created + timedelta(days=1)).marks == {}
    assert process_paint(DEFINITION, run.created - timedelta(days=1)).marks


# The pages


def test_the_page_of_a_run_shows_its_picture_whose_steps_lead_to_the_tasks(
    people: dict[str, User], begun: AutomationModel
) -> None:
    client = browser(people, "root")
    history = reverse("automations:history", args=[begun.pk])
    address = reverse("automations:picture", args=[begun.pk])
    task = AutomationTaskModel.objects.get(automation=begun, status="ask")
    page = client.get(history).content.decode()
    assert page.count(f'href="#task-{task.pk}"') == 2  # in the picture and in words
    assert f'id="task-{task.pk}"' in page
    assert f'href="{address}"' in page
    assert f'href="{address}?format=svg"' in page
    picture = client.get(address).content.decode()
    assert picture.count(f'href="{history}?task={task.pk}#task-{task.pk}"') == 2
    for each in (page, picture, client.get(f"{history}?part=live").content.decode()):
        assert "waiting, for reviewers, until " in each


@pytest.mark.parametrize("whole", ["", "&all=1"])
def test_a_step_leads_to_the_page_on_which_its_task_is(people: dict[str, User], whole: str) -> None:
    run = make_run(Pictured, "running")
    visits(run, 250)
    for number in range(150):
        AutomationTaskModel.objects.create(automation=run, status=f"n{number}", state="waiting")
    last = AutomationTaskModel.objects.create(automation=run, status="ask", state="waiting")
    client = browser(people, "root")
    page = client.get(reverse("automations:picture", args=[run.pk])).content.decode()
    found = re.search(rf'href="([^"]*\?task={last.pk})#task-{last.pk}"', page)
    assert found
    assert f'id="task-{last.pk}"' in client.get(found[1] + whole).content.decode()
    history = reverse("automations:history", args=[run.pk])
    first = client.get(history).content.decode()
    assert f'id="task-{last.pk}"' not in first
    assert f'href="{history}?task={last.pk}#task-{last.pk}"' in first


@pytest.mark.parametrize("task", ["", "0", "x", "-1", "9" * 18, "9" * 99, "\N{SUPERSCRIPT TWO}"])
def test_a_task_that_is_none_of_the_run_is_on_no_page(
    people: dict[str, User], begun: AutomationModel, task: str
) -> None:
    address = reverse("automations:history", args=[begun.pk])
    assert browser(people, "root").get(address, {"task": task}).status_code == 200


@pytest.mark.parametrize("name", FORMATS)
def test_pages_offer_every_format(
    people: dict[str, User], begun: AutomationModel, name: str
) -> None:
    if name == "png":
        pytest.importorskip("cairosvg", exc_type=(ImportError, OSError))
    client = browser(people, "root")
    for address in (
        reverse("automations:picture", args=[begun.pk]),
        reverse("automations:process", args=[Pictured.get_automation_name()]),
    ):
        assert f"?format={name}" in client.get(address).content.decode()
        answer = client.get(address, {"format": name})
        assert answer.status_code == 200
        assert answer["Content-Type"] == FORMATS[name].media_type
        assert FORMATS[name].ending in answer["Content-Disposition"]
        assert b"/automations/" not in answer.content


def test_a_file_is_called_after_its_process_and_its_run(
    people: dict[str, User], begun: AutomationModel
) -> None:
    client = browser(people, "root")
    picture = reverse("automations:picture", args=[begun.pk])
    names = [
        client.get(address, {"format": name})["Content-Disposition"]
        for address, name in ((picture, "svg"), (picture, "bpmn"))
    ]
    assert names == [
        f'attachment; filename="Pictured-{begun.pk}.svg"',
        'attachment; filename="Pictured.bpmn"',  # no run is painted there
    ]
    other = download(CORPUS["Überführung"]._meta, "svg", NOTHING)
    assert other["Content-Disposition"].endswith("%C3%9Cberf%C3%BChrung.svg")


def test_a_format_whose_converter_is_missing_is_said_and_no_error_of_the_server(
    people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cairosvg", None)
    address = reverse("automations:process", args=[Pictured.get_automation_name()])
    answer = browser(people, "root").get(address, {"format": "png"})
    assert answer.status_code == 404
    assert b"pip install" in answer.content
    page = browser(people, "root").get(address).content.decode()
    assert "?format=svg" in page
    assert "?format=png" not in page  # what cannot be had is not offered


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("os.path", {}),
        ("tests.testapp.picture_processes.Nobody", {}),
        ("\N{SNOWMAN}", {}),
        ("tests.testapp.picture_processes.Pictured", {"format": "exe"}),
        ("tests.testapp.picture_processes.Pictured", {"format": ""}),
    ],
)
def test_what_is_not_there_is_not_found(
    people: dict[str, User], path: str, query: dict[str, Any]
) -> None:
    address = reverse("automations:process", args=[path])
    assert browser(people, "root").get(address, query).status_code == 404


def test_a_run_whose_process_is_gone_has_a_page_and_no_picture(people: dict[str, User]) -> None:
    run = make_run("tests.testapp.gone.Gone", "running", tasks=2)
    client = browser(people, "root")
    page = client.get(reverse("automations:history", args=[run.pk]))
    assert page.status_code == 200
    assert "/picture" not in page.content.decode()
    assert client.get(reverse("automations:picture", args=[run.pk])).status_code == 404


def test_the_dashboard_leads_to_the_picture_of_each_process_that_is_there(
    people: dict[str, User],
) -> None:
    make_run(Pictured)
    make_run("tests.testapp.gone.Gone")
    page = browser(people, "root").get(reverse("automations:dashboard")).content.decode()
    assert reverse("automations:process", args=[Pictured.get_automation_name()]) in page
    assert "process/tests.testapp.gone.Gone" not in page
