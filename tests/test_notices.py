"""People are told of their tasks once, as each of them wants it, and nobody else is."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.core import mail
from django.core.checks import run_checks
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections, transaction
from django.test import Client
from django.urls import reverse

from automations import notices
from automations.engine import holds
from automations.management.commands.automation_step import pause
from automations.models import (
    AutomationModel,
    AutomationNoticeModel,
    AutomationPreferenceModel,
    AutomationTaskModel,
)
from automations.postman import Postman
from automations.signals import task_assigned, task_overdue
from tests.pages.test_pages import fingerprint
from tests.testapp.inbox_processes import Review
from tests.testapp.page_processes import Asks

pytestmark = pytest.mark.django_db

BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAGE = "/automations/notifications"


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The addresses that the mail server refuses."""
    addresses: set[str] = set()
    usual = EmailBackend.send_messages

    def send_messages(self: Any, messages: Any) -> int:
        if addresses & {to for message in messages for to in message.to}:
            raise OSError("Nobody is there.")
        return int(usual(self, messages))

    monkeypatch.setattr(EmailBackend, "send_messages", send_messages)
    return addresses


@pytest.fixture(autouse=True)
def told(settings: Any) -> None:
    """Let people be told of each task at once."""
    settings.ATM_EMAIL = "each"
    settings.ATM_SITE = "https://example.org"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The clock, which stands until it is moved."""
    with time_machine.travel(BEGIN, tick=False) as traveller:
        yield traveller


@pytest.fixture
def team() -> dict[str, User]:
    """Two members of the group that reviews are for; and those who must not be told."""
    group = Group.objects.create(name="reviewers")
    found = {}
    for name in ("ada", "bob", "gone", "mute", "root", "eve"):
        found[name] = User.objects.create(username=name, email=f"{name}@example.org")
        if name not in ("root", "eve"):
            found[name].groups.add(group)
    User.objects.filter(username="gone").update(is_active=False)
    User.objects.filter(username="mute").update(email="")
    User.objects.filter(username="root").update(is_superuser=True)
    return found


def asked(**data: Any) -> AutomationTaskModel:
    """Return the task of a new review."""
    return AutomationTaskModel.objects.get(automation=Review(**data).id, state="waiting")


def sent() -> list[tuple[str, str]]:
    """Return to whom e-mails went since this was asked, with their subjects; in order."""
    found = sorted((message.to[0].partition("@")[0], message.subject) for message in mail.outbox)
    mail.outbox.clear()
    return found


def client_of(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def complete(task: AutomationTaskModel, user: User) -> None:
    """Send the form of the task."""
    sent = {"approved": "on", "reason": "good"}
    assert client_of(user).post(f"/automations/{task.pk}", sent).status_code == 302


def test_nobody_is_told_unless_the_project_wants_it(team: dict[str, User], settings: Any) -> None:
    settings.ATM_EMAIL = ""
    task = asked()
    holds.take(task.automation_id, task.pk, team["ada"])
    holds.hand_over(task.automation_id, task.pk, team["ada"], team["bob"])
    assert not AutomationNoticeModel.objects.exists()
    assert notices.send_due() == 0
    assert sent() == []


def test_all_who_are_asked_are_told_once_and_nobody_else(team: dict[str, User]) -> None:
    task = asked(title="Leave", name="Grace")
    assert notices.send_due() == 2
    (letter, _) = mail.outbox
    assert f"https://example.org/automations/{task.pk}\n" in letter.body
    assert "A task waits for you." in letter.body
    assert "Ask: Leave for Grace" in letter.body
    assert letter.extra_headers["Auto-Submitted"] == "auto-generated"
    subject = "Ask: Leave for Grace · Review"
    assert sent() == [("ada", subject), ("bob", subject)]
    assert notices.send_due() == 0
    assert AutomationModel.run().ok
    assert notices.send_due() == 0


def test_what_is_undone_is_told_to_nobody(team: dict[str, User]) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        asked()
        raise ZeroDivisionError
    assert notices.send_due() == 0


def test_who_is_asked_by_name_is_told_also_a_superuser(team: dict[str, User]) -> None:
    User.objects.create(username="all")
    User.objects.create(username="asked", email="asked@example.org", is_superuser=True)
    Group.objects.create(name="members")
    Asks()
    notices.send_due()
    assert [to for to, _ in sent()].count("asked") == 1


def test_of_what_is_overdue_people_are_told_once_and_when_it_is(
    team: dict[str, User], clock: time_machine.Traveller
) -> None:
    kept, done = asked(title="kept", hours=5), asked(title="done", hours=5)
    assert notices.send_due() == 4
    mail.outbox.clear()
    assert notices.next_due(BEGIN) == BEGIN + 5 * HOUR
    clock.shift(4 * HOUR)
    complete(done, team["ada"])
    assert notices.send_due() == 0
    clock.shift(HOUR)
    assert notices.send_due() == 2
    assert "overdue" in mail.outbox[0].body
    assert sent() == [(name, "Overdue: Ask: kept for · Review") for name in ("ada", "bob")]
    clock.shift(500 * HOUR)
    assert notices.send_due() == 0
    assert not AutomationNoticeModel.objects.exists()
    assert kept.automation.state == "running"


def test_who_has_taken_a_task_is_the_only_one_who_is_told(
    team: dict[str, User], clock: time_machine.Traveller
) -> None:
    task = asked(hours=5)
    holds.take(task.automation_id, task.pk, team["ada"])
    notices.send_due()
    assert [to for to, _ in sent()] == ["ada"]
    holds.hand_over(task.automation_id, task.pk, team["ada"], team["bob"])
    notices.send_due()
    assert [to for to, _ in sent()] == ["bob"]
    clock.shift(5 * HOUR)
    notices.send_due()
    assert [to for to, _ in sent()] == ["bob"]


def test_who_may_not_do_it_any_more_is_not_told(team: dict[str, User], settings: Any) -> None:
    task = asked()
    (notice,) = notices.due_notices(notices.settings.now(), for_all=True)
    assert notices.spread(notice, notices.settings.now())
    team["ada"].groups.clear()
    assert notices.send_due() == 1
    assert [to for to, _ in sent()] == ["bob"]
    holds.take(task.automation_id, task.pk, team["bob"])
    team["bob"].groups.clear()
    holds.note_handed(AutomationTaskModel.objects.get(pk=task.pk), notices.settings.now())
    assert notices.send_due() == 0


def test_a_run_that_stands_still_tells_nothing_until_it_goes_on(team: dict[str, User]) -> None:
    task = asked()
    task.automation.suspend(team["root"], "wait")
    assert notices.send_due() == 0
    AutomationModel.objects.get(pk=task.automation_id).resume(team["root"], "go on")
    assert notices.send_due() == 2


def test_what_was_not_sent_is_sent_later_and_only_that(
    team: dict[str, User], clock: time_machine.Traveller, refused: set[str]
) -> None:
    refused.add("bob@example.org")
    asked(hours=1000)
    tries = [BEGIN]
    for _ in range(12):
        notices.send_due()
        (next_try,) = AutomationNoticeModel.objects.filter(kind="assigned")
        tries.append(next_try.due)
        clock.move_to(next_try.due - timedelta(seconds=1))
        assert notices.send_due() == 0
        clock.move_to(next_try.due)
    assert [to for to, _ in sent()] == ["ada"]
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(minutes=5), timedelta(days=1))
    refused.clear()
    clock.shift(timedelta(days=1))
    notices.send_due()
    assert [to for to, _ in sent()] == ["bob"]
    clock.shift(timedelta(days=1))
    assert notices.send_due() == 0


def test_a_text_that_cannot_be_made_is_logged_and_tried_again(
    team: dict[str, User], clock: time_machine.Traveller, monkeypatch: Any, caplog: Any
) -> None:
    asked()
    monkeypatch.setattr(notices, "render_to_string", lambda *_: 1 / 0)
    with caplog.at_level(logging.ERROR, "automations"):
        assert notices.send_due() == 0
    assert "could not be sent to ada" in caplog.text
    monkeypatch.undo()
    clock.shift(timedelta(minutes=5))
    assert notices.send_due() == 2


def test_what_is_in_the_data_stays_in_the_line_that_it_is_in(team: dict[str, User]) -> None:
    asked(title="x\nBcc: eve@example.org\r\n\r\nHello", name="<b>")
    assert notices.send_due() == 2
    assert sent()[0] == ("ada", "Ask: x Bcc: eve@example.org Hello for <b> · Review")


def test_everybody_says_how_he_or_she_is_told(team: dict[str, User]) -> None:
    ada = client_of(team["ada"])
    page = ada.get(PAGE).content.decode()
    assert "ada@example.org" in page
    assert re.search(r'value="each"[^>]* checked', page)
    assert client_of(None).get(PAGE).status_code == 302
    assert ada.post(PAGE, {"by_email": "often"}).status_code == 200
    assert ada.post(PAGE, {"by_email": "never"}).status_code == 302
    assert re.search(r'value="never"[^>]* checked', ada.get(PAGE).content.decode())
    asked()
    notices.send_due()
    assert [to for to, _ in sent()] == ["bob"]
    ada.post(PAGE, {"by_email": "each"})
    asked()
    notices.send_due()
    assert [to for to, _ in sent()] == ["ada", "bob"]


def test_a_choice_counts_also_for_what_is_on_its_way(team: dict[str, User]) -> None:
    asked()
    (notice,) = notices.due_notices(notices.settings.now(), for_all=True)
    notices.spread(notice, notices.settings.now())
    notices.choose(team["ada"], "never")
    notices.send_due()
    assert [to for to, _ in sent()] == ["bob"]


def test_a_digest_comes_once_a_day_and_says_all_that_waits(
    team: dict[str, User], clock: time_machine.Traveller, settings: Any
) -> None:
    settings.ATM_EMAIL = "daily"
    settings.TIME_ZONE = "UTC"
    notices.choose(team["bob"], "never")
    tasks = [asked(title=title, hours=hours) for title, hours in [("one", 500), ("two", 1)]]
    assert notices.send_due() == 0
    assert notices.next_due(BEGIN + HOUR) == datetime(2026, 3, 3, 7, tzinfo=UTC)
    clock.shift(19 * HOUR)
    assert notices.send_due() == 1
    (letter,) = mail.outbox
    assert letter.body.index("two") < letter.body.index("one")
    assert f"https://example.org/automations/{tasks[0].pk}\n" in letter.body
    assert "https://example.org/automations/\n" in letter.body
    assert sent() == [("ada", "Tasks that wait for you: 2 · Overdue: 1")]
    # Nothing new, so nothing is said; and nothing of what is done.
    clock.shift(24 * HOUR)
    assert notices.send_due() == 0
    complete(tasks[0], team["ada"])
    complete(tasks[1], team["ada"])
    done = asked()
    notices.send_due()
    complete(done, team["bob"])
    clock.shift(24 * HOUR)
    assert notices.send_due() == 0
    # Who has chosen otherwise meanwhile gets none.
    asked()
    notices.send_due()
    notices.choose(team["ada"], "never")
    clock.shift(24 * HOUR)
    assert notices.send_due() == 0
    assert not AutomationPreferenceModel.objects.exclude(digest_due=None).exists()


def test_a_digest_that_could_not_be_sent_is_sent_later(
    team: dict[str, User], clock: time_machine.Traveller, settings: Any, refused: set[str]
) -> None:
    settings.ATM_EMAIL = "daily"
    refused.add("ada@example.org")
    asked()
    notices.send_due()
    clock.shift(24 * HOUR)
    assert notices.send_due() == 1
    refused.clear()
    mail.outbox.clear()
    clock.shift(timedelta(minutes=5))
    assert notices.send_due() == 1
    assert sent() == [("ada", "Tasks that wait for you: 1")]


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-03-02 05:59", "2026-03-02 06:00"),
        ("2026-03-02 06:00", "2026-03-03 06:00"),
        ("2026-03-28 07:00", "2026-03-29 05:00"),
    ],
    ids=["today", "tomorrow", "over the change of the clocks"],
)
def test_digests_go_out_at_an_hour_of_the_project(now: str, then: str, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert notices.next_digest(moment) == datetime.fromisoformat(then).replace(tzinfo=UTC)


def test_the_link_in_an_e_mail_ends_them_only_when_it_is_posted(
    team: dict[str, User], settings: Any
) -> None:
    settings.ATM_SITE = "https://example.org/"
    asked()
    notices.send_due()
    (letter,) = [letter for letter in mail.outbox if letter.to == ["ada@example.org"]]
    address = letter.extra_headers["List-Unsubscribe"].strip("<>")
    assert address in letter.body
    assert letter.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = address.removeprefix("https://example.org")
    strict = Client(enforce_csrf_checks=True)
    before = fingerprint()
    for answer in (strict.get(path), strict.head(path)):
        assert answer.status_code == 200
        assert answer["Referrer-Policy"] == "no-referrer"
    assert strict.get("/automations/unsubscribe/forged:link").status_code == 404
    assert strict.post("/automations/unsubscribe/forged:link").status_code == 404
    assert strict.put(path).status_code == 405
    assert fingerprint() == before
    assert strict.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert notices.chosen_by(team["ada"]) == "never"
    assert notices.chosen_by(team["bob"]) == ""
    team["ada"].delete()
    assert strict.post(path).status_code == 404


def test_without_e_mails_there_is_nothing_to_choose(team: dict[str, User], settings: Any) -> None:
    path = reverse("automations:unsubscribe", args=[notices.signed(team["ada"])])
    inbox = client_of(team["ada"]).get("/automations/").content.decode()
    assert f'href="{PAGE}"' in inbox
    settings.ATM_EMAIL = ""
    assert client_of(team["ada"]).get(PAGE).status_code == 404
    assert client_of(team["ada"]).get(path).status_code == 404
    assert PAGE not in client_of(team["ada"]).get("/automations/").content.decode()


def test_the_project_is_told_by_signals_also_without_e_mails(
    team: dict[str, User], clock: time_machine.Traveller, settings: Any, caplog: Any
) -> None:
    settings.ATM_EMAIL = ""
    heard: list[tuple[str, Any, int]] = []

    def assigned(sender: Any, run: Any, task: Any, **kwargs: Any) -> None:
        heard.append(("assigned", sender, task.pk))
        raise ZeroDivisionError

    def overdue(sender: Any, run: Any, task: Any, **kwargs: Any) -> None:
        heard.append(("overdue", sender, task.pk))

    task_assigned.connect(assigned)
    task_overdue.connect(overdue)
    try:
        task = asked(hours=5)
        with caplog.at_level(logging.ERROR, "automations"):
            assert notices.send_due() == 0
        assert "could not take a signal" in caplog.text
        clock.shift(5 * HOUR)
        notices.send_due()
        notices.send_due()
    finally:
        task_assigned.disconnect(assigned)
        task_overdue.disconnect(overdue)
    assert heard == [("assigned", Review, task.pk), ("overdue", Review, task.pk)]


def test_the_scheduler_tells(team: dict[str, User], settings: Any) -> None:
    asked()
    assert notices.send_due(lambda: True) == 0
    assert notices.send_due(iter([False, True]).__next__) == 0
    assert sent() == []


@pytest.mark.django_db(transaction=True)
def test_the_scheduler_tells_when_it_has_swept(team: dict[str, User], settings: Any) -> None:
    asked()
    call_command("automation_step", verbosity=0)
    assert [to for to, _ in sent()] == ["ada", "bob"]


@pytest.mark.django_db(transaction=True)
def test_two_processes_at_once_tell_nobody_twice(team: dict[str, User], settings: Any) -> None:
    settings.ATM_EMAIL = "each"
    notices.choose(team["bob"], "daily")
    for _ in range(10):
        asked()
    start = threading.Barrier(4)

    def tell(_: int) -> int:
        try:
            start.wait(30)
            return sum(notices.send_due() for _ in range(3))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(tell, range(4))) == 10
    assert [to for to, _ in sent()] == ["ada"] * 10
    assert not AutomationNoticeModel.objects.filter(kind="assigned").exists()
    assert AutomationPreferenceModel.objects.get(user=team["bob"]).digest_due is not None


@pytest.mark.django_db(transaction=True)
def test_a_mail_server_that_is_slow_holds_no_sweep_up(
    team: dict[str, User], monkeypatch: Any
) -> None:
    asked()
    inside, may_go = threading.Event(), threading.Event()

    def slow(stopped: Any) -> int:
        inside.set()
        assert may_go.wait(30)
        return 0

    monkeypatch.setattr(notices, "send_due", slow)
    post = Postman()
    post.wait(0)
    post.go_round(lambda: False)
    assert inside.wait(30)
    inside.clear()
    post.go_round(lambda: False)  # one is under way
    post.wait(0)
    assert not inside.is_set()
    may_go.set()
    post.wait(30)
    post.go_round(lambda: False)
    assert inside.wait(30)
    post.wait(30)


@pytest.mark.django_db(transaction=True)
def test_what_goes_wrong_with_telling_is_logged(monkeypatch: Any, caplog: Any) -> None:
    monkeypatch.setattr(notices, "send_due", lambda stopped: 1 / 0)
    with caplog.at_level(logging.ERROR, "automations"):
        post = Postman()
        post.go_round(lambda: False)
        post.wait(30)
    assert "could not be told" in caplog.text


def test_a_scheduler_that_sleeps_wakes_up_to_tell(
    team: dict[str, User], clock: time_machine.Traveller
) -> None:
    asked(hours=5)
    notices.send_due()
    assert pause(10**6) == 5 * 3600


def test_settings_that_cannot_work_are_found(settings: Any) -> None:
    def codes() -> set[str]:
        found = {message.id for message in run_checks(tags=["automations"])}
        return found & {"automations.E003", "automations.E010", "automations.E011"}

    assert codes() == set()
    settings.ATM_SITE = ""
    assert codes() == {"automations.E011"}
    settings.ATM_EMAIL = "weekly"
    assert codes() == {"automations.E010"}
    settings.ATM_EMAIL, settings.ATM_DIGEST_HOUR = "", 24
    assert codes() == {"automations.E003"}


def test_what_is_still_to_be_told_goes_with_its_run(
    team: dict[str, User], clock: time_machine.Traveller
) -> None:
    ended, killed, deleted = (asked(hours=5) for _ in range(3))
    complete(ended, team["ada"])
    clock.shift(timedelta(days=2))
    assert AutomationModel.delete_history(1)[1]["automations.AutomationNoticeModel"] == 2
    Review(automation_id=killed.automation_id).kill()
    AutomationModel.objects.get(pk=deleted.automation_id).delete()
    assert not AutomationNoticeModel.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_single_sweep_says_when_the_database_does_not_let_it_tell(
    team: dict[str, User], settings: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def in_trouble(stopped: Any) -> int:
        raise OperationalError("server has gone away")

    monkeypatch.setattr(notices, "send_due", in_trouble)
    with pytest.raises(CommandError, match="not be told of their tasks yet: server has gone away"):
        call_command("automation_step")
    assert "task" in capsys.readouterr().out
