"""The dashboard: how many runs of each automation go on, wait, have failed, have ended."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.pages.rows import add_question, make_run
from tests.testapp.dashboard_processes import (
    BrokenContext,
    BrokenTemplate,
    Hidden,
    OddContext,
    Plain,
    WithCard,
    WithContext,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    """Return the browser of a superuser."""
    client = Client()
    client.force_login(User.objects.create(username="root", is_superuser=True))
    return client


def look(client: Client, **query: Any) -> Any:
    """Return the dashboard."""
    response = client.get(reverse("automations:dashboard"), query)
    assert response.status_code == 200
    return response


def cards(client: Client, **query: Any) -> dict[str, Any]:
    """Return the cards of the dashboard, by the name of their class."""
    found = look(client, **query).context["automations"]
    return {card["cls"].rpartition(".")[2]: card for card in found}


@pytest.mark.api("D5")
def test_each_state_is_counted_and_failed_is_not_finished(client: Client) -> None:
    numbers = {"running": 5, "suspended": 4, "failed": 3, "finished": 2, "cancelled": 1}
    runs = {
        state: [make_run(Plain, state) for _ in range(number)] for state, number in numbers.items()
    }
    for run in (runs["running"][0], runs["running"][0], runs["running"][1], runs["suspended"][0]):
        add_question(run)
    card = cards(client)["Plain"]
    assert card["counts"] == {
        "running": 9, "suspended": 4, "waiting": 2, "failed": 3, "finished": 2, "cancelled": 1,
    }  # fmt: skip
    assert set(card["running"]) == {*runs["running"], *runs["suspended"]}
    for state in ("failed", "finished", "cancelled"):
        assert set(card[state]) == set(runs[state])
    shown = re.findall(r"<dt>(?:<a.*?>)?(.+?)(?:</a>)?</dt><dd.*?>(\d+)</dd>", text(client))
    assert shown == [
        ("Running", "9"), ("of them waiting for people", "2"), ("of them suspended", "4"),
        ("Failed", "3"), ("Finished", "2"), ("Cancelled", "1"),
    ]  # fmt: skip


def text(client: Client, **query: Any) -> str:
    """Return the text of the dashboard."""
    return str(look(client, **query).content.decode())


def test_names_are_shown_escaped(client: Client) -> None:
    make_run(Plain)
    make_run("tests.gone.<script>alert(1)")
    page = text(client)
    assert "<script>" not in page
    assert "Plains &lt;script&gt;" in page
    assert "Obsolete automations &lt;script&gt;" in page


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, {"new", "month"}),
        ({"history": "30"}, {"new", "month"}),
        ({"history": "nonsense"}, {"new", "month"}),
        ({"history": "-7"}, {"new", "month"}),
        ({"history": "²"}, {"new", "month"}),
        ({"history": ""}, {"new", "month"}),
        ({"history": "1.5"}, {"new", "month"}),
        ({"history": "7"}, {"new"}),
        ({"history": "007"}, {"new"}),
        ({"history": "1"}, set()),
        ({"history": "0"}, {"new", "month", "year"}),
        ({"history": "000"}, {"new", "month", "year"}),
        ({"history": "400"}, {"new", "month", "year"}),
        ({"history": "99999"}, {"new", "month", "year"}),
        ({"history": "9" * 30}, {"new", "month", "year"}),
        ({"history": "9" * 5000}, {"new", "month", "year"}),
    ],
)
def test_the_time_span_is_about_when_runs_ended(
    client: Client, query: dict[str, str], wanted: set[str]
) -> None:
    runs = {
        make_run(Plain, days=days, lasted=100): name
        for name, days in (("new", 2), ("month", 20), ("year", 300))
    }
    for state in ("running", "suspended", "failed"):
        make_run(Plain, state, days=1000)
    card = cards(client, **query)["Plain"]
    assert {runs[run] for run in card["finished"]} == wanted
    assert card["counts"]["finished"] == len(wanted)
    assert (card["counts"]["running"], card["counts"]["failed"]) == (2, 1)


def test_the_time_span_is_said(client: Client) -> None:
    spans = {"0": "All time", "1": "Last 24 hours", "12": "Last 12 days", "x": "Last 30 days"}
    for days, said in spans.items():
        response = look(client, history=days)
        assert response.context["timespan"] == said
        assert said in response.content.decode()


def test_an_automation_with_nothing_in_the_time_span_has_no_card(client: Client) -> None:
    make_run(Plain, days=31)
    assert cards(client) == {}
    assert "Nothing runs" in text(client)


@pytest.mark.api("D23", "dashboard_template")
def test_a_card_of_its_own_gets_what_is_documented(client: Client) -> None:
    for state in ("running", "finished", "finished", "failed"):
        make_run(WithCard, state)
    make_run(Plain)
    path = WithCard.get_automation_name()
    card = cards(client)["WithCard"]
    assert card["cls"] == path
    assert (card["verbose_name"], card["verbose_name_plural"]) == ("With a card", "With cards")
    assert card["dashboard_template"] == "testapp/card.html"
    assert card["dashboard"] == {"total": 4}
    assert f"{path} | 1 running | 2 finished | 1 failed | 4 = 4" in text(client)


@pytest.mark.api("dashboard_template")
def test_what_an_automation_says_reaches_the_usual_card_too(client: Client) -> None:
    make_run(WithContext)
    assert cards(client)["WithContext"]["dashboard"]["said"] == "hello"
    assert "Automations WithContext" in text(client)


@pytest.mark.api("dashboard_template")
def test_an_automation_without_a_template_has_no_card(client: Client) -> None:
    make_run(Hidden)
    assert cards(client) == {}


@pytest.mark.parametrize("broken", [BrokenContext, OddContext, BrokenTemplate])
def test_an_error_in_one_card_is_said_and_logged_and_spares_the_others(
    client: Client, caplog: pytest.LogCaptureFixture, broken: Any
) -> None:
    for automation in (Plain, broken, WithCard):
        make_run(automation, "failed")
    with caplog.at_level(logging.ERROR, "automations"):
        page = text(client)
    assert page.count("its code raised an error") == 1
    assert broken.get_verbose_name_plural() in page
    assert "With" in page
    assert "Plains" in page
    (record,) = [record for record in caplog.records if record.name == "automations"]
    assert broken.get_automation_name() in record.getMessage()
    assert record.exc_info is not None


@pytest.mark.parametrize(
    "path",
    [
        "tests.gone.Gone",
        "tests.testapp.dashboard_processes.Gone",
        "tests.testapp.models.Effect",
        "tests.testapp.broken.Gone",
        "Gone",
    ],
)
@pytest.mark.api("views")
def test_runs_of_a_class_that_is_gone_are_shown(client: Client, path: str) -> None:
    make_run(path, "failed")
    make_run(Plain)
    found = cards(client)
    assert len(found) == 2
    name = path.rpartition(".")[2]
    card = found[name]
    assert card["verbose_name"] == f"Obsolete automation {name}"
    assert card["verbose_name_plural"] == f"Obsolete automations {name}"
    assert card["counts"]["failed"] == 1
    assert f"Obsolete automations {name}" in text(client)


def test_runs_of_a_renamed_class_are_counted_together(client: Client) -> None:
    run = make_run(Plain)
    former = make_run("tests.testapp.dashboard_processes.FormerlyPlain")
    waiting = make_run("tests.testapp.dashboard_processes.FormerlyPlain", "running")
    add_question(waiting)
    (card,) = cards(client).values()
    assert card["cls"] == Plain.get_automation_name()
    assert set(card["finished"]) == {run, former}
    assert card["counts"]["waiting"] == 1


def test_the_dashboard_costs_the_same_whatever_the_number_of_runs(client: Client) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            look(client)
        return len(queries)

    for automation in (Plain, WithContext):
        make_run(automation, "running")
    few = cost()
    for automation in (Plain, WithContext):
        for state in ("running", "finished", "failed"):
            for _ in range(10):
                make_run(automation, state)
    make_run("tests.gone.Gone")
    assert cost() == few <= 6
