"""What happens in random stories, and how authors say what may."""

from __future__ import annotations

import datetime
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core import mail
from hypothesis import strategies as st

from automations.definition import known
from automations.exceptions import NodeNotFound, TaskClosed
from automations.models import (
    AutomationAuditModel,
    AutomationModel,
    AutomationScheduleModel,
)
from automations.testing import (
    FormNeverValid,
    StoryFailed,
    assert_path,
    assert_waiting_at,
    clock,
    complete,
    explore,
    run_until_idle,
    worker_dies,
)
from automations.testing.deeds import Act, Start, Sweep, Wait
from automations.testing.exploring import NEVER, put_off_schedules
from automations.testing.searching import shorter
from tests.testapp import explored
from tests.testapp.explored import (
    Crashing,
    HastyOrder,
    Polling,
    Purchase,
    PurchaseInForm,
    PurchaseWithoutKey,
    Refusing,
)
from tests.testapp.formset_processes import Order as Lines
from tests.testapp.language import Newsletter
from tests.testapp.tested import Approved, Charge, Endless
from tests.testing.test_explore import TWICE, people

__all__ = ["people"]

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.one_database,
    pytest.mark.usefixtures("people"),
]

MONDAY = datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)
ADDRESS = {"street": "Main Street", "is_island": False}


@pytest.fixture(autouse=True)
def nothing_charged() -> None:
    """Begin without a charge."""
    explored.charged.clear()


def failed(automation: Any, **how: Any) -> StoryFailed:
    with pytest.raises(StoryFailed) as found:
        explore(automation, **{"seed": 1, "seconds": 200} | how)
    return found.value


# What is found


def test_an_error_in_a_process_is_the_cause_of_its_story() -> None:
    story = failed(Approved, forms={"approve": {"reason": "fail"}})
    assert story.lines[1:] == ["ada completes approve with {'approved': False, 'reason': 'fail'}"]
    assert isinstance(story.__cause__, ZeroDivisionError)
    assert "ZeroDivisionError: as wanted" in str(story)
    assert "refuse: has failed with ZeroDivisionError" in str(story), str(story)
    assert str(story).endswith("seed=1 plays them again.")


def test_errors_that_may_happen_are_put_right_by_somebody() -> None:
    how: dict[str, Any] = {"forms": {"approve": {"reason": "fail"}}, "stories": 15, "seed": 1}
    assert explore(Approved, incidents=ZeroDivisionError, **how).stories == 15
    assert explore(Approved, incidents=[KeyError, ZeroDivisionError], **how).stories == 15


def test_a_retry_is_told_and_played_again() -> None:
    def is_not_retried(run: Any) -> bool:
        return not AutomationAuditModel.objects.filter(automation=run.id).exists()

    how: dict[str, Any] = {"incidents": ZeroDivisionError, "crashes": False}
    story = failed(Charge, start={"broke": True}, invariant=is_not_retried, **how)
    assert story.lines == [
        "Monday 2026-03-02 10:00: start(broke=True)",
        "1 hour later",
        "somebody retries charge",
    ]
    retry = 'AutomationTaskModel.objects.get(status="charge", state="failed").retry()'
    assert retry in story.code


def test_a_run_that_nobody_can_move_is_stuck() -> None:
    story = failed(Purchase, people=lambda: User.objects.filter(username="eve"))
    assert story.lines == ["Monday 2026-03-02 10:00: start()"]
    assert "can never end: address waits for user 'ada', and none of the people" in str(story)


def test_a_run_that_never_waits_is_found() -> None:
    assert "never waits" in str(failed(Endless, stories=1, seconds=4))


def test_a_form_that_cannot_be_shown_is_found() -> None:
    story = failed(Crashing)
    assert story.lines[1:] == ["ada completes start with {}"]
    assert isinstance(story.__cause__, ZeroDivisionError)


def test_a_process_that_does_not_start_is_found() -> None:
    story = failed(Newsletter, messages={})
    assert story.lines == ["Monday 2026-03-02 10:00: start()"]
    assert "is unique by email, so it needs email to start" in str(story)


def test_a_message_is_made_as_simple_as_it_can_be() -> None:
    story = failed(
        Newsletter,
        start={"email": st.text("ab", min_size=1)},
        messages={"book": None, "choose": None},
        invariant=[lambda run: True, lambda run: run.data.get("seats", 0) < 100],
        at=MONDAY + 3 * explored.DAY,
    )
    assert story.lines == [
        "Thursday 2026-03-05 10:00: start(email='a')",
        "the message book comes, with {'email': '0', 'seats': 100}",
    ]
    assert "send(run, \"book\", {'email': '0', 'seats': 100})" in story.code


def test_a_formset_is_filled_in_with_as_few_forms_as_it_takes() -> None:
    user = User.objects.get(username="ada")
    user.user_permissions.add(Permission.objects.get(codename="view_effect"))

    def has_few(run: Any) -> None:
        if run.data["pieces"] > 4:
            raise ValueError("too many pieces")

    story = failed(Lines, at_end=has_few)
    (line,) = story.lines[1:]
    assert line.startswith("ada completes lines with [{'article': '0', 'pieces': 5, 'receipt': Si")
    assert "SimpleUploadedFile('a.txt', b'\\x00'), 'note': '1'}]" in line
    assert isinstance(story.__cause__, ValueError)


def test_who_has_no_right_and_what_is_not_valid_changes_nothing() -> None:
    found = explore(Purchase, stories=40, seed=1, **TWICE, setup=explored.charged.clear)
    assert "end" in found.nodes
    assert found.acts > found.stories


def test_a_form_that_is_never_valid_is_told() -> None:
    with pytest.raises(FormNeverValid, match=r"never valid. Say what[^~]*'start': [^~]*Not this"):
        explore(Refusing, seed=1)


def test_a_story_that_does_not_fail_again_is_told_so() -> None:
    asked: list[int] = []

    def holds_but_once(run: Any) -> bool:
        asked.append(1)
        return len(asked) != 3

    assert "the same story did not always fail" in str(failed(Purchase, invariant=holds_but_once))


def test_a_long_wait_in_a_busy_process_ends_early() -> None:
    found = explore(Polling, stories=4, seed=1, within=2 * explored.DAY)
    assert "end" in found.nodes


# How authors say what may happen


def test_a_run_is_started_by_the_author() -> None:
    def order() -> Any:
        return Purchase(sum=3)

    story = failed(Purchase, start=order, invariant=lambda run: run.data["sum"] != 3, at=MONDAY)
    assert story.lines == ["Monday 2026-03-02 10:00: start()"]
    assert "run = order()" in story.code


def test_arguments_that_belong_together_are_one_strategy() -> None:
    both = st.integers(0, 9).map(lambda number: {"one": number, "two": 2 * number})
    story = failed(Purchase, start=both, invariant=lambda run: run.data["two"] < 6)
    assert story.lines == ["Monday 2026-03-02 10:00: start(one=3, two=6)"]


def test_entries_that_belong_together_are_one_strategy() -> None:
    entries = st.sampled_from([ADDRESS, {**ADDRESS, "street": "Other Street"}])
    story = failed(
        Purchase, forms={"address": entries}, invariant=lambda run: "address" not in run.data
    )
    assert story.lines[1:] == [f"ada completes address with {ADDRESS!r}"]


def test_stories_may_begin_at_random_moments() -> None:
    moments = st.datetimes(datetime.datetime(2030, 1, 1), datetime.datetime(2030, 12, 31))
    story = failed(Purchase, at=moments, invariant=lambda run: False)
    assert story.lines == ["Tuesday 2030-01-01 00:00: start()"]


def test_only_what_is_there_can_be_named() -> None:
    with pytest.raises(NodeNotFound, match="did you mean 'address'"):
        explore(Purchase, forms={"adress": {}})
    with pytest.raises(ValueError, match=r"'pay' of .*Purchase, which is no form"):
        explore(Purchase, forms={"pay": {}})
    with pytest.raises(ValueError, match=r"'cancel', which .*Purchase does not receive"):
        explore(Purchase, messages={"cancel": None})


def test_hypothesis_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("entries", "drawing", "searching"):
        monkeypatch.delitem(sys.modules, f"automations.testing.{name}", raising=False)
        monkeypatch.delattr(sys.modules["automations.testing"], name, raising=False)
    for name in [*sys.modules]:
        if name.partition(".")[0] == "hypothesis":
            monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"pip install .django-automations\[explore\]"):
        explore(Purchase)


def test_nothing_is_left_of_stories() -> None:
    mail.outbox = ["before"]
    explore(Purchase, stories=5, seed=1, setup=lambda: mail.outbox.append("in a story"))
    assert mail.outbox == ["before"]
    assert not AutomationModel.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_left_of_stories_without_a_transaction_of_the_test() -> None:
    assert explore(Purchase, stories=5, seed=1).stories == 5
    assert not AutomationModel.objects.exists()


def test_nothing_is_started_on_schedule_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    options = SimpleNamespace(schedule="every Monday")
    definition = SimpleNamespace(label="shop.Weekly", options=options)
    monkeypatch.setattr(known, "scheduled", lambda: [definition])
    for _ in range(2):
        put_off_schedules()
    row = AutomationScheduleModel.objects.get()
    assert (row.automation_class, row.rule, row.due) == ("shop.Weekly", "every Monday", NEVER)


# What stories are made of, by hand


def ada() -> User:
    return User.objects.get(username="ada")


def test_what_a_worker_has_done_before_it_died_is_done_again() -> None:
    run = PurchaseWithoutKey()
    with worker_dies("pay"):
        complete(run, "address", ADDRESS, user=ada())
    assert_path(run, ["start", "address", "pay", "check", "end"])
    assert run.finished()
    assert len(explored.charged) == 2


@pytest.mark.django_db(transaction=True)
def test_a_worker_dies_also_where_the_test_is_no_transaction() -> None:
    run = PurchaseWithoutKey()
    with worker_dies("pay"):
        complete(run, "address", ADDRESS, user=ada())
    assert run.finished()
    assert len(explored.charged) == 2


def test_a_form_that_was_not_saved_has_to_be_sent_again() -> None:
    run = PurchaseInForm()
    with worker_dies("address"):
        complete(run, "address", ADDRESS, user=ada())
    assert_waiting_at(run, "address")
    complete(run, "address", ADDRESS, user=ada())
    assert len(explored.charged) == 2


def test_work_in_the_background_is_taken_up_when_its_worker_has_died() -> None:
    with clock(MONDAY) as time:
        run = Polling(autorun=False)
        with worker_dies("start"):
            run_until_idle()
        assert_path(run, ["start", "ask", "wait"])
        time.advance(days=1)
        assert run.finished()
    assert len(explored.charged) == 2


def test_a_worker_dies_only_where_there_is_one() -> None:
    with pytest.raises(AssertionError, match="No task was done at 'pay' here"), worker_dies("pay"):
        Purchase()


def test_a_form_that_is_sent_twice_at_once_is_taken_in_once() -> None:
    run = PurchaseInForm()
    task = complete(run, "address", ADDRESS, user=ada(), twice=True)
    assert task.state == "completed"
    assert len(explored.charged) == 2  # both requests have checked it
    with pytest.raises(TaskClosed):
        complete(run, "address", ADDRESS, user=ada())


def test_a_form_of_an_order_is_sent_twice_in_vain() -> None:
    run = HastyOrder()
    complete(run, "pack", {"parcels": 2}, user=ada(), twice=True)
    assert_path(run, ["start", "pack", "invoice", "check", "packed"])


def test_a_run_may_be_killed_in_a_story() -> None:
    how: dict[str, Any] = {"start": {"email": "ada@example.com"}, "messages": {"leave": None}}
    assert explore(Newsletter, stories=10, seed=1, **how).stories == 10


def test_acts_are_told_as_code_also_if_a_worker_dies_in_them() -> None:
    start = Start(Purchase, {"sum": 3})
    assert [*start.code()] == ["run = Purchase(sum=3)"]
    start.died = "start"
    dies = ["with worker_dies('start'):", "    run_until_idle()"]
    assert [*start.code()] == ["run = Purchase(autorun=False, sum=3)", *dies]
    made = Start(Purchase, {}, lambda: None, died="start")
    assert [*made.code()] == ["run = start()", *dies]
    assert [*Sweep().code()] == ["run_until_idle()"]
    assert [*Sweep(died="start").lines()] == [
        "a worker sweeps once more",
        "  the worker dies in start, and another takes it up",
    ]
    assert [*Wait(explored.DAY, died="pay").code()] == [
        "with worker_dies('pay'):",
        "    time.advance(days=1)",
    ]


def test_what_is_left_out_of_a_story_and_put_together() -> None:
    start, wait = Start(Purchase, {}), Wait(explored.DAY)
    shorter_ones = [[act.line() for act in acts] for acts in shorter([start, wait, wait])]
    one_less = ["start()", "1 day later"]
    assert shorter_ones == [["start()"], one_less, one_less, ["start()", "2 days later"]]


def test_what_is_not_said_of_an_act_has_to_be() -> None:
    with pytest.raises(NotImplementedError):
        Act().line()
    assert [*Act().code()] == []


def test_time_may_be_over_at_once() -> None:
    assert explore(Purchase, seconds=0).stories == 0
