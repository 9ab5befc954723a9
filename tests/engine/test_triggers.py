"""What starts runs by itself, and what lets them look again."""

from __future__ import annotations

import importlib
import sys
from datetime import datetime
from typing import Any

import django.dispatch
import pytest
import time_machine
from django.core import mail, management
from django.db import connection, transaction
from django.db.models.signals import post_save

from automations import firing, flow, triggers
from automations.definition import known
from automations.exceptions import DefinitionError
from automations.models import AutomationModel
from tests.engine.rows import at, path, row
from tests.plain import DAY, HOUR, NOW
from tests.testapp import language
from tests.testapp.language import (
    Both,
    Follows,
    Listed,
    Opened,
    OpenedAside,
    RareFollower,
    WebinarJourney,
    opened,
)
from tests.testapp.models import Effect, IssueList, SignUp, Ticket, Webinar
from tests.testapp.promises import Joined, WebinarMails

pytestmark = pytest.mark.django_db(transaction=True)


def runs(automation: type[flow.Automation]) -> Any:
    return AutomationModel.objects.filter(automation_class=automation.get_automation_name())


@pytest.mark.api("A4", "A5", "on_signal")
def test_one_sending_starts_one_run_which_knows_what_was_sent() -> None:
    opened.send("door", number=7)
    run = runs(Opened).get()
    assert run.state == "finished"
    assert run.data == {"sender": "door", "number": 7}
    assert Effect.objects.filter(run=run.pk).count() == 1
    assert not runs(OpenedAside).exists()


@pytest.mark.api("D14")
def test_a_signal_starts_at_the_node_it_names_for_its_sender_alone() -> None:
    opened.send("side")
    assert path(OpenedAside(automation_id=runs(OpenedAside).get().pk)) == ["side", "end"]


@pytest.mark.api("A5", "on_signal")
def test_a_run_is_made_with_the_senders_transaction_and_executed_on_commit() -> None:
    with transaction.atomic():
        opened.send("door")
        assert runs(Opened).get().state == "running"
        assert not Effect.objects.exists()
    assert runs(Opened).get().state == "finished"


@pytest.mark.api("A5")
def test_no_run_is_left_when_the_sender_rolls_back() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        opened.send("door")
        raise RuntimeError
    assert not AutomationModel.objects.exists()
    AutomationModel.run()
    assert not Effect.objects.exists()


def test_what_the_start_raises_the_sender_gets_and_nothing_is_left() -> None:
    with pytest.raises(ValueError, match="not now"):
        opened.send("door", fail=True)
    assert not AutomationModel.objects.exists()
    opened.send("door", kill=True)
    assert not AutomationModel.objects.exists()


@pytest.mark.api("on_signal")
def test_importing_again_subscribes_no_second_time() -> None:
    before, definitions = dict(vars(language)), dict(known._by_label)
    try:
        importlib.reload(sys.modules[language.__name__])
        before["opened"].send("door")  # the signal of the first import has the first class
        language.opened.send("door")
        assert runs(Opened).count() == 2
        IssueList.objects.create(title="start me")
        assert runs(Listed).count() == 1
    finally:
        vars(language).update(before)
        known._by_label.update(definitions)
        triggers.connect(Listed, post_save, lambda **kwargs: None, sender=Ticket)


@pytest.mark.api("on_signal")
def test_overriding_on_signal_chooses_which_sendings_count() -> None:
    signal = django.dispatch.Signal()

    class Choosy(Opened):
        @classmethod
        def on_signal(cls, start: str | None, sender: Any, **kwargs: Any) -> None:
            if kwargs["number"] > 1:
                firing.start_run(Opened, start, sender, kwargs)

    Choosy.on(signal)
    signal.send("door", number=1)
    signal.send("door", number=2)
    assert [run.data["number"] for run in runs(Opened)] == [2]


def test_a_sender_on_another_database_starts_once_that_is_committed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting: list[Any] = []
    monkeypatch.setattr(firing, "alias", lambda: "elsewhere")
    monkeypatch.setattr(
        firing.transaction, "on_commit", lambda work, **kwargs: waiting.append((work, kwargs))
    )
    opened.send("door", using="default", number=1)
    assert not AutomationModel.objects.exists()
    ((work, kwargs),) = waiting
    assert kwargs == {"using": "default", "robust": True}
    work()
    assert runs(Opened).count() == 1


@pytest.mark.api("A5", "D14", "on_signal")
def test_a_saved_object_starts_one_run_whose_first_node_knows_it() -> None:
    webinar = Webinar.objects.create(title="Django", begins=NOW)
    SignUp.objects.create(webinar=webinar, email="ada@example.org")
    run = Joined(automation_id=runs(Joined).get().pk)
    assert path(run) == ["start", "end"]
    assert at(run, "start").result == "ada@example.org"


# Objects that appear or change


def test_an_object_that_appears_starts_a_run_bound_to_it() -> None:
    item = IssueList.objects.create(title="start one")
    IssueList.objects.create(title="another")
    run = Listed(automation_id=runs(Listed).get().pk)
    assert run.issue_list == item
    assert run.finished()
    item.title = "start again"
    item.save()
    assert runs(Listed).count() == 1


def test_an_object_that_changes_starts_a_run_when_it_should() -> None:
    item = IssueList.objects.create(title="changed")
    assert not runs(Listed).exists()
    item.save()
    assert runs(Listed).count() == 1


def test_objects_of_a_fixture_start_nothing(tmp_path: Any) -> None:
    file = tmp_path / "lists.json"
    file.write_text('[{"model": "testapp.issuelist", "pk": 1, "fields": {"title": "start"}}]')
    management.call_command("loaddata", str(file), verbosity=0)
    assert IssueList.objects.exists()
    assert not runs(Listed).exists()


def test_a_start_by_a_model_that_is_not_bound_is_refused() -> None:
    class Unbound(flow.Automation):
        start = flow.Execute()
        end = flow.End()

    flow.on_model(Webinar, start="nowhere")(Unbound)
    try:
        codes = [problem.code for problem in triggers.problems(Unbound)]
        assert codes == ["E135", "E136"]
        with pytest.raises(DefinitionError, match="webinar = Webinar"):
            Webinar.objects.create(title="x", begins=NOW)
    finally:
        uid = f"automations:{Unbound.get_automation_name()}:1"
        assert post_save.disconnect(sender=Webinar, dispatch_uid=uid)
    assert list(triggers.problems(Listed)) == []
    assert triggers.name_for(Both._meta, Ticket) == "ticket"


# Times that follow


@pytest.fixture
def webinar(clock: time_machine.Traveller) -> Webinar:
    return Webinar.objects.create(title="Django", begins=NOW + 10 * DAY)


@pytest.mark.api("A17")
def test_a_webinar_that_is_moved_moves_its_reminder_both_ways(
    webinar: Webinar, clock: time_machine.Traveller
) -> None:
    run = WebinarJourney(webinar=webinar)
    assert row(run).due == NOW + 9 * DAY
    for days in (5, 20, 3):
        webinar.begins = NOW + days * DAY
        webinar.save()
        AutomationModel.run()
        assert row(run).due == NOW + (days - 1) * DAY
    clock.shift(2 * DAY)
    AutomationModel.run()
    assert at(run, "reminder").finished == NOW + 2 * DAY
    assert row(run).due == NOW + 2 * DAY + 2.5 * HOUR


@pytest.mark.api("A17")
def test_a_webinar_that_is_moved_without_a_signal_is_found_when_the_old_time_comes(
    webinar: Webinar, clock: time_machine.Traveller
) -> None:
    run = WebinarJourney(webinar=webinar)
    Webinar.objects.update(begins=NOW + 20 * DAY)
    clock.shift(9 * DAY)
    AutomationModel.run()
    assert path(run) == ["welcome", "reminder"]
    assert row(run).due == NOW + 19 * DAY


def test_a_change_that_is_rolled_back_moves_nothing(webinar: Webinar) -> None:
    run = WebinarJourney(webinar=webinar)
    with pytest.raises(RuntimeError), transaction.atomic():
        webinar.begins = NOW + DAY
        webinar.save()
        raise RuntimeError
    AutomationModel.run()
    assert row(run).due == NOW + 9 * DAY


def test_an_object_of_nobody_and_an_ended_run_are_left_alone(webinar: Webinar) -> None:
    run = WebinarJourney(webinar=webinar)
    AutomationModel.objects.filter(pk=run.id).update(
        state="cancelled", finished=True, ended=NOW, due=None
    )
    webinar.save()
    firing.look_at_runs_of([Webinar], str(webinar.pk))
    firing.look_anew(run.id)
    firing.look_anew(0)
    assert row(run).due is None


def test_a_run_whose_class_is_gone_is_left_as_it_is(webinar: Webinar) -> None:
    run = WebinarJourney(webinar=webinar)
    AutomationModel.objects.filter(pk=run.id).update(automation_class="gone.Away")
    webinar.save()
    assert row(run).due == NOW + 9 * DAY


def test_a_time_from_the_data_follows_what_another_branch_changes(
    clock: time_machine.Traveller,
) -> None:
    run = Follows(when=(NOW + 5 * DAY).isoformat(), then=(NOW + 2 * HOUR).isoformat())
    assert at(run, "waits").due == NOW + 5 * DAY
    clock.shift(HOUR)
    AutomationModel.run()
    AutomationModel.run()
    assert at(run, "waits").due == NOW + 2 * HOUR
    clock.shift(HOUR)
    AutomationModel.run()
    assert run.finished()


def test_a_time_that_no_calendar_has_stops_its_run_and_says_why() -> None:
    run = Follows(when=datetime.max.isoformat(), then=NOW.isoformat())
    assert row(run).state == "failed"
    assert at(run, "waits").message == (
        "DefinitionError: .AfterWaitingUntil() of node 'waits' cannot be datetime.datetime(9999, "
        "12, 31, 23, 59, 59, 999999), which leads out of the calendar, the years 1 to 9999. Give "
        "a time that is nearer."
    )


def test_a_condition_is_asked_again_when_the_object_is_saved(
    clock: time_machine.Traveller, settings: Any
) -> None:
    settings.ATM_POLL = 3600
    item, ticket = IssueList.objects.create(title="old"), Ticket.objects.create()
    run = RareFollower(issue_list=item, ticket=ticket)
    AutomationModel.run()
    item.title = "new"
    item.save()
    AutomationModel.run()
    assert run.finished()


@pytest.mark.api("A17", "A8")
def test_a_webinar_writes_to_all_who_have_signed_up_by_then(
    webinar: Webinar, clock: time_machine.Traveller
) -> None:
    def written() -> list[tuple[str, str]]:
        sent = [(message.subject, message.to[0]) for message in mail.outbox]
        mail.outbox.clear()
        return sent

    SignUp.objects.create(webinar=webinar, email="ada@example.org")
    run = WebinarMails(webinar=webinar)
    assert written() == [("Welcome", "ada@example.org")]
    SignUp.objects.create(webinar=webinar, email="bob@example.org")
    webinar.begins = NOW + 5 * DAY  # five days earlier than it was
    webinar.save()
    clock.shift(4 * DAY - HOUR)
    AutomationModel.run()
    assert written() == []
    clock.shift(HOUR)
    AutomationModel.run()
    assert written() == [("Tomorrow", "ada@example.org"), ("Tomorrow", "bob@example.org")]
    SignUp.objects.filter(email="ada@example.org").delete()
    clock.shift(DAY + 2.5 * HOUR)
    AutomationModel.run()
    assert written() == [("Recording", "bob@example.org")]
    assert run.finished()


# Finding runs by their objects


@pytest.mark.api("A16")
def test_runs_are_found_by_any_of_their_objects() -> None:
    item, ticket = IssueList.objects.create(title="x"), Ticket.objects.create()
    run = Both(issue_list=item, ticket=ticket)
    other = Both(issue_list=item, ticket=Ticket.objects.create())
    assert run.issue_list == item
    assert run.ticket == ticket
    found = AutomationModel.objects.for_object
    assert set(found(item).values_list("pk", flat=True)) == {run.id, other.id}
    assert [row.pk for row in found(ticket)] == [run.id]
    assert [row.pk for row in found(ticket, "ticket")] == [run.id]
    assert not found(ticket, "issue_list").exists()
    assert str(run._db.bound_objects.get(name="ticket")) == f"ticket: testapp.ticket {ticket.pk}"


@pytest.mark.api("A16")
def test_the_objects_follow_the_data() -> None:
    first, second = (IssueList.objects.create(title=title) for title in "ab")
    run = Both(issue_list=first, ticket=Ticket.objects.create(), extra=second)
    assert AutomationModel.objects.for_object(second, "extra").exists()
    run.data["issue_list"] = second.pk
    run.save()
    assert not AutomationModel.objects.for_object(first).exists()
    assert AutomationModel.objects.for_object(second).get().pk == run.id
    assert run.issue_list == second
    del run.data["issue_list"]
    run.save()
    assert not AutomationModel.objects.for_object(second, "issue_list").exists()


def test_looking_up_runs_uses_the_index() -> None:
    plan = AutomationModel.objects.for_object(IssueList(pk=1)).order_by().explain()
    if connection.vendor == "sqlite":
        assert "atm_object_runs" in plan


def test_a_signal_may_send_what_it_likes() -> None:
    opened.send("door", number=7, start="tomorrow", owner="ada", cls="x", model=1, data={})
    assert runs(Opened).get().data == {"sender": "door", "number": 7}


def test_the_objects_of_an_ended_run_follow_its_data_too() -> None:
    first, second = (IssueList.objects.create(title="x") for _ in range(2))
    run = Listed(issue_list=first)
    assert run.finished()
    run.data["issue_list"] = second.pk
    run.save()
    assert AutomationModel.objects.for_object(second).get().pk == run.id
    assert not AutomationModel.objects.for_object(first).exists()


def test_what_starts_by_itself_must_be_given_what_it_is_unique_by() -> None:
    class Single(flow.Automation):
        issue_list = IssueList
        unique = ("issue_list",)

        start = flow.Execute()
        end = flow.End()

    class Chosen(Single):
        @classmethod
        def on_signal(cls, start: Any, sender: Any, /, **kwargs: Any) -> None:
            """Start in its own way."""

    signal = django.dispatch.Signal()
    flow.on_signal(signal)(Single)
    flow.on_signal(signal)(Chosen)
    assert [problem.code for problem in triggers.problems(Single)] == ["E137"]
    assert list(triggers.problems(Chosen)) == []
    Chosen._triggers.append(triggers.Trigger(None, IssueList))
    assert list(triggers.problems(Chosen)) == []
