"""Drafts: what somebody has entered and not sent is kept for that person, and for nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile

from automations import drafts
from automations.exceptions import RunBusy
from automations.models import AutomationDraftModel, AutomationTaskModel
from tests.pages.conftest import ENTITLED, NODES
from tests.pages.test_inbox import client_of
from tests.pages.test_pages import browser, fingerprint, url
from tests.testapp.looks_processes import Chooses

pytestmark = pytest.mark.django_db

ENTERED = {"text": "half a <thought>", "number": "no number", "issues": ["1", "2"]}


def test_a_draft_is_kept_as_it_was_entered_and_shown_without_complaints(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    task = asks["by_group"]
    client = client_of(people["member"])
    sent = ENTERED | {"draft": "1", "back": "/thanks/"}
    assert client.post(url(task), sent).url == f"{url(task)}?back=%2Fthanks%2F"
    task.refresh_from_db()
    assert task.state == "waiting"
    assert AutomationDraftModel.objects.get().entered == {
        name: value if isinstance(value, list) else [value] for name, value in ENTERED.items()
    }
    text = client.get(url(task)).content.decode()
    assert "half a &lt;thought&gt;" in text
    assert "no number" in text
    assert "errorlist" not in text
    assert "Your draft of" in text
    client.post(url(task), {"text": "another", "draft": "1"})
    assert AutomationDraftModel.objects.get().entered["text"] == ["another"]


def test_nobody_else_sees_a_draft_and_it_is_gone_when_anybody_completes_the_task(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    task = asks["by_group"]
    client_of(people["member"]).post(url(task), {"text": "mine", "draft": "1"})
    other = client_of(people["all"])
    assert "mine" not in other.get(url(task)).content.decode()
    assert other.post(url(task), {"text": "sent"}).status_code == 302
    assert not AutomationDraftModel.objects.exists()


@pytest.mark.parametrize("name", ENTITLED)
def test_only_the_entitled_keep_drafts(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], name: str
) -> None:
    client = browser(people, name)
    for node in NODES:
        before = fingerprint()
        client.post(url(asks[node]), {"text": "x", "draft": "1"})
        assert (fingerprint() != before) is (node in ENTITLED[name])


@pytest.mark.parametrize(
    "entered",
    [
        {"extra": "9" * 5000},
        {"extra": "[" * 5000},
        {"text": "x" * 70_000},
        {"text": "nul \0 here"},
        {"number": "1e999", "day": "31.2.", "choice": "z", "issues": "x"},
    ],
)
def test_whatever_is_entered_is_kept_and_shown_or_refused_and_shown(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], entered: dict[str, str]
) -> None:
    client = client_of(people["member"])
    task = asks["by_group"]
    response = client.post(url(task), entered | {"draft": "1"})
    kept = AutomationDraftModel.objects.exists()
    assert response.status_code == (302 if kept else 200)
    assert client.get(url(task)).status_code == 200
    if "text" in entered:
        assert not kept
        assert entered["text"][:3] in response.content.decode()


def test_files_passwords_and_what_is_no_field_are_not_kept(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    task = asks["by_group"]
    file = SimpleUploadedFile("a.txt", b"secret")
    sent = {"text": "x", "attachment": file, "csrfmiddlewaretoken": "t", "other": "y", "draft": "1"}
    client_of(people["member"]).post(url(task), sent)
    assert AutomationDraftModel.objects.get().entered == {"text": ["x"]}

    from django import forms

    hidden = forms.CharField(widget=forms.PasswordInput)
    assert not drafts.may_be_kept(hidden)
    assert not drafts.may_be_kept(forms.CharField(disabled=True))


def test_entries_of_a_field_with_several_boxes_are_kept(people: dict[str, User]) -> None:
    task: Any = AutomationTaskModel.objects.get(automation=Chooses().id, state="waiting")
    client = client_of(people["asked"])
    client.post(url(task), {"moment_0": "2026-03-02", "moment_1": "half past", "draft": "1"})
    text = client.get(url(task)).content.decode()
    assert "2026-03-02" in text
    assert "half past" in text


def test_a_draft_that_cannot_be_kept_just_now_is_not_lost(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(run_id: int) -> Any:
        raise RunBusy("The database is in trouble.")

    monkeypatch.setattr(drafts, "act_on", busy)
    before = fingerprint()
    answer = client_of(people["member"]).post(
        url(asks["by_group"]), {"text": "half a thought", "draft": "1"}
    )
    assert answer.status_code == 503
    assert "half a thought" in answer.content.decode()
    assert fingerprint() == before
