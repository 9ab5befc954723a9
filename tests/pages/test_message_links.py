"""Messages from outside: a signed link sends one, by POST only, and says what came of it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import signing
from django.test import Client

from automations import flow
from automations.exceptions import InvalidData, RunBusy
from automations.message_links import SALT, message_link
from automations.models import AutomationModel
from tests.pages.test_pages import fingerprint
from tests.plain import DAY, NOW
from tests.testapp.language import Newsletter

pytestmark = pytest.mark.django_db


@pytest.fixture
def run() -> Newsletter:
    """A run that waits for a message."""
    return Newsletter(email="ada@example.org")


def data_of(run: Any) -> dict[str, Any]:
    return dict(AutomationModel.objects.get(pk=run.id).data)


@pytest.fixture
def client() -> Client:
    """Somebody who is not logged in, and whose requests have no token against forgery."""
    return Client(enforce_csrf_checks=True)


@pytest.mark.parametrize("verb", ["get", "head", "options", "put", "patch", "delete"])
def test_looking_at_a_link_changes_nothing(run: Newsletter, client: Client, verb: str) -> None:
    before = fingerprint()
    response = getattr(client, verb)(message_link(run, "confirm"))
    assert response.status_code == (200 if verb in ("get", "head", "options") else 405)
    assert fingerprint() == before
    assert response["Cache-Control"] == "no-store"
    assert response["Referrer-Policy"] == "no-referrer"


def test_a_button_sends_the_message_and_says_so(run: Newsletter, client: Client) -> None:
    link = flow.message_link(run, "confirm", token="by mail")
    assert "<button" in client.get(link).content.decode()
    response = client.post(link)
    assert response.status_code == 200
    assert "Your message has arrived" in response.content.decode()
    assert data_of(run)["token"] == "by mail"  # noqa: S105 - it is none
    assert run.finished()


def test_a_web_hook_sends_json_and_is_answered_in_json(run: Newsletter, client: Client) -> None:
    link = message_link(run, "book", data={"email": "ada@example.org"})
    response = client.post(link, json.dumps({"seats": "3"}), content_type="application/json")
    assert response.json() == {"received": True}
    assert data_of(run)["seats"] == 3
    refused = client.post(link, {"seats": "many"}, headers={"accept": "application/json"})
    assert refused.status_code == 400
    assert refused.json()["received"] is False
    assert "seats" in refused.json()["error"]
    assert data_of(run)["seats"] == 3


def test_what_the_link_says_nobody_changes(run: Newsletter, client: Client) -> None:
    link = message_link(run, "book", data={"email": "ada@example.org", "seats": 1})
    client.post(link, {"seats": "100", "email": "eve"})
    assert data_of(run)["seats"] == 1


@pytest.mark.parametrize(
    "signed",
    [
        "x",
        "x:y:z",
        signing.dumps("text", salt=SALT),
        signing.dumps(["too", "few"], salt=SALT),
        signing.dumps([Newsletter.get_automation_name(), "", "confirm", None, {}, None, False]),
    ],
    ids=["nothing", "no signature", "a text", "too little", "signed for something else"],
)
def test_what_is_no_link_of_ours_is_not_there(client: Client, signed: str) -> None:
    before = fingerprint()
    for verb in ("get", "post"):
        assert getattr(client, verb)(f"/automations/message/{signed}").status_code == 404
    assert fingerprint() == before


def test_a_link_that_was_changed_is_none(run: Newsletter, client: Client) -> None:
    link = message_link(run, "confirm")
    for at in range(len("/automations/message/"), len(link), 7):
        other = "A" if link[at] != "A" else "B"
        assert client.post(link[:at] + other + link[at + 1 :]).status_code == 404
    assert not run.finished()


def test_a_link_is_good_for_its_time_by_process_time(client: Client) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        run = Newsletter(email="ada")
        week = message_link(run, "confirm", max_age=timedelta(days=7))
        usual, ever = message_link(run, "confirm"), message_link(run, "confirm", max_age=None)
        clock.shift(7 * DAY)
        assert client.get(week).status_code == client.post(week).status_code == 410
        assert client.get(usual).status_code == 200
        clock.shift(23 * DAY)
        assert client.post(usual).status_code == 410
        assert not run.finished()
        clock.shift(1000 * DAY)
        assert client.post(ever).status_code == 200
        assert run.finished()


def test_what_has_ended_needs_nothing_any_more(run: Newsletter, client: Client) -> None:
    link = message_link(run, "confirm")
    client.post(link)
    before = fingerprint()
    for verb in ("get", "post"):
        assert getattr(client, verb)(link).status_code == 409
    assert fingerprint() == before
    run.kill()
    assert client.post(link).status_code == 409


def test_a_link_that_counts_once_counts_once(run: Newsletter, client: Client) -> None:
    sent = {"email": "ada@example.org", "seats": 2}
    once, often = (message_link(run, "book", data=sent, once=once) for once in (True, False))
    for _ in range(3):
        assert client.post(once).status_code == 200
    assert data_of(run)["seats"] == 2
    for _ in range(3):
        client.post(often)
    assert data_of(run)["seats"] == 8


def test_a_link_of_an_automation_starts_runs(client: Client) -> None:
    link = message_link(Newsletter, "book", data={"email": "eve@example.org"})
    assert client.post(link, {"seats": "4"}).status_code == 200
    assert AutomationModel.objects.get().data["seats"] == 4
    assert client.post(link, {"seats": "none"}).status_code == 400
    assert AutomationModel.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("[1]", "application/json", 400),
        ("{", "application/json", 400),
        ("[" * 60_000, "application/json", 400),
        ('{"seats": NaN, "email": "a"}', "application/json", 400),
        ('{"seats": 1, "email": "\\u0000"}', "application/json", 400),
        ('{"seats": 1, "email": "\\ud800"}', "application/json", 400),
        ("x" * 66_000, "application/json", 413),
        ("a=" + "x" * 66_000, "application/x-www-form-urlencoded", 413),
        ("--no", "multipart/form-data; boundary=x", 400),
        ("--no", "multipart/form-data", 400),
        ("\xff", "text/plain; charset=none", 400),
        ("seats=1&email=%00", "application/x-www-form-urlencoded", 400),
    ],
)
def test_nothing_that_is_sent_is_an_error_of_the_server(
    run: Newsletter, client: Client, body: str, kind: str, status: int
) -> None:
    before = fingerprint()
    sent = body.encode("latin-1")
    response = client.generic("POST", message_link(run, "book"), sent, content_type=kind)
    assert response.status_code == status
    assert fingerprint() == before


def test_a_rate_limit_of_the_project_counts(run: Newsletter, client: Client, settings: Any) -> None:
    seen = []

    def limit(request: Any, name: str) -> bool:
        seen.append((request.method, name))
        return len(seen) > 1

    settings.ATM_RATE_LIMIT = limit
    link = message_link(run, "book", data={"email": "a", "seats": 1})
    assert client.get(link).status_code == 200
    assert [client.post(link).status_code for _ in range(2)] == [200, 429]
    assert seen == [("POST", "book")] * 2
    assert data_of(run)["seats"] == 1


def test_a_receiver_that_fails_and_a_run_at_work_are_told_and_nothing_is_kept(
    run: Newsletter, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = message_link(run, "confirm")

    def raises(error: Exception) -> Any:
        def receive(self: Any, token: Any, data: Any) -> None:
            self.data["half"] = True
            raise error

        return receive

    before = fingerprint()
    for error, status in ((KeyError("<x>"), 422), (RunBusy("busy"), 503)):
        monkeypatch.setattr(Newsletter, "receive_confirm", raises(error))
        response = client.post(link)
        assert response.status_code == status
        assert "&lt;x&gt;" not in response.content.decode()
        assert (status == 503) is ("Retry-After" in response)
    assert fingerprint() == before


def test_a_link_that_starts_runs_cannot_count_once() -> None:
    with pytest.raises(TypeError, match="unique"):
        message_link(Newsletter, "book", once=True)


def test_a_link_cannot_say_what_cannot_be_kept(run: Newsletter) -> None:
    with pytest.raises(InvalidData):
        message_link(run, "confirm", data={"a": object()})
