"""A task may ask for several things at once, by a formset."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django import forms
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.datastructures import MultiValueDict

from automations.models import AutomationDraftModel, AutomationModel, AutomationTaskModel
from automations.views.formsets import close_ranks
from tests.pages.conftest import browser
from tests.pages.test_pages import fingerprint
from tests.testapp.formset_processes import Line, Order, Sorting

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(people: dict[str, User]) -> Client:
    """The browser of somebody who may order."""
    return browser(people, "holder")


@pytest.fixture
def task(people: dict[str, User]) -> AutomationTaskModel:
    """The task of a new order."""
    return AutomationTaskModel.objects.get(automation=Order().id, state="waiting")


def page(task: AutomationTaskModel) -> str:
    return f"/automations/{task.pk}"


def lines(*given: dict[str, Any], total: Any = None, **more: Any) -> dict[str, Any]:
    """Return what a browser sends of these lines."""
    sent: dict[str, Any] = {
        "form-TOTAL_FORMS": str(len(given) if total is None else total),
        "form-INITIAL_FORMS": "0",
    }
    for number, line in enumerate(given):
        sent |= {f"form-{number}-{name}": value for name, value in line.items()}
    return sent | more


def data_of(task: AutomationTaskModel) -> Any:
    return AutomationModel.objects.get(pk=task.automation_id).data


def test_each_form_of_a_formset_is_an_entry_of_its_own(
    client: Client, task: AutomationTaskModel
) -> None:
    text = client.get(page(task)).content.decode()
    assert re.findall(r"<legend>(.*?)</legend>", text) == ["Entry 1", "Entry 2"]
    assert 'enctype="multipart/form-data"' in text
    assert 'name="form-TOTAL_FORMS"' in text


def test_what_is_entered_is_kept_as_a_list_without_what_is_empty_or_deleted(
    client: Client, task: AutomationTaskModel, tmp_path: Any, settings: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    sent = lines(
        {"article": "pen", "pieces": "2", "receipt": SimpleUploadedFile("r.txt", b"paid")},
        {"article": "", "pieces": ""},
        {"article": "cup", "pieces": "9", "DELETE": "on"},
        {"article": "ink", "pieces": "3"},
    )
    assert client.post(page(task), sent).status_code == 302
    data = data_of(task)
    assert data["lines"] == [
        {"article": "pen", "pieces": 2, "receipt": "r.txt", "note": None},
        {"article": "ink", "pieces": 3, "receipt": None, "note": None},
    ]
    assert data["pieces"] == 5
    assert (tmp_path / "r.txt").read_bytes() == b"paid"


def test_a_formset_that_can_be_sorted_is_kept_in_that_order(
    client: Client, people: dict[str, User]
) -> None:
    task = AutomationTaskModel.objects.get(automation=Sorting().id, state="waiting")
    sent = lines(
        {"article": "b", "pieces": "1", "ORDER": "2"}, {"article": "a", "pieces": "1", "ORDER": "1"}
    )
    assert client.post(page(task), sent).status_code == 302
    assert [line["article"] for line in data_of(task)["lines"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (lines({"article": "pen", "pieces": "0"}), "greater than or equal to 1"),
        (lines({"article": "pen", "pieces": "1"}, {"article": "pen", "pieces": "1"}), "twice"),
        (lines({"article": "pen", "pieces": "1", "note": "[" * 100_000}), "could not be read"),
        ({"article": "pen"}, "ManagementForm data is missing"),
        (lines(total="many"), "ManagementForm data is missing"),
    ],
    ids=["a field", "the whole", "unreadable", "no management", "wrong management"],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(
    client: Client, task: AutomationTaskModel, sent: dict[str, Any], said: str
) -> None:
    before = fingerprint()
    answer = client.post(page(task), sent)
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert fingerprint() == before


def test_what_cannot_be_kept_is_said(client: Client, task: AutomationTaskModel) -> None:
    before = fingerprint()
    answer = client.post(page(task), lines({"article": "a", "pieces": "1", "note": "NaN"}))
    assert answer.status_code == 200
    assert re.search(r'<ul class="errorlist nonform">.*NaN', answer.content.decode(), re.DOTALL)
    assert fingerprint() == before


def test_a_draft_keeps_all_forms_of_a_formset_but_no_file(
    client: Client, task: AutomationTaskModel
) -> None:
    sent = lines(
        {"article": "half", "pieces": "no number"},
        {"article": "a", "pieces": "1"},
        {"article": "third", "receipt": SimpleUploadedFile("r.txt", b"x")},
        draft="1",
        other="field",
    )
    assert client.post(page(task), sent).status_code == 302
    kept = AutomationDraftModel.objects.get().entered
    assert "other" not in kept
    assert "form-2-receipt" not in kept
    text = client.get(page(task)).content.decode()
    assert len(re.findall("<legend>", text)) == 3
    assert 'value="half"' in text
    assert 'value="third"' in text
    assert "errorlist" not in text


def test_more_forms_than_may_be_are_refused(client: Client, task: AutomationTaskModel) -> None:
    answer = client.post(page(task), lines(total=100_000))
    assert answer.status_code == 200
    assert task.automation.state == "running"


# Numbers that cost nothing to send


def test_a_number_of_forms_that_nobody_has_filled_in_is_not_believed(
    client: Client, task: AutomationTaskModel
) -> None:
    shown = client.post(page(task), lines({"article": "pen", "pieces": "x"}, total=99999))
    assert shown.status_code == 200
    assert re.findall(r"<legend>(.*?)</legend>", shown.content.decode()) == ["Entry 1"]
    assert client.post(page(task), lines(total=1000)).status_code == 302
    assert data_of(task)["lines"] == []


def test_what_is_filled_in_far_behind_is_kept_in_its_order_without_the_gaps(
    client: Client, task: AutomationTaskModel, tmp_path: Any, settings: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    sent = lines(total=400) | {
        "form-300-article": "pen",
        "form-300-pieces": "2",
        "form-300-receipt": SimpleUploadedFile("r.txt", b"paid"),
        "form-12-article": "ink",
        "form-12-pieces": "3",
        "form-13-article": "",
        "form-500-article": "cup",
        "form-500-pieces": "1",
    }
    assert client.post(page(task), sent).status_code == 302
    assert data_of(task)["lines"] == [
        {"article": "ink", "pieces": 3, "receipt": None, "note": None},
        {"article": "pen", "pieces": 2, "receipt": "r.txt", "note": None},
    ]


def test_forms_of_what_is_there_already_are_kept_and_none_is_made_up() -> None:
    made = forms.formset_factory(Line, min_num=3)
    given = [{"article": "pen", "pieces": 1}, {"article": "ink", "pieces": 2}]
    sent = MultiValueDict(
        {"form-TOTAL_FORMS": ["900"], "form-INITIAL_FORMS": ["900"], "form-70-article": ["cup"]}
    )
    formset = close_ranks(made(sent, initial=given))
    assert formset.initial_form_count() == 2
    assert formset.total_form_count() == 4
    assert formset.forms[3]["article"].value() == "cup"
    few = made(sent | {"form-TOTAL_FORMS": "50"}, initial=given)
    assert close_ranks(few).total_form_count() == 50


def test_a_draft_of_a_formset_says_no_such_number_either(
    client: Client, task: AutomationTaskModel
) -> None:
    sent = lines({"article": "pen", "pieces": "x"}, total=99999, draft="1")
    assert client.post(page(task), sent).status_code in (200, 302)
    shown = client.get(page(task)).content.decode()
    assert re.findall(r"<legend>(.*?)</legend>", shown) == ["Entry 1"]
    assert 'value="pen"' in shown
