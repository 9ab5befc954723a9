"""What people and other systems do to a run under test."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django import forms
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile

from automations.dispatch import inline
from automations.exceptions import (
    AutomationFinished,
    MessageRefused,
    NodeNotFound,
    NotAllowed,
    RunBusy,
    TaskClosed,
    TaskTaken,
)
from automations.models import AutomationAuditModel, AutomationModel
from automations.testing import FormRefused, assert_path, assert_waiting_at, complete, send
from automations.testing.acts import numbered, sent
from tests.testapp.forms import ApprovalForm
from tests.testapp.formset_processes import Line, Lines, Order
from tests.testapp.language import Newsletter
from tests.testapp.models import IssueList
from tests.testapp.tested import Approved, Charge

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(db: None) -> User:
    """One of the staff."""
    user = User.objects.create(username="ada")
    user.groups.add(Group.objects.create(name="staff"))
    return user


@pytest.fixture
def eve(db: None) -> User:
    """Somebody else."""
    return User.objects.create(username="eve")


YES = {"approved": True, "reason": "fine"}


def test_a_form_is_completed_as_by_its_page(ada: User) -> None:
    run = Approved()
    task = complete(run, "approve", YES, user=ada)
    assert task.state == "completed"
    assert run.data["approve"] == YES
    assert run.data["_approve_validated"]["user_id"] == ada.pk
    assert AutomationAuditModel.objects.get().user == ada
    assert_path(run, ["start", "approve", "decide", "pay"])


def test_whom_the_page_refuses_is_refused(ada: User, eve: User) -> None:
    run = Approved()
    watcher = User.objects.create(username="wim")
    watcher.user_permissions.add(Permission.objects.get(codename="view_automationmodel"))
    gone = User.objects.create(username="gus", is_active=False, is_superuser=True)
    for user in (eve, watcher, gone, AnonymousUser()):
        with pytest.raises(NotAllowed, match=r"may not do 'approve' of Approved .* group 'staff'"):
            complete(run, "approve", YES, user=user)
    assert_waiting_at(run, "approve", for_user=ada)
    # As the next request would: a right that the object in hand does not know of yet.
    assert not eve.has_perm("any.thing")
    eve.groups.add(Group.objects.get())
    complete(run, "approve", YES, user=eve)


def test_a_form_that_is_not_valid_is_refused_with_its_errors(ada: User) -> None:
    run = Approved()
    with pytest.raises(
        FormRefused, match="not valid:\n  reason: This field is required"
    ) as refused:
        complete(run, "approve", {"approved": True, "reason": None}, user=ada)
    assert isinstance(refused.value.form, ApprovalForm)
    assert_waiting_at(run, "approve")


def test_a_task_that_does_not_wait_for_a_person_cannot_be_completed(ada: User) -> None:
    run = Approved()
    complete(run, "approve", YES, user=ada)
    with pytest.raises(TaskClosed, match=r"does not wait for a person at 'approve'[^~]*'paid'"):
        complete(run, "approve", YES, user=ada)
    with pytest.raises(NodeNotFound, match="did you mean 'approve'"):
        complete(run, "aprove", YES, user=ada)


def test_a_task_that_somebody_has_taken_is_left_to_them(ada: User) -> None:
    run, bob = Approved(), User.objects.create(username="bob")
    bob.groups.add(Group.objects.get())
    task = assert_waiting_at(run, "approve")
    task.taken_by = bob
    task.save(update_fields=["taken_by"])
    with pytest.raises(TaskTaken, match="bob has taken 'approve'"):
        complete(run, "approve", YES, user=ada)


def test_a_run_that_is_busy_or_changed_meanwhile_is_said_to_be(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Approved()
    for error in (RunBusy, TaskClosed):

        def refuse(*args: Any, error: type[Exception] = error) -> None:
            raise error

        monkeypatch.setattr(inline, "submit", refuse)
        with pytest.raises(error, match=r"being worked on|closed meanwhile"):
            complete(run, "approve", YES, user=ada)


def test_an_error_behind_a_form_is_the_error_of_the_test(ada: User) -> None:
    no = {"approved": False, "reason": "fail"}
    with pytest.raises(ZeroDivisionError, match="as wanted"):
        complete(Approved(), "approve", no, user=ada)
    run = Approved()
    complete(AutomationModel.objects.get(pk=run.id), "approve", no, user=ada, incidents=True)
    assert_path(run, ["start", "approve", ..., "refuse"])


def test_a_formset_is_filled_in_as_a_list(ada: User) -> None:
    ada.user_permissions.add(Permission.objects.get(codename="view_effect"))
    run = Order()
    lines = [{"article": "pen", "pieces": 3}, {"article": "ink", "pieces": 1}]
    with pytest.raises(FormRefused, match=r"\n  form: An article is there twice."):
        complete(run, "lines", [lines[0], lines[0]], user=ada)
    with pytest.raises(FormRefused, match=r"\n  0-pieces: This field is required."):
        complete(run, "lines", [{"article": "pen"}], user=ada)
    complete(run, "lines", lines, user=ada)
    assert run.data["pieces"] == 4
    with pytest.raises(TypeError, match="is no formset"):
        complete(Approved(), "approve", [YES], user=ada)


def test_what_is_entered_arrives_as_a_browser_sends_it() -> None:
    issues = IssueList.objects.create(title="March")
    file = SimpleUploadedFile("a.txt", b"text")
    entered = {
        "one": issues,
        "all": IssueList.objects.all(),
        "day": datetime.date(2026, 3, 2),
        "no": None,
        "file": file,
    }
    found = sent(entered, ApprovalForm)
    assert found["data"].dict() == {
        "one": str(issues.pk),
        "all": str(issues.pk),
        "day": "2026-03-02",
    }
    assert found["files"]["file"].read() == b"text"
    formset = forms.formset_factory(Line, formset=Lines)
    assert numbered([], formset) == {"form-TOTAL_FORMS": 0, "form-INITIAL_FORMS": 0}


def test_a_message_is_received_and_what_is_due_then_is_run(ada: User) -> None:
    run = Newsletter(email="ada@example.com")
    assert send(run, "confirm", token="from-a-link") == "thanks"
    assert_path(run, ["start", "wait", "end"])
    assert "from-a-link" in run.data.values()
    approved = Approved()
    complete(approved, "approve", YES, user=ada)
    send(AutomationModel.objects.get(pk=approved.id), "paid", {"sum": 3})
    assert approved.finished()


def test_a_message_that_would_be_passed_over_is_an_error() -> None:
    run = Newsletter(email="ada@example.com")
    with pytest.raises(MessageRefused, match="does not receive 'cancel'"):
        send(run, "cancel")
    with pytest.raises(MessageRefused, match="needs 'seats' as a int"):
        send(run, "book", {"email": "ada@example.com", "seats": "many"})
    send(run, "confirm")
    with pytest.raises(AutomationFinished, match=r"cannot receive 'confirm' any more.\nNewsletter"):
        send(run, "confirm")


def test_only_a_run_can_be_acted_on(ada: User) -> None:
    run: Any = Charge()
    with pytest.raises(TypeError, match="A run is an automation or its row, not 42"):
        send(42, "confirm")
    row = AutomationModel.objects.get(pk=run.id)
    run.kill()
    for gone in (run, row):
        with pytest.raises(AssertionError, match=r"There is no run|there is no such run"):
            complete(gone, "charge", user=ada)
