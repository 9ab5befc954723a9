"""Forms of models: what a person enters is saved with the task, and with nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError
from django.db.models import QuerySet
from django.db.models.signals import post_save
from django.test import Client
from django.urls import reverse

from automations import settings
from automations.dispatch import inline
from automations.engine.context import TaskContext
from automations.exceptions import DefinitionError, RunBusy
from automations.models import AutomationModel
from tests.engine.rows import at, path
from tests.plain import DAY, NOW
from tests.testapp.hard import Mistaken, Sheet
from tests.testapp.language import IssueListForm, Makes
from tests.testapp.models import IssueList, Webinar

#: By marks, not by fixtures asked for later: so the database is made for this module alone too.
pytestmark = pytest.mark.parametrize(
    "way",
    [
        pytest.param("in a TestCase", marks=pytest.mark.django_db),
        pytest.param("committing", marks=pytest.mark.django_db(transaction=True)),
    ],
)


@pytest.fixture
def ada(way: str) -> User:
    return User.objects.create(username="ada")


@pytest.fixture
def page(ada: User) -> Client:
    client = Client()
    client.force_login(ada)
    return client


def url(run: Makes, node: str) -> str:
    return reverse("automations:task", args=[at(run, node).pk])


@pytest.mark.api("D4", "ModelForm")
def test_a_form_of_a_model_makes_the_object_and_keeps_its_key(page: Client, ada: User) -> None:
    run = Makes()
    assert page.get(url(run, "make")).status_code == 200
    assert not IssueList.objects.exists()
    assert page.post(url(run, "make"), {"title": "first"}).status_code == 302
    made = IssueList.objects.get()
    run = Makes(automation_id=run.id)
    assert run.issue_list == made
    assert run.data["issue_list"] == made.pk
    assert run.data["make"] == {"title": "first"}
    assert run.data["_make_validated"]["user_id"] == ada.pk
    assert AutomationModel.objects.for_object(made).get().pk == run.id


@pytest.mark.api("ModelForm")
def test_a_form_of_a_model_changes_the_object_that_is_there(page: Client) -> None:
    run = Makes()
    page.post(url(run, "make"), {"title": "first"})
    assert 'value="first"' in page.get(url(run, "change")).text
    page.post(url(run, "change"), {"title": "second"})
    assert [made.title for made in IssueList.objects.all()] == ["second"]
    assert path(run) == ["make", "change", "other"]


def test_a_form_of_a_model_whose_object_is_gone_makes_a_new_one(page: Client) -> None:
    run = Makes()
    page.post(url(run, "make"), {"title": "first"})
    IssueList.objects.all().delete()
    assert page.get(url(run, "change")).status_code == 200
    page.post(url(run, "change"), {"title": "second"})
    assert Makes(automation_id=run.id).issue_list.title == "second"


@pytest.mark.api("ModelForm")
def test_what_is_wrong_saves_nothing(page: Client) -> None:
    run = Makes()
    response = page.post(url(run, "make"), {"title": ""})
    assert response.status_code == 200
    assert not IssueList.objects.exists()
    assert path(run) == ["make"]


def test_who_is_too_late_with_what_may_exist_once_is_told_and_nothing_moves(
    page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Makes()

    def save(self: Any) -> None:
        IssueList.objects.create(title="half")
        raise IntegrityError("duplicate")

    with monkeypatch.context() as patch:
        patch.setattr(IssueListForm, "save", save)
        response = page.post(url(run, "make"), {"title": "first"})
    assert response.status_code == 200
    assert "contradicts what is there" in response.text
    assert 'value="first"' in response.text
    assert not IssueList.objects.exists()
    assert page.post(url(run, "make"), {"title": "first"}).status_code == 302


@pytest.mark.api("D4")
def test_a_file_of_a_model_is_kept_once_under_its_name(
    page: Client, settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    run = Makes()
    page.post(url(run, "make"), {"title": "first"})
    page.post(url(run, "change"), {"title": "first"})
    upload = SimpleUploadedFile("talk.txt", b"slides")
    begins = "2026-03-02 09:00"
    sent = {"title": "talk", "begins": begins, "slides": upload}
    assert page.post(url(run, "other"), sent).status_code == 302
    talk = Webinar.objects.get()
    run = Makes(automation_id=run.id)
    assert run.finished()
    assert run.data["other"]["slides"] == talk.slides.name
    assert talk.slides.read() == b"slides"
    assert run.talk == talk  # a key that the class does not declare gives its object too
    assert AutomationModel.objects.for_object(talk, "talk").exists()
    talk.slides.close()
    assert len(list(tmp_path.rglob("*.txt"))) == 1


def filled(run: Any, node: str, **entered: Any) -> Any:
    """Return the form of the task as the page makes it, filled in."""
    task = at(run, node)
    context = TaskContext(task, task.automation, settings.now())
    context.load()
    found: Any = context.node
    form = found.get_form_class(context)(entered, **found.get_form_kwargs(context))
    assert form.is_valid()
    return form


def test_what_others_change_in_the_object_meanwhile_stays(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked: list[Any] = []
    usual = QuerySet.select_for_update

    def lock(self: Any, *args: Any, **kwargs: Any) -> Any:
        locked.append(self.model)
        return usual(self, *args, **kwargs)

    monkeypatch.setattr(QuerySet, "select_for_update", lock)
    Webinar.objects.create(title="of another", begins=NOW - DAY)
    run = Makes()
    inline.submit(run.id, at(run, "make").pk, filled(run, "make", title="first"), ada)
    inline.submit(run.id, at(run, "change").pk, filled(run, "change", title="second"), ada)
    talk = Webinar.objects.create(title="talk", begins=NOW)
    run = Makes(automation_id=run.id)
    run.data["talk"] = talk.pk
    run.save()
    form = filled(run, "other", title="better", begins=NOW)
    Webinar.objects.filter(pk=talk.pk).update(begins=NOW + DAY, slides="slides/new.pdf")
    locked.clear()
    inline.submit(run.id, at(run, "other").pk, form, ada)
    talk.refresh_from_db()
    assert (talk.title, talk.begins, talk.slides.name) == ("better", NOW + DAY, "slides/new.pdf")
    assert Webinar in locked


def test_an_object_that_is_deleted_meanwhile_is_made_again(ada: User) -> None:
    run = Makes()
    inline.submit(run.id, at(run, "make").pk, filled(run, "make", title="first"), ada)
    form = filled(run, "change", title="second")
    IssueList.objects.all().delete()
    inline.submit(run.id, at(run, "change").pk, form, ada)
    assert Makes(automation_id=run.id).issue_list.title == "second"


def test_a_form_of_another_model_than_is_bound_is_refused(ada: User) -> None:
    run = Mistaken()
    with pytest.raises(DefinitionError, match="makes a IssueList, but 'issue_list' binds a"):
        filled(run, "make", title="first")


def test_saving_an_object_cannot_send_a_message_to_the_run_that_saves_it(ada: User) -> None:
    run = Sheet()

    def tell(**kwargs: Any) -> None:
        Sheet.dispatch_message(run, "saved")

    post_save.connect(tell, sender=IssueList)
    try:
        with pytest.raises(RunBusy, match="in the middle of a step"):
            inline.submit(run.id, at(run, "make").pk, filled(run, "make", title="first"), ada)
    finally:
        post_save.disconnect(tell, sender=IssueList)
    assert at(run, "make").state == "waiting"
    assert not IssueList.objects.exists()
