"""What a test may say of a run, and what it is told if that is not so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import EllipsisType

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.core import mail
from hypothesis import given
from hypothesis import strategies as st

from automations.exceptions import NodeNotFound
from automations.models import AutomationModel, AutomationTaskModel
from automations.testing import (
    assert_mail_sent,
    assert_path,
    assert_waiting_at,
    clock,
    complete,
)
from automations.testing.assertions import furthest
from automations.testing.telling import standing
from tests.plain import HOUR, NOW
from tests.testapp.durable import Halting
from tests.testapp.tested import Approved, Charge, Timers


@pytest.fixture
def ada(db: None) -> User:
    """One of the staff."""
    user = User.objects.create(username="ada")
    user.groups.add(Group.objects.create(name="staff"))
    return user


def test_a_run_waits_at_a_node_for_a_user(ada: User) -> None:
    run = Approved()
    task = assert_waiting_at(run, "approve", for_user=ada)
    assert task == assert_waiting_at(AutomationModel.objects.get(), "approve")
    eve = User.objects.create(username="eve")
    with pytest.raises(AssertionError) as refused:
        assert_waiting_at(run, "approve", for_user=eve)
    assert str(refused.value) == (
        f"Approved {run.id} waits at 'approve', but not for eve: it is for group 'staff'.\n"
        f"Approved {run.id} is running.\n"
        f"  approve: waits for group 'staff'\n"
        f"  So far: start, approve"
    )
    with pytest.raises(AssertionError, match="not for AnonymousUser"):
        assert_waiting_at(run, "approve", for_user=AnonymousUser())


@pytest.mark.django_db
def test_who_expects_another_node_is_told_where_the_run_stands() -> None:
    with clock(NOW):
        run = Charge()
        with pytest.raises(AssertionError) as refused:
            assert_waiting_at(run, "start")
        assert str(refused.value) == (
            f"Charge {run.id} does not wait at 'start'.\n"
            f"Charge {run.id} is running.\n"
            f"  charge: looked at again 2026-03-02 11:00:00+01:00\n"
            f"  So far: start, charge"
        )
        with pytest.raises(NodeNotFound, match="did you mean 'charge'"):
            assert_waiting_at(run, "chargee")
        with pytest.raises(AssertionError, match="at 'charge', but not for a person"):
            assert_waiting_at(run, "charge", for_user=User(username="new"))


@pytest.mark.django_db
def test_what_a_task_waits_for_is_told_whatever_it_is(ada: User) -> None:
    with clock(NOW) as time:
        timers, halting = Timers(), Halting()
        assert "condition: looked at in every sweep" in standing(timers._db)
        told = standing(halting._db)
        assert "ask: waits for the message 'answer', nothing moves it by itself" in told
        run = Approved()
        AutomationTaskModel.objects.filter(automation=run.id, status="approve").update(
            interaction_permissions=["a.b"], taken_by=ada, tries=2, message="no"
        )
        told = standing(run._db)
        assert "waits for group 'staff' and permission 'a.b', taken by ada, tried 2 times" in told
        AutomationModel.objects.filter(pk=halting.id).update(automation_class="gone.Away")
        assert "nothing moves it" in standing(AutomationModel.objects.get(pk=halting.id))
        time.advance()


@pytest.mark.django_db
def test_of_a_long_path_the_end_is_told() -> None:
    run = Charge()
    first = AutomationTaskModel.objects.order_by("pk").last()
    for _ in range(50):
        AutomationTaskModel.objects.create(automation_id=run.id, status="more", previous=None)
    assert first is not None
    assert "So far: ..., more, more" in standing(run._db)
    assert standing(run._db).count("more, ") < 50


@pytest.mark.django_db
def test_who_expects_another_path_is_told_where_they_part(ada: User) -> None:
    run = Approved()
    complete(run, "approve", {"approved": "on", "reason": "x"}, user=ada)
    for right in (
        ["start", "approve", "decide", "pay"],
        ["start", ..., "pay"],
        [..., "decide", ...],
        [...],
        ["start", ..., "approve", ..., "pay", ...],
    ):
        assert_path(run, right)
    with pytest.raises(AssertionError) as refused:
        assert_path(run, ["start", "approve", "decide", "refuse", ...])
    assert str(refused.value).startswith(
        f"Approved {run.id} has not taken this path; they part after 'decide', where it came to "
        f"'pay'.\n  expected: 'start', 'approve', 'decide', 'refuse', ...\n"
        f"  taken:    'start', 'approve', 'decide', 'pay'\n"
    )
    with pytest.raises(AssertionError, match="part after 'pay', where it came to nothing more"):
        assert_path(run, ["start", ..., "pay", "end"])
    with pytest.raises(AssertionError, match="part at its beginning, where it came to 'start'"):
        assert_path(run, [])


@given(
    path=st.lists(st.sampled_from("ab"), max_size=5),
    expected=st.lists(st.sampled_from(["a", "b", ...]), max_size=5),
)
def test_the_ellipsis_stands_for_any_number_of_nodes(
    path: list[str], expected: Sequence[str | EllipsisType]
) -> None:
    pattern = "".join(".*" if entry is ... else str(entry) for entry in expected)
    fits = re.fullmatch(pattern, "".join(path)) is not None
    assert (furthest(path, expected) is None) == fits


def test_mail_that_was_sent_is_found_and_listed(mailoutbox: list[mail.EmailMessage]) -> None:
    with pytest.raises(AssertionError, match=r"0 e-mails with anything were sent.*None was sent"):
        assert_mail_sent()
    mail.send_mail("Your order", "It is on its way.", "shop@example.com", ["ada@example.com"])
    mail.send_mail("Your order", "It has come.", "shop@example.com", ["bob@example.com"])
    assert len(assert_mail_sent(subject="order")) == 2
    (message,) = assert_mail_sent(to="ada@example.com", containing="way", count=1)
    assert message.to == ["ada@example.com"]
    assert_mail_sent(subject="bill", count=0)
    with pytest.raises(AssertionError) as refused:
        assert_mail_sent(to="ada@example.com", containing="come")
    assert str(refused.value) == (
        "0 e-mails with to='ada@example.com', containing='come' were sent, not at least one. "
        "These were sent:\n  to ada@example.com: Your order\n  to bob@example.com: Your order"
    )


@pytest.mark.django_db
def test_the_data_of_a_run_is_brought_up_to_date_unless_it_is_still_to_be_saved() -> None:
    with clock(NOW) as time:
        run = Timers()
        time.advance(HOUR)
        assert "noted" not in run.data
        assert_waiting_at(run, "late")
        assert len(run.data["noted"]) == 1
        run.data["mine"] = 1
        assert_waiting_at(run, "late")
        assert run.data["mine"] == 1
