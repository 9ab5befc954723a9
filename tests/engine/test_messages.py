"""What reaches a run from outside, and what runs send each other."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import transaction
from django.test import RequestFactory

from automations import delivery, flow
from automations.dispatch import advancing
from automations.engine import receiving, sending, starting, steps
from automations.engine.receiving import Message
from automations.exceptions import (
    AutomationFinished,
    BroadcastFailed,
    DefinitionError,
    InvalidData,
    MessageRefused,
    RunBusy,
    WrongAutomation,
)
from automations.models import (
    AutomationAuditModel,
    AutomationMessageModel,
    AutomationModel,
    AutomationTaskModel,
)
from tests.engine.rows import at, path, row
from tests.plain import DAY, NOW
from tests.testapp.hard import TwoNames
from tests.testapp.language import (
    Careful,
    Everyone,
    Newsletter,
    Order,
    Ping,
    Renamed,
    Sender,
    Stubborn,
)
from tests.testapp.models import Effect
from tests.testapp.promises import Delivery

in_all_ways = True


def reader(email: str = "ada", **data: Any) -> Newsletter:
    return Newsletter(email=email, **data)


# To one run


@pytest.mark.api("A4", "receive_", "send_message")
def test_a_message_changes_the_data_without_a_save_and_wakes_the_condition_at_once() -> None:
    run = reader()
    assert path(run) == ["start", "wait"]
    assert run.send_message("confirm", "tok") == "thanks"
    assert path(run) == ["start", "wait", "end"]
    assert run.finished()
    assert run.data == {"email": "ada", "before": 0, "confirmed": True, "token": "tok"}


@pytest.mark.parametrize("poll", [0, 3600])
@pytest.mark.api("receive_")
def test_a_message_wakes_a_condition_however_seldom_it_is_asked(settings: Any, poll: int) -> None:
    settings.ATM_POLL = poll
    run = reader()
    AutomationModel.run()
    run.send_message("confirm")
    assert run.finished()


@pytest.mark.api("require_data_parameters")
def test_needed_data_is_checked_and_converted() -> None:
    run = reader()
    assert run.send_message("book", None, {"email": "ada", "seats": "2"}) == 2
    assert run.send_message("book", None, {"email": "ada", "seats": 3}) == 5
    for data in [
        None,
        {},
        {"seats": 1},
        {"email": "ada", "seats": "many"},
        {"email": None, "seats": 1},
    ]:
        assert not Newsletter.satisfies_data_requirements("book", data)
        assert run.send_message("book", None, data) is None
    assert run.data["seats"] == 5
    assert Newsletter.satisfies_data_requirements("book", {"email": "x", "seats": "7"})
    assert Newsletter.satisfies_data_requirements("confirm", None)
    assert not Newsletter.satisfies_data_requirements("unknown", {})
    assert not Newsletter.satisfies_data_requirements("no name", {})


@pytest.mark.parametrize(
    ("given", "read"),
    [
        *(("false", False), ("0", False), ("no", False), ("off", False), ("", False)),
        *(("true", True), ("1", True), ("yes", True), ("on", True), (True, True), ("YES", True)),
    ],
)
@pytest.mark.api("require_data_parameters")
def test_a_yes_or_no_is_read_as_people_write_it(given: Any, read: bool) -> None:
    run = reader()
    assert run.send_message("choose", None, {"yes": given}) is read
    assert run.send_message("choose", None, {"yes": "perhaps"}) is None


@pytest.mark.api("require_data_parameters")
def test_a_request_is_asked_for_its_get_parameters(rf: RequestFactory) -> None:
    request = rf.get("/", {"parameter": "7", "email": "ada", "seats": "4"})
    request.user = User(username="eve")
    run = reader()
    assert run.send_message("page", None, request) == "7"
    assert run.data["user"] == "eve"
    assert run.data["parameter"] == "7"
    assert run.send_message("book", None, request) == 4


@pytest.mark.api("receive_")
def test_a_message_that_fails_changes_nothing_and_tells_the_sender() -> None:
    run = reader(fails=True)
    with pytest.raises(ValueError, match="ada"):
        run.send_message("fail")
    assert "half" not in row(run).data
    with pytest.raises(InvalidData, match="half"):
        run.send_message("unkeepable")
    assert "half" not in row(run).data
    assert not run.finished()


def test_what_was_changed_on_the_handle_is_not_lost_by_a_message() -> None:
    run = reader()
    run.data["mine"] = 1
    run.send_message("book", None, {"email": "ada", "seats": 1})
    assert run.data["mine"] == 1
    assert row(run).data["seats"] == 1


@pytest.mark.api("send_message")
def test_an_ended_run_receives_nothing() -> None:
    run = reader()
    run.send_message("confirm")
    assert run.send_message("book", None, {"email": "ada", "seats": 1}) is None
    assert Newsletter.dispatch_message(run.id, "confirm") is None
    assert "seats" not in row(run).data
    run.kill()
    assert run.send_message("confirm") is None


def test_a_receiver_may_kill_its_run() -> None:
    run = reader()
    run.send_message("leave")
    assert run.killed()
    assert not AutomationModel.objects.exists()


def test_a_run_cannot_send_itself_a_message_while_it_is_changed() -> None:
    run = reader()
    with pytest.raises(RunBusy, match="receive_confirm"):
        run.send_message("myself")
    assert not run.finished()


@pytest.mark.api("dispatch_message")
def test_dispatching_takes_an_automation_a_row_a_number_or_a_key() -> None:
    for wanted in (lambda run: run, row, lambda run: run.id, lambda run: run.get_key()):
        run = reader()
        assert Newsletter.dispatch_message(wanted(run), "confirm") == "thanks"
        assert run.finished()
    order = Order()
    for nobody in (0, 10**9, "no such key", order.id, order.get_key(), None, True, 1.5):
        assert Newsletter.dispatch_message(nobody, "confirm") is None
    with pytest.raises(WrongAutomation):
        Newsletter.dispatch_message(order, "confirm")
    with pytest.raises(WrongAutomation):
        Newsletter.dispatch_message(row(order), "confirm")


@pytest.mark.api("send_message", "dispatch_message")
def test_a_run_has_a_message_before_anything_else_of_it_is_executed() -> None:
    for number, send in enumerate(
        (
            lambda run, *given: run.send_message(*given),
            lambda run, *given: Newsletter.dispatch_message(run.id, *given),
        )
    ):
        run = reader(f"{number}", autorun=False)
        send(run, "book", None, {"email": "ada", "seats": 3})
        assert row(run).data["before"] == 3


@pytest.mark.api("A4")
def test_a_message_sends_a_waiting_run_another_way() -> None:
    changed, usual = Delivery(), Delivery()
    assert path(changed) == path(usual) == ["wait"]
    changed.send_message("word", "no")
    usual.send_message("word", "yes")
    assert path(changed) == ["wait", "which", "undo", "end"]
    assert path(usual) == ["wait", "which", "deliver", "end"]


# What a person sends


def send_as(user: User, run_id: int, name: str) -> Any:
    """Send as the page of a run does that was looked at before."""
    definition = AutomationModel(automation_class=Newsletter._meta.label).definition
    return delivery.send_from(user, definition, run_id, Message(name), reason="she called")


def test_what_a_person_sends_to_a_run_that_has_just_ended_is_told_her_and_not_on_record() -> None:
    ada, run = User.objects.create(username="ada"), reader()
    run_id = run.id
    run.send_message("confirm")
    with pytest.raises(AutomationFinished, match=str(run_id)):
        send_as(ada, run_id, "confirm")
    run.kill()
    with pytest.raises(AutomationFinished, match=str(run_id)):
        send_as(ada, run_id, "confirm")
    assert not AutomationAuditModel.objects.exists()


def test_what_a_person_sends_to_a_run_that_has_just_failed_is_told_her_and_not_on_record() -> None:
    ada, run = User.objects.create(username="ada"), reader()
    failed = {"state": "failed", "finished": True, "due": None, "ended": NOW}
    AutomationModel.objects.filter(pk=run.id).update(**failed)
    with pytest.raises(MessageRefused, match="has failed"):
        send_as(ada, run.id, "confirm")
    assert not AutomationAuditModel.objects.exists()
    assert "confirmed" not in row(run).data


def test_what_a_person_sends_may_kill_the_run_and_all_that_is_on_record_of_it() -> None:
    ada, run = User.objects.create(username="ada"), reader()
    send_as(ada, run.id, "leave")
    assert not AutomationModel.objects.exists()
    assert not AutomationAuditModel.objects.exists()


# To all, and to new ones


@pytest.mark.api("broadcast_message")
def test_a_broadcast_reaches_every_running_run_until_one_catches_it() -> None:
    runs = [reader(name) for name in ("ada", "bob", "eve")]
    runs[0].send_message("confirm")
    Order()
    answers = Newsletter.broadcast_message("book", None, {"email": "all", "seats": 1})
    assert answers == [1, 1]
    assert Newsletter.broadcast_message("catch") == ["received"]
    assert ["caught" in row(run).data for run in runs] == [False, True, False]
    assert Newsletter.broadcast_message("book", None, {}) == []


@pytest.mark.api("broadcast_message")
def test_a_receiver_that_fails_keeps_no_other_from_a_broadcast() -> None:
    runs = [reader(name, fails=name == "bob") for name in ("ada", "bob", "eve")]
    with pytest.raises(BroadcastFailed, match=r"1 runs .* 2 others have it") as failed:
        Newsletter.broadcast_message("fail")
    assert list(failed.value.errors) == [runs[1].id]
    assert failed.value.results == [None, None]
    assert ["half" in row(run).data for run in runs] == [True, False, True]


@pytest.mark.api("A7", "create_on_message")
def test_a_run_made_by_a_message_has_it_before_its_first_node() -> None:
    run = Newsletter.create_on_message("book", None, {"email": "ada", "seats": "3"})
    assert run.data["before"] == 3
    assert run.data["email"] == "ada"
    assert path(run) == ["start", "wait"]
    again = Newsletter.create_on_message("book", None, {"email": "ada", "seats": "1"})
    assert again.id == run.id
    assert again.data["seats"] == 4
    assert Newsletter.create_on_message("book", None, {"email": "ada"}) is None
    assert AutomationModel.objects.count() == 1


@pytest.mark.api("create_on_message")
def test_a_message_says_whether_the_run_is_new() -> None:
    first, second = (
        Newsletter.create_on_message("book", None, {"email": "ada", "seats": "1"}) for _ in "ab"
    )
    assert (first.is_new, second.is_new) == (True, False)
    assert first.id == second.id


@pytest.mark.api("create_on_message")
def test_a_run_made_by_a_message_that_fails_or_kills_is_not_there() -> None:
    with pytest.raises(InvalidData):
        Newsletter.create_on_message("unkeepable", None, {"email": "ada"})
    assert Newsletter.create_on_message("leave", None, {"email": "ada"}) is None
    assert not AutomationModel.objects.exists()


@pytest.mark.api("create_on_message")
def test_a_single_run_is_made_by_a_message_too() -> None:
    run = Order.create_on_message("paid", "t", {"sum": 1})
    assert path(run) == ["start", "paid", "sent"]
    assert run.data == {"paid": {"sum": 1}}


# Nodes that wait for a message


def test_a_node_waits_for_its_message_and_keeps_what_came(clock: time_machine.Traveller) -> None:
    order = Order()
    assert path(order) == ["start", "paid"]
    assert at(order, "paid").state == "waiting"
    assert at(order, "paid").due == row(order).due
    assert order.send_message("paid", "cash", {"sum": 5}) is True
    assert order.data["paid"] == {"sum": 5}
    assert at(order, "paid").result == {"token": "cash", "data": {"sum": 5}}
    assert path(order) == ["start", "paid", "sent"]


@pytest.mark.api("receive_")
def test_a_message_that_comes_early_is_kept_for_its_node() -> None:
    order = Order()
    order.send_message("sent", None, {"by": "mail"})
    order.send_message("sent", None, {"by": "ship"})
    assert path(order) == ["start", "paid"]
    order.send_message("paid")
    assert order.finished()
    assert order.data == {"paid": None, "sent": {"by": "mail"}}
    kept = AutomationMessageModel.objects.filter(automation=order.id).order_by("pk")
    assert [message.taken is not None for message in kept] == [True, False, True]
    assert str(kept[0]) == f"sent to {order.id}"


def test_a_node_that_waits_for_a_message_gives_up_in_time(clock: time_machine.Traveller) -> None:
    order = Order()
    clock.shift(14 * DAY)
    AutomationModel.run()
    assert path(order) == ["start", "paid", "give_up", "end"]
    assert at(order, "paid").state == "skipped"
    assert at(order, "paid").message == "timed out"
    other = Order()
    other.send_message("paid")
    clock.shift(2 * DAY)
    AutomationModel.run()
    assert path(other)[-2:] == ["done", "end"]
    assert at(other, "sent").state == "skipped"


def test_a_failed_run_keeps_messages_for_its_nodes() -> None:
    order = Order()
    AutomationTaskModel.objects.filter(pk=at(order, "paid").pk).update(status="gone")
    AutomationModel.objects.filter(pk=order.id).update(due=row(order).created)
    AutomationTaskModel.objects.filter(status="gone").update(due=row(order).created)
    AutomationModel.run()
    assert row(order).state == "failed"
    Order.dispatch_message(order.id, "paid", None, {"late": True})
    AutomationTaskModel.objects.filter(status="gone").update(status="paid")
    at(order, "paid").retry()
    assert path(order) == ["start", "paid", "sent"]
    assert row(order).data["paid"] == {"late": True}


def test_a_failed_run_is_not_asked_by_its_method() -> None:
    run = reader()
    AutomationTaskModel.objects.filter(automation=run.id, status="wait").update(status="gone")
    AutomationModel.run()
    assert row(run).state == "failed"
    assert run.send_message("confirm") is None
    assert "confirmed" not in row(run).data


def test_only_a_node_that_listens_takes_messages() -> None:
    with pytest.raises(DefinitionError, match="waits for no message"):
        flow.Execute().received(None, None, None)  # type: ignore[arg-type] # needs none


def test_what_a_node_is_to_keep_must_be_json() -> None:
    order = Order()
    with pytest.raises(InvalidData, match="The message"):
        order.send_message("paid", None, {"object": object()})
    assert path(order) == ["start", "paid"]


# From run to run


@pytest.mark.api("SendMessage")
def test_a_node_sends_to_a_run_by_number_key_or_itself() -> None:
    for to in ("id", "key"):
        order = Order()
        sender = Sender(to=order.id if to == "id" else order.get_key(), token="till 3")
        assert path(order) == ["start", "paid", "sent"]
        assert row(order).data["paid"] == {"amount": 42}
        assert at(order, "paid").result == {"token": "till 3", "data": {"amount": 42}}
        assert path(sender) == ["start", "after", "end"]
        assert at(sender, "start").result == {"results": [True]}
        assert at(sender, "start").outbox is None


@pytest.mark.api("SendMessage")
def test_a_node_sends_to_every_run_of_a_class_until_one_catches_it() -> None:
    runs = [reader(name) for name in ("ada", "bob")]
    sender = Everyone()
    assert at(sender, "start").result == {"results": ["received"]}
    assert at(sender, "again").result == {"results": ["received", "received"]}
    assert all("caught" in row(run).data for run in runs)
    kept = AutomationMessageModel.objects.all()
    assert {message.key for message in kept} == {
        at(sender, "start").idempotency_key,
        at(sender, "again").idempotency_key,
    }


def test_the_receiver_sees_the_key_of_the_sending_task(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def catch(self: Any, token: Any, data: Any) -> None:
        seen.append(self.message_key)

    monkeypatch.setattr(Newsletter, "receive_catch", catch)
    run = reader()
    sender = Everyone()
    run.send_message("catch")
    assert seen == [at(sender, "start").idempotency_key, at(sender, "again").idempotency_key, None]


def test_a_sender_that_crashes_before_its_end_reaches_nobody_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = [reader(name) for name in ("ada", "bob")]
    sender = Everyone(autorun=False)
    first = steps.step(sender.id)
    assert first.more
    second = steps.step(sender.id)
    assert second.sending
    with monkeypatch.context() as patch:
        patch.setattr(sending, "_sent", lambda *given: steps.Step(obtained=False))
        sending.deliver(sender.id, at(sender, "start").pk)
    assert at(sender, "start").state == "waiting"
    AutomationModel.objects.filter(pk=runs[0].id).update(data={})
    sender.run()
    assert sender.finished()
    assert at(sender, "start").result == {"results": ["received"]}
    # Only the second node's message is new to the first; the first one's was known.
    assert AutomationMessageModel.objects.filter(automation=runs[0].id).count() == 2
    assert AutomationMessageModel.objects.filter(automation=runs[1].id).count() == 1


def test_what_was_sent_already_is_not_sent_again() -> None:
    order = Order()
    sender = Sender(to=order.id, autorun=False)
    steps.step(sender.id)
    task = at(sender, "start")
    assert sending.deliver(sender.id, task.pk).task_id == task.pk
    again = sending.deliver(sender.id, task.pk)
    assert again == steps.Step(task_id=task.pk, more=True)
    with transaction.atomic():
        assert sending._sent(sender.id, task.pk, "", (), row(sender).created, [], None, []).more
        assert not sending._sent(0, task.pk, "", (), row(sender).created, [], None, []).more
    assert AutomationMessageModel.objects.filter(automation=order.id).count() == 1


def test_a_busy_receiver_delays_the_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    order = Order()
    sender = Sender(to=order.id, autorun=False)

    def busy(*args: Any) -> None:
        raise RunBusy("busy")

    with monkeypatch.context() as patch:
        patch.setattr(sending, "receive", busy)
        assert advancing.advance(sender.id).delayed == 1
        assert at(sender, "start").state == "waiting"
        patch.setattr(sending, "lock_run", lambda *args, **kwargs: None)
        assert sending.later(sender.id, at(sender, "start").pk, row(sender).created).delayed
    AutomationTaskModel.objects.filter(automation=sender.id).update(due=row(sender).created)
    AutomationModel.objects.filter(pk=sender.id).update(due=row(sender).created)
    sender.run()
    assert path(sender) == ["start", "after", "end"]


def test_what_a_receiver_raises_is_the_senders_error_once_all_others_have_it() -> None:
    runs = [reader(name, fails=name == "ada") for name in ("ada", "bob")]
    assert path(Careful()) == ["start", "rescue", "end"]
    assert ["half" in row(run).data for run in runs] == [False, True]
    sender = Stubborn()
    assert row(sender).state == "failed"
    assert "ada" in at(sender, "start").message
    AutomationModel.objects.filter(pk=runs[0].id).update(data={"email": "ada"})
    at(sender, "start").retry()
    assert path(sender) == ["start", "after", "end"]
    assert "half" in row(runs[0]).data
    assert AutomationMessageModel.objects.filter(automation=runs[1].id).count() == 2


def test_a_message_to_nobody_goes_on() -> None:
    sender = Sender(to=0)
    assert path(sender) == ["start", "after", "end"]
    assert at(sender, "start").result == {"results": []}
    run = reader()
    assert path(Sender(to=run.id)) == ["start", "after", "end"]  # which does not know "paid"


@pytest.mark.parametrize("to", [None, 1.5, True])
def test_a_message_to_what_is_no_receiver_fails_clearly(to: Any) -> None:
    sender = Sender(to=to)
    assert row(sender).state == "failed"
    assert "cannot send to" in at(sender, "start").message


@pytest.mark.parametrize(
    ("path", "said"), [("no.such.Class", "cannot import"), ("os.path", "is no automation")]
)
def test_a_path_that_leads_to_no_automation_fails_clearly(path: str, said: str) -> None:
    sender = Sender(to=path)
    assert said in at(sender, "start").message


def test_two_runs_play_with_each_other_within_one_request(settings: Any) -> None:
    settings.ATM_BUDGET_SECONDS = 60
    one = Ping(turns=10)
    two = Ping(turns=10, other=one.id)
    one.data["other"] = two.id
    one.save()
    one.send_message("ball", None, {"turn": 0})
    assert Effect.objects.filter(node="ball").count() == 11
    assert one.finished()
    assert not two.finished()


def test_a_run_under_a_former_name_receives_as_before() -> None:
    run = Renamed(email="ada")
    AutomationModel.objects.filter(pk=run.id).update(automation_class="shop.automations.Old")
    assert Renamed.broadcast_message("hello") == ["hello"]
    assert Renamed.dispatch_message(run.id, "hello") == "hello"
    with pytest.raises(MessageRefused, match="does not receive 'unknown'"):
        receiving_unknown(run)


def receiving_unknown(run: Any) -> None:
    from automations.definition.receivers import prepare

    prepare(type(run), "unknown", None)


def test_an_answer_that_is_no_json_is_given_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = object()
    monkeypatch.setattr(Newsletter, "receive_catch", lambda self, token, data: answer)
    run = reader()
    assert receiving.receive(run.id, Message("catch", key="k")) is answer
    assert receiving.receive(run.id, Message("catch", key="k")) is None
    assert receiving.receive(0, Message("catch")) is None


def test_a_suspended_run_receives_and_stays_where_it_is() -> None:
    run = reader()
    AutomationModel.objects.filter(pk=run.id).update(state="suspended", due=None)
    AutomationTaskModel.objects.filter(automation=run.id, finished=None).update(due=None)
    assert run.send_message("confirm") == "thanks"
    assert row(run).data["confirmed"] is True
    assert path(run) == ["start", "wait"]


def test_a_run_that_kills_itself_on_a_message_from_a_run_leaves_nothing() -> None:
    run = reader()
    assert receiving.receive(run.id, Message("leave", key="k")) is None
    assert not AutomationModel.objects.exists()
    assert not AutomationMessageModel.objects.exists()


def test_a_sender_that_is_busy_when_all_have_the_message_is_completed_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order = Order()
    sender = Sender(to=order.id, autorun=False)
    steps.step(sender.id)

    def busy(*args: Any, **kwargs: Any) -> None:
        raise RunBusy("busy")

    with monkeypatch.context() as patch:
        patch.setattr(sending, "_sent", busy)
        assert sending.deliver(sender.id, at(sender, "start").pk).delayed
    assert at(sender, "start").state == "waiting"
    assert path(order) == ["start", "paid"]
    AutomationModel.run()
    assert path(order) == ["start", "paid", "sent"]


# What is odd


@pytest.mark.parametrize("data", ["abc", [1], ["ab"], 5])
def test_data_that_is_no_dict_has_no_parameters(data: Any) -> None:
    run = reader()
    assert run.send_message("book", data=data) is None
    assert not Newsletter.satisfies_data_requirements("book", data)


def test_what_a_type_cannot_take_is_as_good_as_missing() -> None:
    class Exact(flow.Automation):
        start = flow.Execute()
        end = flow.End()

        @flow.require_data_parameters(number=uuid.UUID)
        def receive_number(self, token: Any, data: Any) -> None:
            """Take a number."""

    assert not Exact.satisfies_data_requirements("number", {"number": 5})
    assert Exact.satisfies_data_requirements("number", {"number": str(uuid.uuid4())})


@pytest.mark.parametrize("name", [None, 5, "", "a b", "\0", "\ud800", "x" * 1000, ["paid"]])
def test_a_name_that_is_none_reaches_nobody(name: Any) -> None:
    order = Order()
    assert order.send_message(name) is None
    assert Order.broadcast_message(name) == []
    assert Order.create_on_message(name) is None
    assert AutomationModel.objects.count() == 1


@pytest.mark.parametrize("key", ["\0", "\ud800", "", "x" * 1000, 10**30, -1])
def test_a_key_that_cannot_be_is_nobodys(key: Any) -> None:
    assert Order.dispatch_message(key, "paid") is None


@pytest.mark.parametrize("name", [None, 5, "", "x" * 257, flow.this.paid])
def test_a_node_that_names_no_message_is_refused(name: Any) -> None:
    for node in (flow.SendMessage(Order, name), flow.ReceiveMessage(name)):
        assert "E129" in {problem.code for problem in node.problems("here")}


def test_a_message_whose_run_ends_before_it_comes_makes_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = reader()
    start = starting.start

    def end_it(*args: Any, **kwargs: Any) -> Any:
        found = start(*args, **kwargs)
        AutomationModel.objects.filter(pk=first.id).update(
            state="cancelled", finished=True, ended=NOW, due=None, unique_key=None
        )
        return found

    monkeypatch.setattr(starting, "start", end_it)
    data = {"email": "ada", "seats": 3}
    run = Newsletter.create_on_message("book", data=data)
    assert run.id != first.id
    assert run.data["seats"] == 3

    def end_all(*args: Any, **kwargs: Any) -> Any:
        found = start(*args, **kwargs)
        AutomationModel.objects.update(
            state="cancelled", finished=True, ended=NOW, due=None, unique_key=None
        )
        return found

    monkeypatch.setattr(starting, "start", end_all)
    with pytest.raises(RunBusy, match="had just ended"):
        Newsletter.create_on_message("book", data=data)


def test_a_message_that_was_caught_by_who_has_ended_since_is_not_caught_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = [reader(name) for name in ("ada", "bob")]
    sender = Everyone(autorun=False)
    steps.step(sender.id)
    with monkeypatch.context() as patch:
        patch.setattr(sending, "_sent", lambda *given: steps.Step(obtained=False))
        sending.deliver(sender.id, at(sender, "start").pk)
    AutomationModel.objects.filter(pk=runs[0].id).update(
        state="cancelled", finished=True, ended=NOW, due=None, unique_key=None
    )
    sender.run()
    assert sender.finished()
    assert at(sender, "start").result == {"results": ["received"]}
    assert at(sender, "again").result == {"results": ["received"]}
    key = at(sender, "start").idempotency_key
    assert AutomationMessageModel.objects.get(key=key).automation_id == runs[0].id


def test_names_that_differ_only_in_case_are_two() -> None:
    run = TwoNames()
    assert run.send_message("Paid")
    assert run.send_message("Paid")
    AutomationModel.run()
    assert at(run, "small").state == "waiting"
    assert at(run, "big").state == "completed"
    assert run.send_message("paid")
    assert run.finished()


def test_what_a_failed_run_could_not_receive_reaches_it_with_a_later_try() -> None:
    run = reader()
    AutomationTaskModel.objects.filter(automation=run.id, status="wait").update(status="gone")
    AutomationModel.run()
    assert row(run).state == "failed"
    message = Message("confirm", key="k")
    assert receiving.receive(run.id, message) is None
    AutomationTaskModel.objects.filter(status="gone").update(status="wait")
    at(run, "wait").retry()
    assert receiving.receive(run.id, message) == "thanks"
    assert row(run).data["confirmed"] is True


def test_who_has_the_message_already_is_told_when_another_receiver_is_busy(
    caplog: pytest.LogCaptureFixture,
) -> None:
    runs = [reader(name) for name in ("ada", "bob")]
    sender = Everyone(autorun=False)
    steps.step(sender.id)
    sending.deliver(sender.id, at(sender, "start").pk)
    steps.step(sender.id)
    task = at(sender, "again")
    with steps.working_on(runs[1].id):
        step = sending.deliver(sender.id, task.pk)
    assert step.delayed
    assert step.reached == {runs[0].id}
    assert f"Task {task.pk} sends again a little later" in caplog.text


def test_a_message_of_a_person_leaves_a_claim_on_nobody() -> None:
    run = reader()
    receiving.receive_from(None, run.id, Message("confirm"), sent={}, reason="")
    assert row(run).claimed_by == ""
    assert row(run).data["confirmed"] is True
