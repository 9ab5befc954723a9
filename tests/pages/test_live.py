"""Parts of pages are kept up to date, and show to nobody what the whole page would not show."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client
from django.utils import timezone

from automations.models import AutomationModel, AutomationTaskModel
from automations.views.live import SALT, status_of
from tests.pages.conftest import ENTITLED, NODES, browser
from tests.pages.test_tags import render
from tests.testapp.page_processes import Asks

pytestmark = pytest.mark.django_db

LIST = "/automations/"
STATUS = "{% load atm_tags %}{% automation_status run %}"


def address_in(text: str) -> str:
    """Return where the part of the page is fetched anew; "" if nowhere."""
    found = re.search(r'data-atm-live="([^"]*)"', text)
    return found[1].replace("&amp;", "&") if found else ""


def region(text: str) -> str:
    """Return what stands in the part of the page, without the tokens against forged requests."""
    inside = text.partition('<div id="atm-live"')[2].partition('<p class="atm-live">')[0]
    assert inside
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", inside)


@pytest.mark.parametrize("name", [name for name in ENTITLED if name != "anonymous"])
def test_the_part_of_the_inbox_is_what_stands_in_the_page(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], name: str
) -> None:
    client = browser(people, name)
    page = client.get(LIST + "?show=open&node=by_group")
    if page.status_code == 302:  # not active: both lead to the login
        assert client.get(LIST + "?part=live").status_code == 302
        return
    whole = page.content.decode()
    address = address_in(whole)
    assert address == "/automations/?show=open&node=by_group&part=live"
    part = client.get(address).content.decode()
    assert "<html" in whole
    assert "<html" not in part
    assert "<header" not in part
    tasks = {node for node in NODES if f'href="/automations/{asks[node].pk}?' in part}
    assert tasks == ({"by_group"} & ENTITLED[name])
    assert 'name="back" value="/automations/?show=open&amp;node=by_group"' in part or not tasks
    assert region(part) == region(whole)


def test_the_part_of_a_run_needs_the_rights_that_the_page_needs(people: dict[str, User]) -> None:
    run = Asks()
    address = f"/automations/dashboard/{run.id}?part=live"
    answers = {name: browser(people, name).get(address).status_code for name in ENTITLED}
    assert answers.pop("root") == 200
    assert answers.pop("anonymous") == answers.pop("inactive") == 302
    assert set(answers.values()) == {403}
    part = browser(people, "root").get(address).content.decode()
    assert "<html" not in part
    assert "By group" in part


def test_what_somebody_has_sent_with_errors_is_not_replaced(people: dict[str, User]) -> None:
    run = Asks()
    page = f"/automations/dashboard/{run.id}"
    client = browser(people, "root")
    assert address_in(client.get(page).content.decode()) == page + "?part=live"
    answer = client.post(page + "/act", {"act": "cancel"})
    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    assert address_in(answer.content.decode()) == ""


def test_a_project_can_say_how_often_or_never(people: dict[str, User], settings: Any) -> None:
    client = browser(people, "root")
    settings.ATM_REFRESH = 2.5
    german = client.get(LIST, headers={"accept-language": "de"}).content.decode()
    assert 'data-atm-seconds="2.5"' in german
    assert "live.js" in german
    settings.ATM_REFRESH = 0
    text = client.get(LIST).content.decode()
    assert "data-atm" not in text
    assert "live.js" not in text


def test_a_status_says_where_a_run_stands(people: dict[str, User]) -> None:
    run = Asks()
    row = AutomationModel.objects.get(pk=run.id)
    for given in (run, row, run.id):
        text = render(STATUS, people["stranger"], run=given)
        assert "Running" in text
        assert "By group" in text
        assert "data-atm-live" in text
    for nothing in (None, 0, AutomationModel()):
        assert render(STATUS, people["stranger"], run=nothing) == ""
    row.cancel(people["root"], "over")
    text = render(STATUS, people["stranger"], run=run)
    assert "Cancelled" in text
    assert "By group" not in text
    assert "data-atm-live" not in text


def test_a_status_is_for_whom_it_was_shown_to_and_for_nobody_else(
    people: dict[str, User], django_assert_num_queries: Any
) -> None:
    run = Asks()
    address = address_in(render(STATUS, people["stranger"], run=run))
    assert "By group" in browser(people, "stranger").get(address).content.decode()
    for name in ENTITLED:
        expected = 200 if name == "stranger" else 404
        assert browser(people, name).get(address).status_code == expected
    anonymous = address_in(render(STATUS, None, run=run))
    for name in ENTITLED:
        # Who is not active is not logged in.
        expected = 200 if name in ("anonymous", "inactive") else 404
        assert browser(people, name).get(anonymous).status_code == expected
    with django_assert_num_queries(2):
        Client().get(anonymous)
    assert Client().post(anonymous).status_code == 405
    with time_machine.travel(timezone.now() + timedelta(days=1, seconds=5), tick=False):
        assert Client().get(anonymous).status_code == 404


@pytest.mark.parametrize(
    "signed",
    ["x", "x:y:z", signing.dumps([1], salt=SALT), signing.dumps([1, None, "a.html"], salt="other")],
    ids=["nothing", "not ours", "too little", "of another kind"],
)
def test_what_we_have_not_signed_shows_nothing(signed: str) -> None:
    Asks()
    assert Client().get(f"/automations/status/{signed}").status_code == 404


def test_the_status_of_a_deleted_run_is_not_there() -> None:
    run = Asks()
    address = status_of(AutomationModel.objects.get(pk=run.id), None)["live"].address
    assert Client().get(address).status_code == 200
    run.kill()
    assert Client().get(address).status_code == 404


def test_a_status_can_be_shown_by_a_template_of_the_project(people: dict[str, User]) -> None:
    run = Asks()
    source = "{% load atm_tags %}{% automation_status run template='testapp/status.html' %}"
    text = render(source, people["stranger"], run=run)
    assert "4 open, running" in text
    answer = browser(people, "stranger").get(address_in(text))
    assert "4 open, running" in answer.content.decode()
